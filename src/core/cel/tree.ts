import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';

/** The expressions directly inside one, from left to right. */
export function childrenOf(expr: Expr): readonly Expr[] {
  const { exprKind } = expr;
  switch (exprKind.case) {
    case 'selectExpr':
      return present([exprKind.value.operand]);
    case 'callExpr':
      return present([exprKind.value.target, ...exprKind.value.args]);
    case 'listExpr':
      return exprKind.value.elements;
    case 'structExpr':
      return present(
        exprKind.value.entries.flatMap((entry) => [entry.keyKind.case === 'mapKey' ? entry.keyKind.value : undefined, entry.value]),
      );
    case 'comprehensionExpr': {
      const { iterRange, accuInit, loopCondition, loopStep, result } = exprKind.value;
      return present([iterRange, accuInit, loopCondition, loopStep, result]);
    }
    default:
      return [];
  }
}

/** More names than any path has: `key.destination.labels.x`. */
const namesMax = 8;

/** `destination.instance` of a chain of names, or null for anything else. */
export function dottedName(expr: Expr, most = namesMax): string | null {
  const { exprKind } = expr;
  if (exprKind.case === 'identExpr') return exprKind.value.name;
  if (most === 0 || exprKind.case !== 'selectExpr' || exprKind.value.testOnly || exprKind.value.operand === undefined) return null;
  const before = dottedName(exprKind.value.operand, most - 1);
  return before === null ? null : `${before}.${exprKind.value.field}`;
}

/** The string that a constant is, or null. */
export function constantString(expr: Expr | undefined): string | null {
  if (expr?.exprKind.case !== 'constExpr') return null;
  const { constantKind } = expr.exprKind.value;
  return constantKind.case === 'stringValue' ? constantKind.value : null;
}

/** Whether a node of this id is in the expression. */
export const contains = (expr: Expr, id: bigint): boolean => expr.id === id || childrenOf(expr).some((child) => contains(child, id));

const present = (exprs: readonly (Expr | undefined)[]): readonly Expr[] => exprs.filter((expr) => expr !== undefined);
