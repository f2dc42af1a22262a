import { parse as parseText } from '@bufbuild/cel';
import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { fail, ok } from '../../model/problem.ts';
import type { Result } from '../../model/problem.ts';
import { lex } from './lex.ts';
import type { Token } from './lex.ts';
import type { CelProblem } from './problem.ts';
import { firstSyntaxProblem } from './syntax.ts';
import { childrenOf } from './tree.ts';

/** A CEL text as a tree. Ids are unique in it; offsets are code points. */
export type Parsed = {
  readonly text: string;
  readonly expr: Expr;
  /** Where the text of a node begins, parentheses around it left out. */
  readonly starts: ReadonlyMap<bigint, number>;
  /** Where its own operator, dot or bracket stands; the name of a global call. */
  readonly marks: ReadonlyMap<bigint, number>;
  /** The macro (all, exists, exists_one, map, filter) behind a comprehension. */
  readonly macros: ReadonlyMap<bigint, string>;
  readonly tokens: readonly Token[];
};

/** Parses within the bounds of bounds.ts; never throws. */
export function parse(text: string): Result<Parsed, CelProblem> {
  const tokens = lex(text);
  if (!tokens.ok) return tokens;
  const problem = firstSyntaxProblem(tokens.value);
  if (problem !== null) return fail(problem);
  try {
    // The specification ends a comment at a line end only; one at the end of the text is meant the same.
    const { expr, sourceInfo } = parseText(`${text}\n`);
    const marks = tokenStarts(sourceInfo?.positions ?? {}, { tokens: tokens.value, points: pointsOf(text) });
    const macros = new Map(Object.entries(sourceInfo?.macroCalls ?? {}).map(([id, call]) => [BigInt(id), calledName(call)]));
    const starts = new Map<bigint, number>();
    collectStarts(expr, marks, starts);
    return ok({ text, expr, starts, marks, macros, tokens: tokens.value });
  } catch (error) {
    return fail(fromParser(error, pointsOf(text)));
  }
}

const calledName = (call: Expr): string => (call.exprKind.case === 'callExpr' ? call.exprKind.value.function : '');

/** The parser says, in UTF-16 units, where the blanks before an operator begin; what is meant is the token after them. */
function tokenStarts(
  positions: Readonly<Record<string, number>>,
  { tokens, points }: { readonly tokens: readonly Token[]; readonly points: (unit: number) => number },
): ReadonlyMap<bigint, number> {
  const starts = tokens.map((token) => token.start);
  const marks = Object.entries(positions).map(([id, unit]): [bigint, number] => {
    const offset = points(unit);
    let low = 0;
    let high = starts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) < offset) low = middle + 1;
      else high = middle;
    }
    return [BigInt(id), starts[low] ?? offset];
  });
  return new Map(marks);
}

/** From UTF-16 units to code points: the same until the first character beyond the basic plane. */
function pointsOf(text: string): (unit: number) => number {
  if (!/[\ud800-\udbff]/.test(text)) return (unit) => unit;
  const points = [0];
  let count = 0;
  for (const point of text) {
    count += 1;
    for (const _ of point.split('')) points.push(count);
  }
  return (unit) => points[unit] ?? count;
}

/** A node begins where the first of its parts does. */
function collectStarts(expr: Expr, marks: ReadonlyMap<bigint, number>, starts: Map<bigint, number>): number {
  let start = marks.get(expr.id) ?? 0;
  for (const child of childrenOf(expr)) start = Math.min(start, collectStarts(child, marks, starts));
  starts.set(expr.id, start);
  return start;
}

function fromParser(error: unknown, points: (unit: number) => number): CelProblem {
  const what = error instanceof Error ? error.message : 'it cannot be parsed';
  return {
    code: 'E-CEL-SYNTAX',
    offset: points(offsetOf(error) ?? 0),
    what: what.replace(/^<input>:\d+:\d+: /, ''),
    todo: 'correct it',
  };
}

function offsetOf(error: unknown): number | null {
  const location: unknown = typeof error === 'object' && error !== null && 'location' in error ? error.location : null;
  const start: unknown = typeof location === 'object' && location !== null && 'start' in location ? location.start : null;
  const offset: unknown = typeof start === 'object' && start !== null && 'offset' in start ? start.offset : null;
  return typeof offset === 'number' ? offset : null;
}
