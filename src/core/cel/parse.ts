import { parse as parseText } from '@bufbuild/cel';
import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { fail, ok } from '../../model/problem.ts';
import type { Result } from '../../model/problem.ts';
import { gapBetween, lex } from './lex.ts';
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

/** Parses within the bounds of bounds.ts; never throws. `plain`: CEL as the specification has it, not as rules do (a leading dot, messages). */
export function parse(text: string, plain = false): Result<Parsed, CelProblem> {
  const tokens = lex(text);
  if (!tokens.ok) return tokens;
  const problem = firstSyntaxProblem(tokens.value, plain);
  if (problem !== null) return fail(problem);
  const spelled = spell(tokens.value);
  try {
    const { expr, sourceInfo } = parseText(spelled.text);
    const marks = new Map(Object.entries(sourceInfo?.positions ?? {}).map(([id, unit]) => [BigInt(id), spelled.startOf(unit)]));
    const macros = new Map(Object.entries(sourceInfo?.macroCalls ?? {}).map(([id, call]) => [BigInt(id), calledName(call)]));
    const starts = new Map<bigint, number>();
    collectStarts(expr, marks, starts);
    return ok({ text, expr, starts, marks, macros, tokens: tokens.value });
  } catch (error) {
    return fail(fromParser(error, spelled.startOf));
  }
}

const calledName = (call: Expr): string => (call.exprKind.case === 'callExpr' ? call.exprKind.value.function : '');

/**
 * The tokens with one blank where the text has white space or comments: the parser takes neither a comment at the end nor `f( )`. It places
 * nodes by UTF-16 units of that, often at the blank before a token; `startOf` gives where that token begins in the text, in code points.
 */
function spell(tokens: readonly Token[]): { readonly text: string; readonly startOf: (unit: number) => number } {
  const units: number[] = [];
  let text = '';
  for (const [i, token] of tokens.entries()) {
    const before = tokens[i - 1];
    const isEmptyPair = before?.kind === 'op' && ['()', '[]', '{}'].includes(before.text + token.text);
    text += before === undefined || isEmptyPair ? '' : gapBetween(before, token);
    units.push(text.length);
    text += token.text;
  }
  const startOf = (unit: number): number => {
    let low = 0;
    let high = units.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((units[middle] ?? 0) < unit) low = middle + 1;
      else high = middle;
    }
    return tokens[low]?.start ?? 0;
  };
  return { text, startOf };
}

/** A node begins where the first of its parts does. */
function collectStarts(expr: Expr, marks: ReadonlyMap<bigint, number>, starts: Map<bigint, number>): number {
  let start = marks.get(expr.id) ?? 0;
  for (const child of childrenOf(expr)) start = Math.min(start, collectStarts(child, marks, starts));
  starts.set(expr.id, start);
  return start;
}

function fromParser(error: unknown, startOf: (unit: number) => number): CelProblem {
  const what = error instanceof Error ? error.message : 'it cannot be parsed';
  return {
    code: 'E-CEL-SYNTAX',
    offset: startOf(offsetOf(error) ?? 0),
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
