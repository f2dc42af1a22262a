import type { CelType, Checked } from '../types.ts';

/**
 * A value inside compiled code: ints and doubles are numbers (an int is always a safe integer), durations and timestamps bigint ns, lists
 * arrays, maps Map. undefined is CEL's error.
 */
export type Raw = string | number | bigint | boolean | null | readonly Raw[] | ReadonlyMap<Raw, Raw>;

/** Least and greatest value of an int. */
export type Range = readonly [least: number, greatest: number];

/** A piece of emitted JavaScript: an expression that does nothing but set temporaries. */
export type Code = {
  readonly js: string;
  readonly type: CelType;
  /** Whether it can be undefined, CEL's error. */
  readonly fails: boolean;
  /** Of an int whose values are bounded more narrowly than by what a number can hold exactly; else null. */
  readonly range: Range | null;
  /** Of what can fail: a test that it does, and what it is after one that did not; so that V8 need not make an object of a bigint that is only compared. */
  readonly guard?: { readonly fails: string; readonly js: string };
  /** Of a list literal without failing elements. */
  readonly elements?: readonly Code[];
  /** Of a scalar literal. */
  readonly constant?: string | number | boolean;
};

/** How names that no macro binds are read: `path` as written, e.g. "destination.instance" or "now". */
export type Names = (path: string) => Code;

/** What is known at a node while its code is made. */
export type Scope = {
  readonly checked: Checked;
  readonly names: Names;
  /** Variables of the macros around the node. */
  readonly variables: ReadonlyMap<string, Code>;
  /** A new temporary of the function around the node. */
  readonly temporary: () => string;
  /** Puts a function beside the one that is made, as `(a, b) => …`, and says its name. */
  readonly beside: (js: string) => string;
  /** What names are read from in the function that is made, as text: `r`. */
  readonly inputs: string;
  /** Puts a value that has no literal at hand (a compiled pattern, a set) and says how code names it. */
  readonly constant: (value: object | string | number | bigint) => string;
  /** Literals are put at hand too, so that expressions which differ only there have the same code. */
  readonly shares: boolean;
  /** Runs code whose value is always the same now. */
  readonly run: (js: string) => unknown;
};

export const safe: Range = [-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];

/** Thrown while code is made: a constant that numbers cannot hold exactly. The expression is then left to the plain evaluator. */
export class NotCompiled extends Error {}

/** Code for a strict operation: undefined as soon as an operand is. `build` gets the operands and says whether its own result can fail. */
export function strict(
  scope: Scope,
  operands: readonly Code[],
  build: (...js: readonly string[]) => string,
  result: { readonly type: CelType; readonly fails?: boolean; readonly range?: Range | null },
): Code {
  const { type, fails = false, range = null } = result;
  const guards: string[] = [];
  const names = operands.map((operand) => {
    if (!operand.fails) return operand.js;
    if (operand.guard !== undefined) {
      guards.push(operand.guard.fails);
      return operand.guard.js;
    }
    const name = scope.temporary();
    guards.push(`(${name} = ${operand.js}) === undefined`);
    return name;
  });
  const js = build(...names);
  if (guards.length === 0) return { js: `(${js})`, type, fails, range };
  return { js: `(${guards.join(' || ')} ? undefined : ${js})`, type, fails: true, range };
}

/** The only place where something of a rule's text enters code: as a JSON string or a number. */
export function literal(value: string | number | boolean): string {
  if (typeof value === 'number') return Object.is(value, -0) ? '(-0)' : value < 0 ? `(${value})` : String(value);
  return JSON.stringify(value);
}
