import { fail, ok } from '../../model/problem.ts';
import type { Result } from '../../model/problem.ts';
import { celTextMax, celTokensMax } from './bounds.ts';
import { ticked } from './problem.ts';
import type { CelProblem } from './problem.ts';

/** One token; `start` and `end` are offsets in code points. Comments and white space are no tokens. */
export type Token = {
  readonly kind: 'name' | 'number' | 'string' | 'op';
  readonly text: string;
  readonly start: number;
  readonly end: number;
};

const doubled: ReadonlySet<string> = new Set(['&&', '||', '==', '!=', '<=', '>=']);
const single: ReadonlySet<string> = new Set('<>+-*/%!?:.,()[]{}');
const nameStart = /[A-Za-z_]/;
const nameRest = /[A-Za-z0-9_]/;
const digit = /[0-9]/;
const quoteOrPrefix: ReadonlySet<string> = new Set('"\'rRbB');
const numberText = /(?:0[xX][0-9a-fA-F]+|[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|[0-9]+)[uU]?/y;

/** The tokens of a CEL text, bounded: what is longer than celTextMax or has more than celTokensMax tokens is E-CEL-COST. */
export function lex(text: string): Result<readonly Token[], CelProblem> {
  if (text.length > celTextMax) return fail(tooMuch(0, `the expression is longer than ${celTextMax / 1024} KiB`));
  const points = Array.from(text);
  const tokens: Token[] = [];
  let at = 0;
  while (at < points.length) {
    const point = points[at] ?? '';
    if (/\s/.test(point)) at += 1;
    else if (point === '/' && points[at + 1] === '/') at = lineEnd(points, at);
    else {
      const token = tokenAt(points, at);
      if (!token.ok) return token;
      tokens.push(token.value);
      at = token.value.end;
      if (tokens.length > celTokensMax) return fail(tooMuch(token.value.start, `the expression has more than ${celTokensMax} tokens`));
    }
  }
  return ok(tokens);
}

export const tooMuch = (offset: number, what: string): CelProblem => ({
  code: 'E-CEL-COST',
  offset,
  what,
  todo: 'split it or make it simpler',
});

/** One blank when white space or a comment stands between two tokens. */
export const gapBetween = (left: Token, right: Token): string => (left.end === right.start ? '' : ' ');

function tokenAt(points: readonly string[], start: number): Result<Token, CelProblem> {
  const point = points[start] ?? '';
  const token = (kind: Token['kind'], end: number): Result<Token, CelProblem> =>
    ok({ kind, text: points.slice(start, end).join(''), start, end });
  const quote = quoteAt(points, start);
  if (quote !== null) {
    const end = stringEnd(points, quote);
    return end === null ? fail(unclosed(start, points)) : token('string', end);
  }
  if (nameStart.test(point)) return token('name', runEnd(points, start, nameRest));
  if (digit.test(point) || (point === '.' && digit.test(points[start + 1] ?? ''))) return token('number', numberEnd(points, start));
  if (doubled.has(point + (points[start + 1] ?? ''))) return token('op', start + 2);
  if (single.has(point)) return token('op', start + 1);
  return fail({ code: 'E-CEL-SYNTAX', offset: start, what: `unexpected ${ticked(point)}`, todo: instead(point) });
}

type Quote = { readonly from: number; readonly mark: string; readonly raw: boolean };

/** Where a string literal's first character stands, or null when none starts here. */
function quoteAt(points: readonly string[], start: number): Quote | null {
  if (!quoteOrPrefix.has(points[start] ?? '')) return null;
  const prefix = /^(?:[rR][bB]?|[bB][rR]?)?(?=["'])/.exec(points.slice(start, start + 3).join(''))?.[0];
  const first = points[start + (prefix?.length ?? 0)] ?? '';
  if (prefix === undefined || (first !== '"' && first !== "'")) return null;
  const open = start + prefix.length;
  const triple = points[open + 1] === first && points[open + 2] === first;
  return { from: open + (triple ? 3 : 1), mark: first.repeat(triple ? 3 : 1), raw: /[rR]/.test(prefix) };
}

function stringEnd(points: readonly string[], { from, mark, raw }: Quote): number | null {
  const quote = mark[0] ?? '';
  for (let i = from; i < points.length; i++) {
    if (points[i] === '\\' && !raw) i += 1;
    else if (mark.length === 1 && (points[i] === '\n' || points[i] === '\r')) return null;
    else if (points[i] === quote && (mark.length === 1 || (points[i + 1] === quote && points[i + 2] === quote))) return i + mark.length;
  }
  return null;
}

function numberEnd(points: readonly string[], start: number): number {
  numberText.lastIndex = 0;
  // Digits are ASCII, so code units and code points agree inside the slice; 400 is longer than any number that parses.
  const found = numberText.exec(points.slice(start, start + 400).join(''))?.[0] ?? '';
  return start + Math.max(1, found.length);
}

function runEnd(points: readonly string[], start: number, wanted: RegExp): number {
  let end = start;
  while (end < points.length && wanted.test(points[end] ?? '')) end += 1;
  return end;
}

function lineEnd(points: readonly string[], start: number): number {
  const end = points.indexOf('\n', start);
  return end < 0 ? points.length : end;
}

const unclosed = (offset: number, points: readonly string[]): CelProblem => ({
  code: 'E-CEL-SYNTAX',
  offset,
  what: 'the string is never closed',
  todo: `end it with ${points[offset] === "'" ? "'" : '"'}`,
});

const instead = (point: string): string =>
  new Map([
    ['=', 'compare with =='],
    ['&', 'and is &&'],
    ['|', 'or is ||'],
    ['“', 'use straight quotes'],
    ['”', 'use straight quotes'],
    ['‘', 'use straight quotes'],
    ['’', 'use straight quotes'],
    ['×', 'multiply with *'],
    ['≥', 'write >='],
    ['≤', 'write <='],
    ['≠', 'write !='],
  ]).get(point) ?? 'remove it';
