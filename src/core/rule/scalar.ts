import type { Scalar } from 'yaml';
import type { Problem } from '../../model/problem.ts';
import type { CelText, Place } from '../../model/rule.ts';
import { ticked } from '../cel/problem.ts';
import { placeAt, problemAt } from './place.ts';
import type { Source } from './place.ts';

/** One scalar as text. */
export type ScalarNode = {
  readonly kind: 'scalar';
  readonly text: string;
  /** Not plain: quoted or a block. */
  readonly quoted: boolean;
  /** A comment follows on its line. */
  readonly commented: boolean;
  /** The first character of the text, or of the scalar (quote, block header) where the text is not in the file as it is. */
  readonly place: Place;
  readonly exact: boolean;
  readonly runs?: NonNullable<CelText['runs']>;
};

/** Reads a scalar and finds its text in the file. An unquoted one with a space inside {} or [] is E-YAML-QUOTE. */
export function scalarOf(
  node: Scalar,
  context: { readonly source: Source; readonly problems: Problem[]; readonly flow: boolean },
): ScalarNode {
  const { source, problems, flow } = context;
  const [start, end] = node.range ?? [0, 0];
  const text = String(node.value ?? '');
  const isPlain = node.type === 'PLAIN';
  const written = source.text.slice(start, end);
  if (flow && isPlain && /\s/.test(text)) {
    const what = `${ticked(text)} has a space but no quotes inside {} or []: YAML may cut it`;
    problems.push(problemAt(source, placeAt(source, start), { code: 'E-YAML-QUOTE', what, todo: 'quote it' }));
  }
  const base = { kind: 'scalar', text, quoted: !isPlain, commented: isCommented(node) } as const;
  const quote = isPlain ? 0 : 1;
  if (written.slice(quote, written.length - quote) === text && (isPlain || /^["']/.test(written))) {
    if (!text.includes('\n')) return { ...base, place: placeAt(source, start + quote), exact: true };
  }
  const runs = runsOf(text, { source, start, end, isBlock: node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED', quote });
  return { ...base, place: placeAt(source, start), exact: false, ...(runs === null ? {} : { runs }) };
}

type Written = { readonly source: Source; readonly start: number; readonly end: number; readonly isBlock: boolean; readonly quote: number };

/** Walks text and file side by side; where YAML folded white space a new run begins. Null when they part (escapes). */
function runsOf(text: string, { source, start, end, isBlock, quote }: Written): NonNullable<CelText['runs']> | null {
  const file = source.text;
  const runs: { offset: number; line: number; column: number }[] = [];
  let at = isBlock ? file.indexOf('\n', start) + 1 : start + quote;
  let offset = 0;
  let blanks = '';
  for (let i = 0; i < text.length;) {
    const point = String.fromCodePoint(text.codePointAt(i) ?? 0);
    if (/\s/.test(point)) blanks += point;
    else {
      const from = at;
      while (at < end && /\s/.test(file[at] ?? '')) at += 1;
      if (at >= end || !file.startsWith(point, at)) return null;
      if (runs.length === 0 || file.slice(from, at) !== blanks) runs.push({ offset, ...placeAt(source, at) });
      blanks = '';
      at += point.length + (quote === 1 && point === "'" && file.startsWith("''", at) ? 1 : 0);
    }
    i += point.length;
    offset += 1;
  }
  return runs;
}

/** The comment after the scalar, which the parser keeps beside it. */
function isCommented(node: Scalar): boolean {
  const token = node.srcToken;
  const end = token !== undefined && 'end' in token ? token.end : undefined;
  return Array.isArray(end) && end.some(({ type }) => type === 'comment');
}
