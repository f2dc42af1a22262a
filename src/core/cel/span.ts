import { gapBetween } from './lex.ts';
import type { Token } from './lex.ts';

/** A stretch of the text, in code points; `end` is not part of it. */
export type Span = { readonly start: number; readonly end: number };

export type CallSpan = Span & { readonly args: readonly Span[] };

/** Where the call whose name begins at `start` ends, and each of its arguments; null when no call begins there. */
export function callSpan(tokens: readonly Token[], start: number): CallSpan | null {
  const first = tokens.findIndex((token) => token.start === start);
  if (first < 0 || tokens[first + 1]?.text !== '(') return null;
  const args: Span[] = [];
  let depth = 0;
  let from = first + 2;
  for (let i = first + 1; i < tokens.length; i++) {
    const token = tokens[i]!;
    if (token.kind !== 'op') continue;
    if ('([{'.includes(token.text)) depth += 1;
    if (')]}'.includes(token.text)) depth -= 1;
    if (depth === 0 || (depth === 1 && token.text === ',')) {
      if (i > from) args.push({ start: tokens[from]!.start, end: tokens[i - 1]!.end });
      from = i + 1;
    }
    if (depth === 0) return { start, end: token.end, args };
  }
  return null;
}

/** The text of a stretch with every run of white space and comments between tokens as one blank. */
export function spanText(tokens: readonly Token[], { start, end }: Span): string {
  const inside = tokens.filter((token) => token.start >= start && token.end <= end);
  return inside.map((token, i) => (i === 0 ? '' : gapBetween(inside[i - 1]!, token)) + token.text).join('');
}
