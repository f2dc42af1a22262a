import type { Expr, Expr_Call } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { comparedAggregate, comparedForms } from './compared.ts';
import { bool, double } from './kinds.ts';
import { setNamed, undeclaredSet } from './sets.ts';
import { spanText } from './span.ts';
import { constantString } from './tree.ts';
import type { Aggregate, AggregateName, CelType } from './types.ts';
import { report, startOf, variableNamed } from './walk.ts';
import type { Walk } from './walk.ts';
import { misplacedReason, plainAggregate, plainForms, spanOf, windowOf } from './windowed.ts';
import type { AggregateCall } from './windowed.ts';

/** Every name that calls an aggregate. */
export const aggregateNames: ReadonlySet<string> = new Set([...plainForms.keys(), ...comparedForms.keys(), 'burn_rate', 'firing']);

/** Whether a call is an aggregate's: by its name alone, or after a name that is, or was meant to be, a set. */
export function isAggregateCall({ function: name, target }: Expr_Call, walk: Walk): boolean {
  if (!aggregateNames.has(name)) return false;
  if (target === undefined || setNamed(target, walk) !== null) return true;
  const root = target.exprKind.case === 'identExpr' ? target.exprKind.value.name : null;
  return root !== null && !walk.env.roots.has(root) && variableNamed(walk, root) === undefined && walk.env.dialect === 'aggregate';
}

/** The type of an aggregate call, which is noted in walk.aggregates. */
export function aggregateType(expr: Expr, call: Expr_Call, walk: Walk): CelType | null {
  const { function: name, target } = call;
  const set = target === undefined ? null : setNamed(target, walk);
  const offset = startOf(walk, expr);
  if (target !== undefined && set === null) {
    const root = target.exprKind.case === 'identExpr' ? target.exprKind.value.name : '';
    return report(walk, offset, () => undeclaredSet(root, walk.env));
  }
  const isFiring = name === 'firing' && walk.inside === null && walk.env.dialect === 'aggregate';
  const misplaced = isFiring ? null : misplacedReason(name, walk, setInside(call, walk) ?? set);
  if (misplaced !== null) return report(walk, offset, { code: 'E-CEL-SCOPE', ...misplaced });
  const aggregate = aggregateOf({ expr, call, set }, walk);
  if (aggregate !== null) walk.aggregates.push(aggregate);
  return aggregate?.type ?? null;
}

/** The set that a comparison names inside. */
function setInside({ function: name, args }: Expr_Call, walk: Walk): string | null {
  const inner = comparedForms.has(name) && args[0]?.exprKind.case === 'callExpr' ? args[0].exprKind.value.target : undefined;
  return inner === undefined ? null : setNamed(inner, walk);
}

function aggregateOf(at: AggregateCall, walk: Walk): Aggregate | null {
  const { call, expr, set } = at;
  const { function: name } = call;
  const plain = plainForms.get(name);
  if (plain !== undefined) return plainAggregate(at, plain, walk);
  if (set !== null) {
    const todo = comparedForms.has(name) ? `write ${name}(${set}.p99(response.duration))` : `write ${name}(…) alone`;
    return report(walk, startOf(walk, expr), { code: 'E-CEL-TYPE', what: `\`${name}\` is not of one set`, todo });
  }
  if (name === 'burn_rate') return burnRate(at, walk);
  return name === 'firing' ? firing(at, walk) : comparedAggregate(at, walk);
}

/** burn_rate("1h"): how many times faster than the objective allows the error budget is spent. */
function burnRate(at: AggregateCall, walk: Walk): Aggregate | null {
  const { expr, call } = at;
  const [window] = call.args;
  const { good } = walk.env;
  const wrong = (what: string, todo: string): null => report(walk, startOf(walk, expr), { code: 'E-CEL-TYPE', what, todo });
  if (good === null) return wrong('`burn_rate` needs `slo`', 'give the rule slo: {good: …, objective: 99.9%}');
  if (window === undefined || call.args.length > 1 || constantString(window) === null)
    return wrong('`burn_rate` takes a window', 'write burn_rate("1h")');
  const windowNs = windowOf(window, walk);
  if (windowNs === undefined) return null;
  const ratio = given({ at, walk, name: 'ratio', type: double });
  return { ...ratio, name: 'burn_rate', inner: { ...ratio, argument: good, windowNs } };
}

/** firing("rule"), firing("rule", key). */
function firing(at: AggregateCall, walk: Walk): Aggregate | null {
  const { expr, call } = at;
  const [rule, key] = call.args;
  const of = constantString(rule);
  const isKey = key?.exprKind.case === 'identExpr' && key.exprKind.value.name === 'key' && variableNamed(walk, 'key') === undefined;
  if (of === null || call.args.length > 2 || (key !== undefined && !isKey))
    return report(walk, startOf(walk, expr), {
      code: 'E-CEL-TYPE',
      what: '`firing` takes the name of a rule',
      todo: 'write firing("gray-failure"), or firing("gray-failure", key) for the same key',
    });
  return { ...given({ at, walk, name: 'firing', type: bool }), of, byKey: key !== undefined };
}

type Given = { readonly at: AggregateCall; readonly walk: Walk; readonly name: AggregateName; readonly type: CelType };

function given({ at, walk, name, type }: Given): Aggregate {
  const span = spanOf(at, walk);
  const text = span === null ? '' : spanText(walk.parsed.tokens, span);
  return { ...nothing, id: at.expr.id, text, name, type };
}

const nothing = { set: null, argument: null, inner: null, q: null, windowNs: null, spanNs: null, of: null, byKey: false } as const;

/** params.p or variables.v, which is noted as what the expression is given. */
export function givenType(
  expr: Expr,
  { name, of, type }: { readonly name: 'param' | 'variable'; readonly of: string; readonly type: CelType },
  walk: Walk,
): CelType {
  walk.aggregates.push({ ...nothing, id: expr.id, text: `${name}s.${of}`, name, of, type });
  return type;
}
