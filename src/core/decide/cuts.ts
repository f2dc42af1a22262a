import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import type { Programs } from '../cel/programs.ts';
import { childrenOf } from '../cel/tree.ts';
import type { Checked } from '../cel/types.ts';
import { scalarOf } from '../cel/value.ts';

/** By aggregate, the constants that a condition compares a quantile with (ns for durations): on which side it lies is then exact. */
export function cutsOf(checked: Checked, programs: Programs): ReadonlyMap<bigint, readonly number[]> {
  const quantiles = new Set(checked.aggregates.flatMap(({ id, name }) => (name === 'quantile' ? [id] : [])));
  const cuts = new Map<bigint, number[]>();
  const note = (of: Expr, constant: Expr): void => {
    if (!quantiles.has(of.id)) return;
    const all = constant.exprKind.case === 'listExpr' ? constant.exprKind.value.elements : [constant];
    const numbers = all.flatMap((one) => constantIn({ ...checked, expr: one }, programs) ?? []);
    cuts.set(of.id, [...(cuts.get(of.id) ?? []), ...numbers]);
  };
  const visit = (expr: Expr): void => {
    const call = expr.exprKind.case === 'callExpr' ? expr.exprKind.value : null;
    const [left, right] = call?.args ?? [];
    if (left !== undefined && right !== undefined && (/^_[<>=!]=?_$/.test(call?.function ?? '') || call?.function === '@in')) {
      note(left, right);
      note(right, left);
    }
    childrenOf(expr).forEach(visit);
  };
  visit(checked.expr);
  return cuts;
}

function constantIn(part: Checked, programs: Programs): number | null {
  const type = part.types.get(part.expr.id);
  if (type === undefined || !isConstant(part.expr, part)) return null;
  const value = programs.aggregate({ ...part, type, aggregates: [] }, [])([], { bound: () => new Map(), raw: [] }, 0n);
  const scalar = value === null ? null : scalarOf(value);
  return typeof scalar === 'number' || typeof scalar === 'bigint' ? Number(scalar) : null;
}

const isConstant = (expr: Expr, { aggregates }: Checked): boolean =>
  expr.exprKind.case !== 'identExpr' &&
  expr.exprKind.case !== 'comprehensionExpr' &&
  !aggregates.some(({ id }) => id === expr.id) &&
  childrenOf(expr).every((child) => isConstant(child, { aggregates } as Checked));
