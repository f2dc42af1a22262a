import { isAlias, isMap, isScalar, isSeq, parseDocument } from 'yaml';
import type { Document, Pair, ParsedNode, Scalar, YAMLError } from 'yaml';
import { fail, ok } from '../../model/problem.ts';
import type { Problem, Result } from '../../model/problem.ts';
import type { Place } from '../../model/rule.ts';
import { ticked } from '../cel/problem.ts';
import { problemsMax } from './bounds.ts';
import { placeAt, problemAt } from './place.ts';
import type { Source } from './place.ts';
import { scalarOf } from './scalar.ts';
import type { ScalarNode } from './scalar.ts';
import { scanYaml } from './scan.ts';
import type { Kept } from './scan.ts';

export type MapEntry = { readonly key: ScalarNode; /** null: nothing stands after the colon. */ readonly value: YamlNode | null };

/** YAML as rules use it: text, lists, maps; each knows where it stands. */
export type YamlNode =
  | ScalarNode
  | { readonly kind: 'list'; readonly place: Place; readonly items: readonly (YamlNode | null)[] }
  | { readonly kind: 'map'; readonly place: Place; readonly entries: readonly MapEntry[] };

/** What stands in the file, and what is wrong with single scalars in it (E-YAML-QUOTE, E-YAML-KEY): reading can go on. */
export type YamlFile = { readonly root: YamlNode | null; readonly problems: readonly Problem[] };

/**
 * Reads YAML 1.2 with every scalar as text. Tags, anchors, aliases, directives, several documents and broken syntax are failures, for
 * what follows would not be what was written. Bounded by scan.ts; never throws.
 */
export function readYaml(source: Source): Result<YamlFile, readonly Problem[]> {
  const scanned = scanYaml(source);
  if (!scanned.ok) return scanned;
  const parsed = parseBounded(source.text);
  if (typeof parsed === 'string')
    return fail([problemAt(source, { line: 1, column: 1 }, { code: 'E-YAML-SYNTAX', what: parsed, todo: 'correct it' })]);
  const errors = parsed.errors.map((error) => problemAt(source, placeAt(source, error.pos[0]), words(error, source)));
  const broken = new Set(errors.map(({ at }) => lineOf(at)));
  const marks = scanned.value.map((mark) => {
    const place = placeAt(source, mark.offset);
    return problemAt(source, place, mark.words(broken.has(`${place.line}`) ? null : keptValue(parsed, mark.offset)));
  });
  // One problem a line: the rest of it follows from the first.
  const lines = new Set(marks.map(({ at }) => lineOf(at)));
  for (const problem of errors) {
    if (!lines.has(lineOf(problem.at))) marks.push(problem);
    lines.add(lineOf(problem.at));
  }
  if (marks.length > 0) return fail(marks.slice(0, problemsMax));
  const problems: Problem[] = [];
  const root = parsed.contents === null ? null : convert(parsed.contents, { source, problems, flow: false });
  return ok({ root, problems });
}

const lineOf = (at: string): string => at.split(':').at(-2) ?? '';

function parseBounded(text: string): Document.Parsed<ParsedNode> | string {
  try {
    return parseDocument(text, {
      schema: 'failsafe',
      version: '1.2',
      keepSourceTokens: true,
      prettyErrors: false,
      uniqueKeys: false,
      logLevel: 'error',
    });
  } catch (error) {
    return `the YAML cannot be read: ${error instanceof Error ? error.message : 'unknown'}`;
  }
}

/** What YAML would keep of the value that a tag at `offset` begins; null when that is not a plain scalar. */
function keptValue(document: Document.Parsed<ParsedNode>, offset: number): Kept | null {
  let kept: Kept | null = null;
  const seek = (node: unknown, key: unknown): void => {
    if (isMap(node)) for (const pair of node.items) [pair.key, pair.value].forEach((part) => seek(part, pair.key));
    else if (isSeq(node)) node.items.forEach((item) => seek(item, key));
    else if (isScalar(node) && node.tag !== undefined && kept === null && (node.range?.[0] ?? -1) > offset) {
      kept = { text: String(node.source ?? ''), field: isScalar(key) ? String(key.value) : '' };
    }
  };
  seek(document.contents, null);
  return kept;
}

