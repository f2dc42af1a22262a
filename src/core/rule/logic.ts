import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { attributeAt } from '../../model/schema.ts';
import { childrenOf, constantString, dottedName } from '../cel/tree.ts';
import type { Checked, CelType } from '../cel/types.ts';
import { entryName } from './attr.ts';
import { leavesMax } from './bounds.ts';

/** A condition with every `!` pushed down to its leaves, and every `c ? a : b` as (c && a) || (!c && b). */
export type Logic =
  | { readonly kind: 'and' | 'or'; readonly of: readonly Logic[] }
  | { readonly kind: 'constant'; readonly value: boolean }
  | {
      readonly kind: 'leaf';
      readonly expr: Expr;
      /** It stands under an odd number of `!`. */
      readonly negated: boolean;
      /** It holds because something is not so: `!=`, a negated test (has() aside), or anything whose inside cannot be told. */
      readonly negative: boolean;
      /** The attribute that has() or `"entry" in map` asks for, when the leaf is such a test. */
      readonly presence: string | null;
      /** The attributes it reads; an entry of a map counts as the map too, without which it cannot be read. */
      readonly attributes: readonly string[];
    };

export type Leaf = Extract<Logic, { kind: 'leaf' }>;

/** The logic of a checked bool expression; null when nested conditionals blow it up beyond leavesMax. */
export function logicOf(checked: Checked): Logic | null {
  const budget = { left: leavesMax };
  const logic = build(checked.expr, { types: checked.types, negated: false, budget });
  return budget.left < 0 ? null : logic;
}

type Context = { readonly types: ReadonlyMap<bigint, CelType>; readonly negated: boolean; readonly budget: { left: number } };

function build(expr: Expr, context: Context): Logic {
  const { types, negated, budget } = context;
  budget.left -= 1;
  if (budget.left < 0) return { kind: 'constant', value: false };
  const flipped = { ...context, negated: !negated };
  if (expr.exprKind.case === 'constExpr') return { kind: 'constant', value: (expr.exprKind.value.constantKind.value === true) !== negated };
  if (expr.exprKind.case !== 'callExpr') return leafOf(expr, context);
  const { function: name, args } = expr.exprKind.value;
  const [first, second, third] = args;
  if (name === '!_' && first !== undefined) return build(first, flipped);
  if (name === '_&&_' || name === '_||_')
    return { kind: (name === '_&&_') !== negated ? 'and' : 'or', of: args.map((arg) => build(arg, context)) };
  if (name === '_?_:_' && first !== undefined && second !== undefined && third !== undefined) {
    const yes: Logic = { kind: 'and', of: [build(first, { ...context, negated: false }), build(second, context)] };
    return { kind: 'or', of: [yes, { kind: 'and', of: [build(first, { ...context, negated: true }), build(third, context)] }] };
  }
  if ((name === '_==_' || name === '_!=_') && first !== undefined && second !== undefined && types.get(first.id)?.kind === 'bool') {
    const constant = boolOf(first) ?? boolOf(second);
    const other = boolOf(first) === null ? first : second;
    if (constant !== null) return build(other, constant === (name === '_==_') ? context : flipped);
  }
  return leafOf(expr, context);
}

function boolOf(expr: Expr): boolean | null {
  const value = expr.exprKind.case === 'constExpr' ? expr.exprKind.value.constantKind.value : undefined;
  return typeof value === 'boolean' ? value : null;
}

function leafOf(expr: Expr, { types, negated }: Context): Leaf {
  const presence = presenceOf(expr);
  const differs = expr.exprKind.case === 'callExpr' && expr.exprKind.value.function === '_!=_';
  const negative = presence === null && (isOpaque(expr, types) || differs !== negated);
  return { kind: 'leaf', expr, negated, negative, presence, attributes: [...new Set([...attributesIn(expr)].flatMap(withMap))] };
}

/** has(a.b), has(map.entry) and "entry" in map ask whether something is there. */
function presenceOf(expr: Expr): string | null {
  const { exprKind } = expr;
  if (exprKind.case === 'selectExpr' && exprKind.value.testOnly) return pathOf(expr);
  if (exprKind.case !== 'callExpr' || exprKind.value.function !== '@in') return null;
  const [entry, of] = exprKind.value.args;
  const map = of === undefined ? null : dottedName(of);
  const name = constantString(entry);
  return map !== null && name !== null && attributeAt(map)?.type === 'map(string, string)' ? entryName(map, name) : null;
}

/** A test with another test inside it (a macro, a condition in a value, bools compared) may hold because something is absent. */
function isOpaque(expr: Expr, types: ReadonlyMap<bigint, CelType>): boolean {
  return expr.exprKind.case === 'comprehensionExpr' || childrenOf(expr).some((child) => isTest(child, types) || isOpaque(child, types));
}

const isTest = (expr: Expr, types: ReadonlyMap<bigint, CelType>): boolean =>
  types.get(expr.id)?.kind === 'bool' && (expr.exprKind.case === 'callExpr' || expr.exprKind.case === 'comprehensionExpr');

const withMap = (path: string): readonly string[] => (path.includes('[') ? [path, mapOf(path)] : [path]);

/** `request.headers` of `request.headers["x"]`; any other path as it is. */
export const mapOf = (path: string): string => path.replace(/\[.*$/s, '');

/** Every attribute that an expression reads, entries of maps by name; `key` is none. */
export function attributesIn(expr: Expr, found: Set<string> = new Set()): ReadonlySet<string> {
  const path = pathOf(expr);
  if (path !== null) found.add(path);
  const inner = path === null ? childrenOf(expr) : expr.exprKind.case === 'callExpr' ? expr.exprKind.value.args.slice(1) : [];
  for (const child of inner) attributesIn(child, found);
  return found;
}

/** The attribute path that an expression is, or null. An entry whose name is computed is `map[…]`. */
function pathOf(expr: Expr): string | null {
  const { exprKind } = expr;
  if (exprKind.case === 'callExpr' && exprKind.value.function === '_[_]') {
    const [of, by] = exprKind.value.args;
    const map = of === undefined ? null : dottedName(of);
    if (map === null || attributeAt(map)?.type !== 'map(string, string)') return null;
    const name = constantString(by);
    return name === null ? `${map}[…]` : entryName(map, name);
  }
  if (exprKind.case === 'identExpr') return attributeAt(exprKind.value.name) === undefined ? null : exprKind.value.name;
  if (exprKind.case !== 'selectExpr' || exprKind.value.operand === undefined) return null;
  const before = dottedName(exprKind.value.operand);
  if (before === null) return null;
  if (attributeAt(before)?.type === 'map(string, string)') return entryName(before, exprKind.value.field);
  const path = `${before}.${exprKind.value.field}`;
  return attributeAt(path) === undefined ? null : path;
}
