import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { childrenOf } from './tree.ts';

/** The expression with each node in `names` (by Expr id) replaced by a variable of that name; the given one is not changed. */
export function withVariables(expr: Expr, names: ReadonlyMap<bigint, string>): Expr {
  const name = names.get(expr.id);
  if (name !== undefined) return { ...expr, exprKind: { case: 'identExpr', value: { $typeName: 'cel.expr.Expr.Ident', name } } };
  const go = (inner: Expr): Expr => withVariables(inner, names);
  const maybe = (inner: Expr | undefined): { operand?: Expr } => (inner === undefined ? {} : { operand: go(inner) });
  const { exprKind } = expr;
  switch (exprKind.case) {
    case 'selectExpr':
      return { ...expr, exprKind: { case: 'selectExpr', value: { ...exprKind.value, ...maybe(exprKind.value.operand) } } };
    case 'callExpr': {
      const { target, args } = exprKind.value;
      const call = { ...exprKind.value, ...(target === undefined ? {} : { target: go(target) }), args: args.map(go) };
      return { ...expr, exprKind: { case: 'callExpr', value: call } };
    }
    case 'listExpr':
      return { ...expr, exprKind: { case: 'listExpr', value: { ...exprKind.value, elements: exprKind.value.elements.map(go) } } };
    case 'structExpr': {
      const entries = exprKind.value.entries.map((entry) => ({
        ...entry,
        ...(entry.keyKind.case === 'mapKey' ? { keyKind: { case: 'mapKey' as const, value: go(entry.keyKind.value) } } : {}),
        ...(entry.value === undefined ? {} : { value: go(entry.value) }),
      }));
      return { ...expr, exprKind: { case: 'structExpr', value: { ...exprKind.value, entries } } };
    }
    case 'comprehensionExpr': {
      const { iterRange, accuInit, loopCondition, loopStep, result } = exprKind.value;
      const parts = Object.entries({ iterRange, accuInit, loopCondition, loopStep, result });
      const changed = Object.fromEntries(parts.map(([part, inner]) => [part, inner === undefined ? inner : go(inner)]));
      return { ...expr, exprKind: { case: 'comprehensionExpr', value: { ...exprKind.value, ...changed } } };
    }
    default:
      return expr;
  }
}

/** Whether the expression names this variable anywhere. A loop variable that shadows it counts too: the caller then assumes too much, never too little. */
export function mentions(expr: Expr, name: string): boolean {
  const { exprKind } = expr;
  if (exprKind.case === 'identExpr') return exprKind.value.name === name || exprKind.value.name === `.${name}`;
  return childrenOf(expr).some((child) => mentions(child, name));
}
