import { fail, ok } from '../../model/problem.ts';
import type { Problem, Result } from '../../model/problem.ts';
import { ticked } from '../cel/problem.ts';
import { nameText } from './bounds.ts';
import { problemAt, sourceOf } from './place.ts';
import type { Source } from './place.ts';
import { readYaml } from './yaml.ts';
import type { MapEntry, YamlNode } from './yaml.ts';

/** A file as it is read. */
export type RuleFile = { readonly file: string; readonly text: string };

/** A rule's text that stands by itself, and which line of which file each of its lines is. */
export type Expanded = { readonly text: string; readonly origin: (problem: Problem) => Problem };

/** What a rule that names a template may say itself. */
const ownFields = ['rule', 'template', 'params', 'owner', 'why', 'mode', 'notify'];

/** The template that a rule names; null: none, or the file cannot be read as YAML (reading the rule says why). */
export function templateNamed({ file, text }: RuleFile): string | null {
  const yaml = readYaml(sourceOf(file, text));
  const entry = yaml.ok ? entriesOf(yaml.value.root).find(({ key }) => key.text === 'template') : undefined;
  return entry?.value?.kind === 'scalar' && nameText.test(entry.value.text) ? entry.value.text : null;
}

/**
 * A rule with its template's fields in it, so that what is saved stands by itself: a template that changes later changes no rule. Params of the
 * rule come before the template's. E-RULE-TEMPLATE: the rule says what only the template may, or the other way round.
 */
export function expandTemplate(rule: RuleFile, template: RuleFile): Result<Expanded, readonly Problem[]> {
  const [own, given] = [partsOf(rule), partsOf(template)];
  if (!own.ok) return own;
  if (!given.ok) return given;
  const problems = [
    ...misplaced(own.value, (name) => !ownFields.includes(name), 'comes from the template'),
    ...misplaced(given.value, (name) => name === 'rule' || name === 'template', 'has no place in a template'),
  ];
  if (problems.length > 0) return fail(problems);
  const names = new Set(own.value.parts.map(({ entry }) => entry.key.text));
  const params = mergedParams(own.value, given.value);
  const lines: { readonly text: string; readonly file: string; readonly line: number }[] = [];
  const add = ({ source }: Parts, from: number, to: number, show: (text: string) => string): void => {
    const all = source.text.split('\n');
    for (let line = from; line <= to; line++) lines.push({ text: show(all[line - 1] ?? ''), file: source.file, line });
  };
  const isMerged = ({ entry: { key } }: Part): boolean => key.text === 'template' || (params !== null && key.text === 'params');
  // The rule's own lines stay where they are; what does not count becomes a comment.
  for (const part of own.value.parts) add(own.value, part.from, part.to, isMerged(part) ? (text) => `# ${text}` : (text) => text);
  if (params !== null) lines.push({ text: params.text, file: params.file, line: params.line });
  for (const part of given.value.parts) if (!names.has(part.entry.key.text)) add(given.value, part.from, part.to, (text) => text);
  const origin = (problem: Problem): Problem => {
    const [, line = '', column = ''] = /:(\d+):(\d+)$/.exec(problem.at) ?? [];
    const from = lines[Number(line) - 1];
    return from === undefined ? problem : { ...problem, at: `${from.file}:${from.line}:${column}` };
  };
  return ok({ text: `${lines.map(({ text }) => text).join('\n')}\n`, origin });
}

/** A field of the file with the lines that it takes, comments before it included. */
type Part = { readonly entry: MapEntry; readonly from: number; readonly to: number };
type Parts = { readonly source: Source; readonly parts: readonly Part[] };

function partsOf({ file, text }: RuleFile): Result<Parts, readonly Problem[]> {
  const source = sourceOf(file, text.endsWith('\n') ? text : `${text}\n`);
  const yaml = readYaml(source);
  if (!yaml.ok) return yaml;
  const entries = entriesOf(yaml.value.root);
  const starts = entries.map(({ key }) => key.place.line);
  const parts = entries.map((entry, i) => ({ entry, from: i === 0 ? 1 : starts[i]!, to: (starts[i + 1] ?? source.lineStarts.length) - 1 }));
  return ok({ source, parts });
}

const entriesOf = (root: YamlNode | null): readonly MapEntry[] => (root?.kind === 'map' ? root.entries : []);

const misplaced = ({ source, parts }: Parts, isWrong: (name: string) => boolean, why: string): readonly Problem[] =>
  parts
    .filter(({ entry }) => isWrong(entry.key.text))
    .map(({ entry: { key } }) =>
      problemAt(source, key.place, {
        code: 'E-RULE-TEMPLATE',
        what: `${ticked(key.text)} ${why}`,
        todo: `beside \`template\` a rule has ${ownFields.filter((name) => name !== 'template').join(', ')}`,
      }),
    );

/** One line with all params, the rule's before the template's; null: only one of them has some. */
function mergedParams(own: Parts, given: Parts): { readonly text: string; readonly file: string; readonly line: number } | null {
  const [mine, theirs] = [own, given].map(({ parts }) => parts.find(({ entry }) => entry.key.text === 'params')?.entry);
  if (mine?.value?.kind !== 'map' || theirs?.value?.kind !== 'map') return null;
  const names = new Set(mine.value.entries.map(({ key }) => key.text));
  const all = [...mine.value.entries, ...theirs.value.entries.filter(({ key }) => !names.has(key.text))];
  return { text: `params: ${flow({ ...mine.value, entries: all })}`, file: own.source.file, line: mine.key.place.line };
}

/** YAML in flow style that reads back as the same. */
function flow(node: YamlNode | null): string {
  if (node === null) return '';
  if (node.kind === 'scalar') return node.quoted || !/^[\w.%/-]+$/.test(node.text) ? JSON.stringify(node.text) : node.text;
  if (node.kind === 'list') return `[${node.items.map(flow).join(', ')}]`;
  return `{${node.entries.map(({ key, value }) => `${flow(key)}: ${flow(value)}`).join(', ')}}`;
}
