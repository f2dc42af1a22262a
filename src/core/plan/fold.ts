import { celEnv, celFunc, CelScalar, isCelError, isCelList, parse, plan, type CelEnv, type CelInput } from '@bufbuild/cel';
import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { parseAddress, prefixOf, prefixText } from '../../model/address.ts';
import type { Value } from '../../model/rule.ts';
import { childrenOf } from '../cel/tree.ts';
import type { Checked } from '../cel/types.ts';
import type { Key } from '../decide/types.ts';
import { refuse } from './refuse.ts';

export type Constant = string | bigint | number | boolean | readonly Constant[] | null;

/** What does not depend on the request: literals and `key`. `error` is CEL's own: what holds it neither holds nor fails. */
export type Folded = { readonly kind: 'value'; readonly value: Constant } | { readonly kind: 'error' };

export type Folder = {
  /** undefined: it depends on the request. */
  readonly fold: (expr: Expr) => Folded | undefined;
  /** `a.b["c"]` as ["a", "b", "c"]; undefined when it is no such path. */
  readonly path: (expr: Expr) => readonly string[] | undefined;
  /** True when the key is not known yet and samples stand for it. */
  readonly sampled: boolean;
};

/** Partial evaluation for one key; with `key` null each column has a sample of its type, to judge a match when a rule is saved. */
export function folderOf(checked: Checked, key: Key | null): Folder {
  const known = new Map<Expr, boolean>();
  const isConstant = (expr: Expr): boolean => {
    const before = known.get(expr);
    if (before !== undefined) return before;
    const yes = childrenOf(expr).map(isConstant).every(Boolean) && leaf(expr);
    known.set(expr, yes);
    return yes;
  };
  const path = (expr: Expr): readonly string[] | undefined => pathOf(expr, fold);
  const bindings = bindingsOf({ checked, key });
  // Most constants are a literal or a column: the evaluator is set up for the others only.
  let env: CelEnv | undefined;
  const fold = (expr: Expr): Folded | undefined => {
    if (!isConstant(expr)) return undefined;
    return literalOf(expr) ?? columnOf(expr, bindings) ?? evaluate({ env: (env ??= foldingEnv()), expr, bindings });
  };
  return { fold, path, sampled: key === null };
}

/** Functions whose value is known without a request; `key` is the only name. */
const foldable: ReadonlySet<string> = new Set(
  '_[_] _+_ _-_ _*_ _/_ _%_ -_ !_ _&&_ _||_ _?_:_ _==_ _!=_ _<_ _<=_ _>_ _>=_ @in size startsWith endsWith contains matches int double string bool subnet'.split(
    ' ',
  ),
);

function leaf(expr: Expr): boolean {
  const { case: kind, value } = expr.exprKind;
  if (kind === 'identExpr') return value.name === 'key';
  if (kind === 'callExpr') return foldable.has(value.function);
  return kind === 'constExpr' || kind === 'listExpr' || kind === 'selectExpr';
}

const subnetFunction = celFunc('subnet', [CelScalar.STRING, CelScalar.INT, CelScalar.INT], CelScalar.STRING, (text, v4, v6) => {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`not an address: ${text}`);
  const length = Number(address.bits === 32 ? v4 : v6);
  if (length < 0 || length > address.bits) throw new Error(`not a prefix length: ${length}`);
  return prefixText(prefixOf(address, length));
});

const foldingEnv = (): CelEnv => celEnv({ funcs: [subnetFunction] });

function columnOf(expr: Expr, bindings: Bindings): Folded | undefined {
  const [root, ...names] = pathOf(expr, literalOf) ?? [];
  if (root !== 'key' || names.length === 0) return undefined;
  let at: CelInput | Tree | undefined = bindings.key;
  for (const name of names) at = at instanceof Map ? (at as Tree).get(name) : undefined;
  const value = constantOf(at);
  return value === undefined ? { kind: 'error' } : { kind: 'value', value };
}

type Bindings = { readonly key: Tree };
type Tree = ReadonlyMap<string, CelInput>;

function evaluate({ env, expr, bindings }: { env: CelEnv; expr: Expr; bindings: Bindings }): Folded {
  const result: unknown = plan(env, expr)({ key: bindings.key });
  if (isCelError(result)) return { kind: 'error' };
  const value = constantOf(result);
  return value === undefined ? refuse(expr, 'its value is of a kind that no attribute has') : { kind: 'value', value };
}