type Context = { readonly source: Source; readonly problems: Problem[]; readonly flow: boolean };

function convert(node: ParsedNode, context: Context): YamlNode | null {
  const { source } = context;
  const place = placeAt(source, node.range[0]);
  if (isScalar(node)) return isNothing(node) ? null : scalarOf(node, context);
  const inner = { ...context, flow: context.flow || (!isAlias(node) && node.flow === true) };
  if (isSeq(node)) return { kind: 'list', place, items: node.items.map((item) => convertAny(item, inner)) };
  if (isMap(node)) return { kind: 'map', place, entries: entriesOf(node.items, inner) };
  return null;
}

/** In flow style items may be pairs of their own. */
function convertAny(item: unknown, context: Context): YamlNode | null {
  return isScalar(item) || isSeq(item) || isMap(item) ? convert(item as ParsedNode, context) : null;
}

const isNothing = (node: Scalar): boolean => node.type === 'PLAIN' && node.source === '';

function entriesOf(pairs: readonly Pair[], context: Context): readonly MapEntry[] {
  const { source, problems, flow } = context;
  const seen = new Map<string, Place>();
  const entries: MapEntry[] = [];
  for (const pair of pairs) {
    const key = convertAny(pair.key, context);
    if (key?.kind !== 'scalar') {
      const place = key?.place ?? { line: 1, column: 1 };
      problems.push(problemAt(source, place, { code: 'E-YAML-KEY', what: 'a key must be a name', todo: 'write name: value' }));
      continue;
    }
    const before = seen.get(key.text);
    if (before !== undefined) {
      const what = `${ticked(key.text)} is given twice, first on line ${before.line}`;
      problems.push(problemAt(source, key.place, { code: 'E-YAML-KEY', what, todo: 'keep one' }));
      continue;
    }
    seen.set(key.text, key.place);
    if (flow && pair.value === null) {
      const what = `${ticked(key.text)} has no value: an unquoted comma ends the value before it`;
      problems.push(problemAt(source, key.place, { code: 'E-YAML-QUOTE', what, todo: 'quote the whole expression' }));
      continue;
    }
    entries.push({ key, value: convertAny(pair.value, context) });
  }
  return entries;
}

/** The parser's errors in words that say how CEL gets into them. */
function words(error: YAMLError, { text }: Source): Pick<Problem, 'code' | 'what' | 'todo'> {
  const rest = text.slice(error.pos[0]).split('\n', 1)[0] ?? '';
  if (error.code === 'UNEXPECTED_TOKEN' && error.message.endsWith('at node end')) {
    return { code: 'E-YAML-QUOTE', what: `YAML ends the value before ${ticked(rest)}`, todo: 'quote the whole value' };
  }
  if (error.code === 'BLOCK_AS_IMPLICIT_KEY')
    return { code: 'E-YAML-QUOTE', what: 'YAML reads the `: ` in this value as a key', todo: 'quote the whole value' };
  if (error.code === 'BAD_SCALAR_START')
    return { code: 'E-YAML-QUOTE', what: `YAML keeps ${ticked(rest.slice(0, 1))} at the start for itself`, todo: 'quote the value' };
  if (error.code === 'MULTIPLE_DOCS') return { code: 'E-YAML-SYNTAX', what: 'a second document begins here', todo: 'one rule a file' };
  return {
    code: 'E-YAML-SYNTAX',
    what: error.message.charAt(0).toLowerCase() + error.message.slice(1),
    todo: 'correct the YAML, or quote the value',
  };
}
