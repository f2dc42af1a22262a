import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { celMap } from '@bufbuild/cel';
import type { CelInput } from '@bufbuild/cel';
import type { Value } from '../../model/rule.ts';
import { parseTime } from '../../model/time.ts';
import { constantString, dottedName } from '../cel/tree.ts';
import type { CelType } from '../cel/types.ts';
import { compareScalars, jsonOf, scalarOf, toCel } from '../cel/value.ts';
import type { CompiledColumn, CompiledRule } from '../rule/types.ts';
import type { Key } from './types.ts';

export const keyOf = (columns: readonly CompiledColumn[], values: readonly Value[]): Key =>
  new Map(columns.map(({ name }, i) => [name, values[i] ?? '']));

/** JSON of a key, its columns in the rule's order: {"destination.instance":"c3"}. Keys of one rule are equal exactly when these are. */
export const textOfKey = (key: Key): string => `{${[...key].map(([name, value]) => `${JSON.stringify(name)}:${jsonOf(value)}`).join(',')}}`;

/** What siblings share: all columns but the last. */
export const groupOf = (key: Key): string => JSON.stringify([...key.values()].slice(0, -1).map(jsonOf));

/** The order in which keys are shown: column by column, text by code point, numbers by value. */
export function compareKeys(a: Key, b: Key): number {
  const others = [...b.values()];
  let i = 0;
  for (const value of a.values()) {
    const other = others[i++];
    const order = other === undefined ? 1 : compareScalars(scalarOf(value), scalarOf(other));
    if (order !== 0) return order;
  }
  return 0;
}

/** Reads textOfKey's text back, by the rule's columns in any order; null: it is no key of this rule (its columns have changed). */
export function readKey({ columns }: Pick<CompiledRule, 'columns'>, text: string): Key | null {
  const json: unknown = parsed(text);
  if (typeof json !== 'object' || json === null || Object.keys(json).length !== columns.length) return null;
  const values = columns.map(({ name, type }) => valueFrom(Object.getOwnPropertyDescriptor(json, name)?.value, type));
  return values.some((value) => value === null) ? null : keyOf(columns, values as Value[]);
}

/** `key` for CEL: nested as the columns are written, so that key.destination.instance and key.request.headers["x"] find their value. */
export function bindKey({ columns, rule }: Pick<CompiledRule, 'columns' | 'rule'>, key: Key): CelInput {
  const root: Nested = new Map();
  columns.forEach(({ name, checked }, i) => {
    const value = key.get(name);
    if (value !== undefined) put(root, rule.by[i]?.attribute === true ? pathOf(checked.expr) : [name], toCel(value));
  });
  return close(root);
}

type Nested = Map<string, Nested | CelInput>;

/** destination.instance → two steps; request.headers["x-tenant"] → three. */
function pathOf(expr: Expr): readonly string[] {
  const { exprKind } = expr;
  const [map, entry] = exprKind.case === 'callExpr' && exprKind.value.function === '_[_]' ? exprKind.value.args : [];
  const name = constantString(entry);
  if (map !== undefined && name !== null) return [...pathOf(map), name];
  return dottedName(expr)?.split('.') ?? [];
}

function put(root: Nested, path: readonly string[], value: CelInput): void {
  let at = root;
  for (const step of path.slice(0, -1)) {
    const known = at.get(step);
    const next: Nested = known instanceof Map ? (known as Nested) : new Map();
    at.set(step, next);
    at = next;
  }
  at.set(path.at(-1) ?? '', value);
}

function close(nested: Nested): CelInput {
  return celMap(new Map([...nested].map(([name, inner]) => [name, inner instanceof Map ? close(inner as Nested) : inner])));
}

function valueFrom(json: unknown, type: CelType): Value | null {
  if (type.kind === 'bool') return typeof json === 'boolean' ? json : null;
  if (type.kind === 'timestamp') {
    const timeNs = typeof json === 'string' ? parseTime(json) : null;
    return timeNs === null ? null : { timeNs };
  }
  if (type.kind === 'double' && (json === 'Infinity' || json === '-Infinity')) return Number(json);
  if (type.kind === 'string') return typeof json === 'string' ? json : null;
  if (typeof json !== 'number') return null;
  if (type.kind === 'int') return Number.isSafeInteger(json) ? BigInt(json) : null;
  return type.kind === 'duration' ? { durationNs: BigInt(Math.round(json * 1e9)) } : json;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return null;
  }
}
