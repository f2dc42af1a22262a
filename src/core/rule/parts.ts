import type { CelText, Expectation, Notify, Slo, Variable } from '../../model/rule.ts';
import { readPercent, readShare } from '../../model/units.ts';
import { runbookCharsMax, summaryCharsMax, variablesMax } from './bounds.ts';
import { celAt, celIn, choiceAt, durationAt, fieldsOf, missing, scalarAt, scalarIn, textAt, wrong } from './fields.ts';
import type { Fields } from './fields.ts';
import type { ScalarNode } from './scalar.ts';
import { namedEntries } from './select.ts';

const inner = (outer: Fields, name: string, known: readonly string[]): Fields | null => {
  const entry = outer.entries.get(name);
  const { source, problems } = outer;
  return entry === undefined ? null : fieldsOf(entry.value, { of: name, known, place: entry.key.place, source, problems });
};

function need(fields: Fields, ...names: readonly string[]): boolean {
  for (const name of names) if (!fields.entries.has(name)) missing(fields, { what: `\`${fields.of}\` has no \`${name}\``, todo: 'add it' });
  return names.every((name) => fields.entries.has(name));
}

/** `notify`: whom a firing key is told to, and in what words. */
export function readNotify(outer: Fields): Notify | null {
  const fields = inner(outer, 'notify', ['severity', 'summary', 'runbook']);
  if (fields === null || !need(fields, 'severity', 'summary')) return null;
  const severity = choiceAt(fields, 'severity', ['page', 'ticket', 'info']);
  const text = textAt(fields, 'summary', summaryCharsMax);
  const scalar = scalarAt(fields, 'summary');
  const runbook = textAt(fields, 'runbook', runbookCharsMax) ?? null;
  const summary = text === undefined || scalar === undefined ? undefined : summaryOf(fields, scalar);
  return severity === undefined || summary === undefined ? null : { severity, summary, runbook };
}

/** "{key.x} is slow: {p99(…)}" in parts. Braces and quotes inside an expression are its own; {{ and }} are braces of the text. */
function summaryOf(fields: Fields, scalar: ScalarNode): Notify['summary'] | undefined {
  const parts: (string | CelText)[] = [];
  const chars = Array.from(scalar.text);
  let text = '';
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i] ?? '';
    if ((char === '{' || char === '}') && chars[i + 1] === char) {
      text += char;
      i++;
      continue;
    }
    if (char === '}') return wrong(fields, scalar.place, { what: 'a `}` in `summary` closes nothing', todo: 'write }} for a brace' });
    if (char !== '{') {
      text += char;
      continue;
    }
    const end = closing(chars, i);
    if (end < 0)
      return wrong(fields, scalar.place, { what: 'a `{` in `summary` is never closed', todo: 'close it, or write {{ for a brace' });
    if (text !== '') parts.push(text);
    text = '';
    parts.push(partOf(scalar, { chars, from: i + 1, end }));
    i = end;
  }
  return text === '' ? parts : [...parts, text];
}

function partOf(
  { place, exact }: ScalarNode,
  { chars, from, end }: { readonly chars: readonly string[]; readonly from: number; readonly end: number },
): CelText {
  return { text: chars.slice(from, end).join(''), line: place.line, column: exact ? place.column + from : place.column, exact };
}

/** The brace that closes the one at `open`; −1: none. */
function closing(chars: readonly string[], open: number): number {
  let depth = 0;
  let quote = '';
  for (let i = open; i < chars.length; i++) {
    const char = chars[i] ?? '';
    if (quote !== '') {
      if (char === '\\') i++;
      else if (char === quote) quote = '';
    } else if (char === '"' || char === "'") quote = char;
    else if (char === '{') depth++;
    else if (char === '}' && --depth === 0) return i;
  }
  return -1;
}

export function readExpectation(outer: Fields): Expectation | null {
  const fields = inner(outer, 'expect', ['within', 'that', 'else']);
  if (fields === null || !need(fields, 'within', 'that')) return null;
  const withinNs = durationAt(fields, 'within', { least: 1n });
  const that = celAt(fields, 'that');
  const otherwise = choiceAt(fields, 'else', ['revert', 'keep']) ?? 'revert';
  return withinNs === undefined || that === undefined ? null : { withinNs, that, else: otherwise };
}

export function readSlo(outer: Fields): Slo | null {
  const fields = inner(outer, 'slo', ['good', 'objective']);
  if (fields === null || !need(fields, 'good', 'objective')) return null;
  const good = celAt(fields, 'good');
  const scalar = scalarAt(fields, 'objective');
  if (good === undefined || scalar === undefined) return null;
  if (readPercent(scalar.text).ok) {
    const share = readShare(scalar.text);
    return share.ok ? { good, objective: share.value } : null;
  }
  const objective = celIn(fields, scalar);
  return objective === undefined ? null : { good, objective };
}

/** `variables`: CEL<a> by name, each of which may use those before it. */
export const readVariables = (fields: Fields): readonly Variable[] =>
  namedEntries(fields, 'variables', variablesMax).flatMap(({ key, value }): readonly Variable[] => {
    const scalar = scalarIn(fields, value, { name: key.text, place: key.place });
    const cel = scalar === undefined ? undefined : celIn(fields, scalar);
    return cel === undefined ? [] : [{ name: key.text, cel }];
  });