function constantOf(value: unknown): Constant | undefined {
  if (value === null || typeof value === 'string' || typeof value === 'bigint' || typeof value === 'number' || typeof value === 'boolean')
    return value;
  if (!isList(value)) return undefined;
  const items = Array.from(value, constantOf);
  return items.some((item) => item === undefined) ? undefined : items.flatMap((item) => (item === undefined ? [] : [item]));
}

const isList = (value: unknown): value is Iterable<unknown> => typeof value === 'object' && value !== null && isCelList(value as never);

function pathOf(expr: Expr, fold: Folder['fold']): readonly string[] | undefined {
  const { case: kind, value } = expr.exprKind;
  if (kind === 'identExpr') return [value.name];
  if (kind === 'selectExpr' && !value.testOnly && value.operand !== undefined) {
    const operand = pathOf(value.operand, fold);
    return operand === undefined ? undefined : [...operand, value.field];
  }
  if (kind !== 'callExpr' || value.function !== '_[_]') return undefined;
  const [of, index] = value.args;
  const operand = of === undefined ? undefined : pathOf(of, fold);
  const name = index === undefined ? undefined : fold(index);
  if (operand === undefined || name?.kind !== 'value' || typeof name.value !== 'string') return undefined;
  return [...operand, name.value];
}

/** `key` as nested maps: column destination.instance is key.destination.instance. */
function bindingsOf({ checked, key }: { checked: Checked; key: Key | null }): Bindings {
  const root = new Map<string, CelInput>();
  const types = columnTypes(checked);
  const columns: Iterable<readonly [string, Value | undefined]> = key ?? [...types.keys()].map((name) => [name, undefined] as const);
  for (const [name, value] of columns) {
    const path = key === null ? (JSON.parse(name) as readonly string[]) : columnPath(name);
    const type = types.get(JSON.stringify(path));
    const input = value === undefined ? sampleOf(type) : inputOf(value, type);
    if (input !== undefined) put(root, path, input);
  }
  return { key: root };
}

function put(root: Map<string, CelInput>, path: readonly string[], value: CelInput): void {
  let at = root;
  for (const name of path.slice(0, -1)) {
    const below = at.get(name);
    const next = below instanceof Map ? below : new Map<string, CelInput>();
    at.set(name, next);
    at = next;
  }
  at.set(path.at(-1) ?? '', value);
}

/** The segments of a column's name: an attribute path or a plain name. */
function columnPath(name: string): readonly string[] {
  if (/^\w+(?:\.\w+)*$/.test(name)) return name.split('.');
  const { expr } = parse(name);
  const path = expr === undefined ? undefined : pathOf(expr, literalOf);
  return path ?? [name];
}

function literalOf(expr: Expr): Folded | undefined {
  const { case: kind, value } = expr.exprKind;
  if (kind !== 'constExpr') return undefined;
  const { case: type, value: literal } = value.constantKind;
  return type === 'stringValue' || type === 'int64Value' || type === 'boolValue' ? { kind: 'value', value: literal } : undefined;
}

/** The type of each column that the text reads, by its segments as JSON. */
function columnTypes({ expr, types }: Checked): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const walk = (node: Expr): void => {
    const path = pathOf(node, literalOf);
    if (path?.[0] === 'key') found.set(JSON.stringify(path.slice(1)), types.get(node.id)?.kind ?? 'string');
    // The whole path is the column; its beginnings are none.
    else for (const child of childrenOf(node)) walk(child);
  };
  walk(expr);
  return found;
}

/** Ints are bigint for CEL and may be plain numbers in a key: the checked type tells them from doubles. */
function inputOf(value: Value, type: string | undefined): CelInput | undefined {
  if (typeof value === 'object') return undefined;
  return typeof value === 'number' && type === 'int' ? BigInt(value) : value;
}

const sampleText = 'sample';
export const isSample = (text: string): boolean => text === sampleText;

function sampleOf(type: string | undefined): CelInput | undefined {
  if (type === 'struct' || type === 'map') return undefined;
  return type === 'int' ? 1n : type === 'double' ? 1 : type === 'bool' ? true : sampleText;
}
