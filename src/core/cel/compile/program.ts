import { floorDivide, formatTime } from '../../../model/time.ts';
import { grpcCodes, attributeAt } from '../../../model/schema.ts';
import type { Value } from '../../../model/rule.ts';
import { createCalendar } from '../calendar.ts';
import { int, timestamp, typeNamed } from '../kinds.ts';
import * as library from '../library.ts';
import type { CelType, Checked } from '../types.ts';
import { NotCompiled } from './code.ts';
import type { Code, Names, Range, Raw, Scope } from './code.ts';
import { emit } from './emit.ts';
import { inexact, runtime } from './runtime.ts';

/** `undefined`: CEL's error. Throws `inexact` where numbers do not do. */
export type Run<Args extends readonly unknown[]> = (...args: Args) => Raw | undefined;

const lib = { ...library, floorDivide, formatTime, calendar: createCalendar() };

/** Functions that make a run of its constants, by their code: thousands of rules alike are one piece of code to the machine. */
export type Codes = Map<string, (...given: readonly unknown[]) => unknown>;

/** Codes remembered; when there are more, all are forgotten. */
const codesMax = 10_000;

/**
 * Compiles an expression into a function of these parameters; `names` says how code reads from them. null: it holds a constant that
 * numbers cannot. Nothing of the expression's text is in the code but string literals, as JSON, and numbers. With `codes`, expressions
 * that differ only in their literals share code; without, code has its literals in it, which is the fastest for one that runs by itself.
 */
export function compile<Args extends readonly unknown[]>(
  checked: Checked,
  parameters: string,
  names: Names,
  codes: Codes | null = null,
): Run<Args> | null {
  const put: Put = { inputs: parameters, temporaries: [], constants: [], beside: [] };
  const code = codeOf(checked, names, put, codes !== null);
  return code === null ? null : (make(functionText(parameters, put, `return ${code.js};`), put.constants, codes) as Run<Args>);
}

/** Puts what several expressions say of one record into a list, in the canonical form of a Measure; undefined: CEL's error. */
export type RunAll = (record: unknown, out: unknown[]) => void;

/** Compiles expressions over one record `r` into one function, so that a record is looked at once. null: one holds a constant that numbers cannot. */
export function compileAll(all: readonly Checked[], names: Names): RunAll | null {
  const put: Put = { inputs: 'r', temporaries: [], constants: [], beside: [] };
  const codes = all.map((checked) => codeOf(checked, names, put, false));
  if (codes.includes(null)) return null;
  const lines = codes.map((code, i) => `out[${i}] = ${code === null ? 'undefined' : canonicalCode(code)};`);
  return make(functionText('r, out', put, lines.join(' ')), put.constants, null) as RunAll;
}

/** Code whose value is in the canonical form of a Measure. */
export function canonicalCode({ js, type: { kind } }: Code): string {
  if (kind === 'string' || kind === 'bool' || kind === 'int') return js;
  if (kind === 'double') return `rt.plain(${js})`;
  return kind === 'duration' || kind === 'timestamp' ? `rt.whenExact(${js})` : 'undefined';
}

/** What the code of one function needs besides its text. */
export type Put = { readonly inputs: string; readonly temporaries: string[]; readonly constants: unknown[]; readonly beside: string[] };

/** null: it holds a constant that numbers cannot. */
export function codeOf(checked: Checked, names: Names, { inputs, temporaries, constants, beside }: Put, shares: boolean): Code | null {
  const scope: Scope = {
    checked,
    names,
    variables: new Map(),
    temporary: () => {
      const name = `t${temporaries.length}`;
      temporaries.push(name);
      return name;
    },
    beside: (js) => `f${beside.push(js) - 1}`,
    inputs,
    constant: (value) => `k${constants.push(value) - 1}`,
    shares,
    run: (js) => make(`return ${js};`, [], null),
  };
  try {
    return emit(checked.expr, scope);
  } catch (error) {
    if (error instanceof NotCompiled) return null;
    throw error;
  }
}

