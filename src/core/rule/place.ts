import type { CelText, Place } from '../../model/rule.ts';
import type { Problem } from '../../model/problem.ts';

/** A file as problems show it. */
export type Source = { readonly file: string; readonly text: string; /** UTF-16 offsets. */ readonly lineStarts: readonly number[] };

/** Longest source line that is shown whole; of a longer one, what is around the caret. */
const excerptCharsMax = 160;

export function sourceOf(file: string, text: string): Source {
  const lineStarts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lineStarts.push(at + 1);
  return { file, text, lineStarts };
}

/** Line and column (code points), both from 1, of a UTF-16 offset. */
export function placeAt({ text, lineStarts }: Source, offset: number): Place {
  let low = 0;
  let high = lineStarts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((lineStarts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: Array.from(text.slice(lineStarts[low] ?? 0, offset)).length + 1 };
}

/** The line without its end; '' when there is none. */
export function lineAt({ text, lineStarts }: Source, line: number): string {
  const start = lineStarts[line - 1];
  return start === undefined ? '' : text.slice(start, lineStarts[line] ?? text.length).replace(/\r?\n$/, '');
}

/** Where an offset (code points) of a CEL text stands in the file: exactly, or else at the scalar's start. */
export function placeIn(cel: CelText, offset: number): Place {
  if (cel.exact) return { line: cel.line, column: cel.column + offset };
  const run = cel.runs?.findLast((each) => each.offset <= offset);
  return run === undefined ? { line: cel.line, column: cel.column } : { line: run.line, column: run.column + offset - run.offset };
}

/** A line with a caret below the column (from 1); tabs stay tabs, so that the caret stands right. */
export function excerptOf(line: string, column: number): string {
  const points = Array.from(line);
  const from =
    points.length <= excerptCharsMax ? 0 : Math.max(0, Math.min(column - 1 - excerptCharsMax / 2, points.length - excerptCharsMax));
  const shown = points.slice(from, from + excerptCharsMax);
  const before = shown.slice(0, Math.max(0, column - 1 - from)).map((point) => (point === '\t' ? '\t' : ' '));
  return `${shown.join('')}\n${before.join('')}^`;
}

type Words = Pick<Problem, 'code' | 'what' | 'todo'>;

/** A problem at a place of the file. */
export const problemAt = (source: Source, place: Place, words: Words): Problem => ({
  ...words,
  at: `${source.file}:${place.line}:${place.column}`,
  excerpt: excerptOf(lineAt(source, place.line), place.column),
});

/** A problem inside a CEL text when only the text is at hand: the excerpt shows the expression's own line. */
export function problemIn(file: string, cel: CelText, { offset, ...words }: Words & { readonly offset: number }): Problem {
  const place = placeIn(cel, offset);
  const before = Array.from(cel.text).slice(0, offset).join('');
  const lineStart = before.lastIndexOf('\n') + 1;
  const line = cel.text.slice(lineStart).split('\n', 1)[0] ?? '';
  const column = Array.from(before.slice(lineStart)).length + 1;
  return { ...words, at: `${file}:${place.line}:${place.column}`, excerpt: excerptOf(line, column) };
}

/** The same problem with the line of the file instead of the expression's own. */
export function withSourceLine(source: Source, problem: Problem): Problem {
  const found = /:(\d+):(\d+)$/.exec(problem.at);
  const [line, column] = [Number(found?.[1]), Number(found?.[2])];
  const text = found === null ? '' : lineAt(source, line);
  return text === '' ? problem : { ...problem, excerpt: excerptOf(text, column) };
}

/** By place in the file, each once. */
export function inFileOrder(problems: readonly Problem[]): readonly Problem[] {
  const key = ({ at }: Problem): readonly number[] => (/:(\d+):(\d+)$/.exec(at)?.slice(1) ?? ['0', '0']).map(Number);
  const once = new Map(problems.map((problem) => [`${problem.at} ${problem.code} ${problem.what}`, problem]));
  return [...once.values()].toSorted((a, b) => (key(a)[0] ?? 0) - (key(b)[0] ?? 0) || (key(a)[1] ?? 0) - (key(b)[1] ?? 0));
}
