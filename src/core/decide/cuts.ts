import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import type { Param, Value } from '../../model/rule.ts';
import type { Programs } from '../cel/programs.ts';
import { childrenOf, contains } from '../cel/tree.ts';
import type { Checked } from '../cel/types.ts';
import { scalarOf } from '../cel/value.ts';

type With = { readonly programs: Programs; readonly params: readonly Param[] };

/**
 * By what an expression is given (a quantile, or a variable that may be one), the constants that it compares it with (ns for durations): on
 * which side a quantile lies is then exact. A param is a constant for each key.
 */
export function cutsOf(checked: Checked, given: With): ReadonlyMap<bigint, readonly number[]> {
  const compared = new Set(checked.aggregates.flatMap(({ id, name }) => (name === 'quantile' || name === 'variable' ? [id] : [])));
  const cuts = new Map<bigint, number[]>();
  const note = (of: Expr, constant: Expr): void => {
    if (!compared.has(of.id)) return;
    const all = constant.exprKind.case === 'listExpr' ? constant.exprKind.value.elements : [constant];
    const numbers = all.flatMap((one) => constantsIn({ ...checked, expr: one }, given));
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

/** The quantiles of which an expression asks only whether they lie above or below constants. */
export function sidedIn(checked: Checked, given: With): ReadonlySet<bigint> {
  const sided = new Set<bigint>();
  const visit = (expr: Expr): void => {
    const call = expr.exprKind.case === 'callExpr' ? expr.exprKind.value : null;
    const [left, right] = call?.args ?? [];
    if (left !== undefined && right !== undefined && /^_[<>]=?_$/.test(call?.function ?? '')) {
      if (constantsIn({ ...checked, expr: right }, given).length > 0) sided.add(left.id);
      if (constantsIn({ ...checked, expr: left }, given).length > 0) sided.add(right.id);
    }
    childrenOf(expr).forEach(visit);
  };
  visit(checked.expr);
  return sided;
}

/** The values of an expression that is the same at all times: one, or with params one for each key that they name. */
export function constantsIn(part: Checked, { programs, params }: With): readonly number[] {
  const type = part.types.get(part.expr.id);
  if (type === undefined || !isConstant(part.expr, part)) return [];
  const used = part.aggregates.filter(({ id }) => contains(part.expr, id));
  const run = programs.aggregate({ ...part, type, aggregates: used }, []);
  const ofParams = used.map(({ of }) => params.find(({ name }) => name === of)!);
  const keys = new Set(['', ...ofParams.flatMap(({ byKey }) => [...byKey.keys()])]);
  return [...keys].flatMap((key) => numberOf(run(ofParams.map((param) => param.byKey.get(key) ?? param.default), { bound: () => new Map(), raw: [] }, 0n))); // prettier-ignore
}

function numberOf(value: Value | null): readonly number[] {
  const scalar = value === null ? null : scalarOf(value);
  return typeof scalar === 'number' || typeof scalar === 'bigint' ? [Number(scalar)] : [];
}

function isConstant(expr: Expr, of: Pick<Checked, 'aggregates'>): boolean {
  const given = of.aggregates.find(({ id }) => id === expr.id);
  if (given !== undefined) return given.name === 'param';
  const { case: kind } = expr.exprKind;
  return kind !== 'identExpr' && kind !== 'comprehensionExpr' && childrenOf(expr).every((child) => isConstant(child, of));
}
