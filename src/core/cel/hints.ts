import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { readDuration } from '../../model/units.ts';
import { double, duration, int, string } from './kinds.ts';
import { resultOf } from './operators.ts';
import { snippetMax } from './problem.ts';
import { callSpan, spanText } from './span.ts';
import { dottedName } from './tree.ts';
import type { CelType } from './types.ts';
import { startOf } from './walk.ts';
import type { Walk } from './walk.ts';

/** What to write instead, and where; null: at the operator. */
export type Hint = { readonly offset: number | null; readonly todo: string };

type Operand = { readonly expr: Expr; readonly type: CelType };

/** What would make `left symbol right` have a type: a constant of the other type, or a conversion. */
export function overloadHint(symbol: string, left: Operand, right: Operand, walk: Walk): Hint {
  for (const side of ['left', 'right'] as const) {
    const operand = side === 'left' ? left : right;
    const works = (type: CelType): boolean =>
      resultOf(symbol, side === 'left' ? type : left.type, side === 'right' ? type : right.type) !== null;
    const constant = rewritten(operand.expr, works);
    if (constant !== null) return { offset: startOf(walk, operand.expr), todo: `write ${constant}` };
  }
  for (const side of ['left', 'right'] as const) {
    const operand = side === 'left' ? left : right;
    const works = (type: CelType): boolean =>
      resultOf(symbol, side === 'left' ? type : left.type, side === 'right' ? type : right.type) !== null;
    if (operand.type.kind === 'int' && works(double))
      return { offset: startOf(walk, operand.expr), todo: `write double(${written(operand.expr, walk)})` };
    if (operand.type.kind === 'ip' && works(string)) return { offset: startOf(walk, operand.expr), todo: 'compare addresses as text' };
  }
  return { offset: null, todo: reason(symbol, left.type, right.type) };
}

/** The constant in the type that works: 3 as 3.0, "443" as 443, "250ms" as d("250ms"). */
function rewritten(expr: Expr, works: (type: CelType) => boolean): string | null {
  if (expr.exprKind.case !== 'constExpr') return null;
  const { constantKind } = expr.exprKind.value;
  if (constantKind.case === 'int64Value') {
    if (works(double)) return `${constantKind.value}.0`;
    if (works(string)) return `"${constantKind.value}"`;
    return works(duration) ? `a unit: d("${constantKind.value}s") or d("${constantKind.value}ms")` : null;
  }
  if (constantKind.case === 'doubleValue') {
    if (Number.isInteger(constantKind.value) && works(int)) return `${constantKind.value}`;
    return works(duration) ? `a unit: d("${constantKind.value}s")` : null;
  }
  if (constantKind.case !== 'stringValue') return null;
  const text = constantKind.value;
  if (/^-?\d{1,15}$/.test(text) && works(int)) return text;
  if (/^-?\d{1,15}\.\d{1,15}$/.test(text) && works(double)) return text;
  if (/^(?:true|false)$/.test(text) && works({ kind: 'bool' })) return text;
  return readDuration(text).ok && works(duration) ? `d("${text}")` : null;
}

/** A path or a plain call as it stands in the text; anything longer is left to the reader. */
function written(expr: Expr, walk: Walk): string {
  const span = expr.exprKind.case === 'callExpr' ? callSpan(walk.parsed.tokens, startOf(walk, expr)) : null;
  const text = dottedName(expr) ?? (span === null ? '…' : spanText(walk.parsed.tokens, span));
  return text.length > snippetMax ? '…' : text;
}

function reason(symbol: string, left: CelType, right: CelType): string {
  const group = [left, right].find((type) => type.kind === 'struct');
  if (group?.kind === 'struct') return `\`${group.name}\` is a group: name one of its attributes`;
  if (left.kind === 'null' || right.kind === 'null') return 'absence is tested with has(…)';
  if (symbol === 'in')
    return right.kind === 'string' ? 'write text.contains(part), or x in ["a", "b"]' : 'right of `in` stands a list of such values';
  if (symbol === '[]') return left.kind === 'list' ? 'a list is indexed by int' : 'only lists and maps are indexed';
  return left.kind === right.kind ? `${symbol} is not for these` : 'both sides must be of one type';
}
