import { fail, ok } from '../../model/problem.ts';
import type { Problem, Result } from '../../model/problem.ts';
import type { Stream } from '../../model/record.ts';
import type { CelText } from '../../model/rule.ts';
import { observationRoots } from '../../model/schema.ts';
import { afterTheFact } from '../cel/declare.ts';
import { lex } from '../cel/lex.ts';
import type { Token } from '../cel/lex.ts';
import { ticked } from '../cel/problem.ts';
import { check } from '../cel/check.ts';
import { recordEnvironment } from '../cel/declare.ts';
import type { Checked } from '../cel/types.ts';
import { attributesIn, mapOf } from './logic.ts';
import { problemIn } from './place.ts';
import type { CompiledColumn } from './types.ts';
import type { Column } from '../../model/rule.ts';

/** The default match as text, and where each part of it came from, so that a problem in it can point into the rule. */
export type DefaultMatch = { readonly text: string; readonly parts: readonly MatchPart[] };
export type MatchPart = { /** Code points into the text. */ readonly start: number; readonly cel: CelText; readonly offset: number };

type Given = {
  readonly file: string;
  readonly streams: readonly Stream[];
  readonly where: { readonly cel: CelText; readonly checked: Checked } | null;
  readonly columns: readonly { readonly column: Column; readonly compiled: CompiledColumn }[];
};

/**
 * rules.md section 2: `where` and "column == key" for each column that an engine knows before the fact. Conjuncts of `where` that are only
 * about the observation are left out; one that needs what comes after the fact is E-MATCH-AFTER, for leaving it out would widen the match.
 */
export function defaultMatch({ file, streams, where, columns }: Given): Result<DefaultMatch, readonly Problem[]> {
  const problems: Problem[] = [];
  const pieces: { readonly text: string; readonly cel: CelText; readonly offset: number }[] = [];
  for (const conjunct of where === null ? [] : conjunctsOf(where.cel.text)) {
    const paths = pathsIn(conjunct.text, streams);
    if (paths.length > 0 && paths.every(isObservation)) continue;
    const late = paths.find((path) => lateReason(path, streams) !== null);
    if (late === undefined) pieces.push({ ...conjunct, cel: where!.cel });
    else {
      const what = `${ticked(late)} in \`where\` ${lateReason(late, streams)}, so the default match cannot hold it`;
      problems.push(
        problemIn(file, where!.cel, {
          code: 'E-MATCH-AFTER',
          offset: Math.max(0, conjunct.offset),
          what,
          todo: 'give this action its own match',
        }),
      );
    }
  }
  for (const { column, compiled } of columns) {
    const paths = [...attributesIn(compiled.checked.expr)];
    if (paths.some((path) => lateReason(path, streams) !== null)) continue;
    const text = column.attribute ? column.name : wrapped(column.cel.text);
    pieces.push({ text: `${text} == key.${column.name}`, cel: column.cel, offset: 0 });
  }
  if (problems.length > 0) return fail(problems);
  let start = 0;
  const parts = pieces.map(({ text, cel, offset }) => {
    const part = { start, cel, offset };
    start += Array.from(text).length + ' && '.length;
    return part;
  });
  return ok({ text: pieces.length === 0 ? 'true' : pieces.map(({ text }) => text).join(' && '), parts });
}

/** Where an offset in the default match came from; null: from none of the rule's texts. */
export function originOf({ parts }: DefaultMatch, offset: number): { readonly cel: CelText; readonly offset: number } | null {
  const part = parts.findLast(({ start }) => start <= offset);
  if (part === undefined) return null;
  const length = Array.from(part.cel.text).length;
  return { cel: part.cel, offset: Math.max(0, Math.min(part.offset + offset - part.start, length - 1)) };
}

const isObservation = (path: string): boolean => observationRoots.includes(path.split('.')[0] ?? '');

const lateReason = (path: string, streams: readonly Stream[]): string | null => afterTheFact(mapOf(path), streams);

function pathsIn(text: string, streams: readonly Stream[]): readonly string[] {
  const checked = check(text, recordEnvironment(streams));
  return checked.ok ? [...attributesIn(checked.value.expr)] : [];
}

/** `offset` is where its text begins in the whole; one less when parentheses were put around it. */
type Conjunct = { readonly text: string; readonly offset: number };

/** The parts that `&&` joins at the top, parentheses around them opened; each can stand between `&&` as it is. */
export function conjunctsOf(text: string): readonly Conjunct[] {
  const lexed = lex(text);
  return lexed.ok ? split(text, lexed.value) : [{ text, offset: 0 }];
}

function split(text: string, tokens: readonly Token[]): readonly Conjunct[] {
  const [first] = tokens;
  const last = tokens.at(-1);
  if (first === undefined || last === undefined) return [];
  const depths = depthsOf(tokens);
  if (first.text === '(' && depths.findIndex((depth) => depth === 0) === tokens.length - 1) return split(text, tokens.slice(1, -1));
  const top = tokens.filter((token, i) => depths[i] === 0 && token.kind === 'op');
  const whole = Array.from(text).slice(first.start, last.end).join('');
  // && binds tighter than || and ? :, so with one of those at the top it joins nothing there.
  if (top.some((token) => token.text === '||' || token.text === '?')) return [{ text: `(${whole})`, offset: first.start - 1 }];
  if (!top.some((token) => token.text === '&&')) return [{ text: whole, offset: first.start }];
  const groups: Token[][] = [[]];
  for (const [i, token] of tokens.entries()) {
    if (depths[i] === 0 && token.text === '&&' && token.kind === 'op') groups.push([]);
    else groups.at(-1)?.push(token);
  }
  return groups.flatMap((group) => split(text, group));
}

/** How many brackets are open after each token. */
function depthsOf(tokens: readonly Token[]): readonly number[] {
  let depth = 0;
  return tokens.map((token) => {
    if (token.kind === 'op' && '([{'.includes(token.text)) depth += 1;
    if (token.kind === 'op' && ')]}'.includes(token.text)) depth -= 1;
    return depth;
  });
}

/** A column's expression left of `==`. */
const wrapped = (text: string): string => (/^[\w.]+(?:\([\w., ]*\))?$/.test(text) ? text : `(${text})`);