function functionText(parameters: string, { temporaries, beside }: Put, body: string): string {
  const locals = temporaries.length === 0 ? '' : `let ${temporaries.join(', ')};`;
  const functions = beside.map((js, i) => `const f${i} = ${js};`).join(' ');
  return `${functions} return (${parameters}) => { ${locals} ${body} };`;
}

/** Runs text that the emitter wrote. */
export function make(text: string, constants: readonly unknown[], codes: Codes | null): unknown {
  const names = constants.map((_, i) => `k${i}`);
  const known = codes?.get(`${names.length} ${text}`);
  if (known !== undefined) return known(runtime, lib, ...constants);
  // oxlint-disable-next-line no-new-func -- nothing of a rule is in the text but literals: see `compile`, and the test that plants hostile ones
  const run = new Function('rt', 'lib', ...names, `"use strict"; ${text}`) as (...given: readonly unknown[]) => unknown;
  if (codes !== null && codes.size >= codesMax) codes.clear();
  codes?.set(`${names.length} ${text}`, run);
  return run(runtime, lib, ...constants);
}

/** A function of code that is all ours: a form of the library. */
export const functionOf = (parameters: string, js: string): ((...given: readonly Raw[]) => Raw | undefined) =>
  make(`return (${parameters}) => ${js};`, [], null) as (...given: readonly Raw[]) => Raw | undefined;

/** How CEL<r> reads a record `r`: what a record lacks is undefined. */
export const recordNames: Names = (path) => {
  const code = grpcCodes.get(path.replace(/^grpc\./, ''));
  if (path.startsWith('grpc.') && code !== undefined)
    return { js: String(code), type: int, fails: false, range: [code, code], constant: code };
  const attribute = attributeAt(path);
  const type = attribute === undefined ? undefined : typeNamed(attribute.type);
  if (type === undefined) throw new Error(`flyball: broken invariant: a record has no ${path}`);
  return { js: `r.${path}`, type, fails: path.includes('.'), range: null };
};

/** How CEL<a> reads: the values of its aggregates `v` in order of appearance, the key's columns `k`, and `now`. */
export const aggregateNames = (checked: Checked, columns: readonly { readonly name: string; readonly type: CelType }[]): Names => {
  return (path) => {
    if (path.startsWith('@')) {
      const type = checked.aggregates[Number(path.slice(1))]?.type;
      if (type === undefined) throw new Error(`flyball: broken invariant: no aggregate ${path}`);
      return { js: `v[${path.slice(1)}]`, type, fails: true, range: null };
    }
    if (path === 'now') return { js: 'now', type: timestamp, fails: false, range: null };
    const at = columns.findIndex(({ name }) => `key.${name}` === path);
    const column = columns[at];
    return column === undefined ? recordNames(path) : { js: `k[${at}]`, type: column.type, fails: false, range: null };
  };
};

/** How plain CEL reads the variables of an object `e`, nested as their paths are; `ranges` bounds ints by path, so that sums need no check. */
export const declaredNames =
  (types: ReadonlyMap<string, CelType>, ranges: ReadonlyMap<string, Range> = new Map()): Names =>
  (path) => {
    const type = types.get(path);
    if (type === undefined) throw new Error(`flyball: broken invariant: ${path} is not declared`);
    return { js: `e.${path}`, type, fails: false, range: ranges.get(path) ?? null };
  };

/** What compiled code takes for a value; null: an int that a number cannot hold. */
export function rawOf(value: Value): Raw | null {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : null;
  if (typeof value !== 'object') return value;
  return 'durationNs' in value ? value.durationNs : value.timeNs;
}

/** The value of a compiled expression of this type; null for an error and for what no key, verdict or aggregate can be. */
export function valueFrom(raw: Raw | undefined, { kind }: CelType): Value | null {
  if (raw === undefined || raw === null) return null;
  if (typeof raw === 'number') return kind === 'int' ? BigInt(raw) : Number.isNaN(raw) ? null : raw;
  if (typeof raw === 'bigint') return kind === 'duration' ? { durationNs: raw } : { timeNs: raw };
  return typeof raw === 'string' || typeof raw === 'boolean' ? raw : null;
}

export const isInexact = (error: unknown): boolean => error === inexact;
