import { fail, ok } from '../../model/problem.ts';
import type { Problem, Result } from '../../model/problem.ts';
import type { KeyState, Verdict } from '../../model/rule.ts';
import { readDuration, readRate } from '../../model/units.ts';
import { choiceAt, fieldsOf, integerAt, missing, placeOf, scalarAt, textAt, valueAt, wrong } from '../rule/fields.ts';
import type { Fields } from '../rule/fields.ts';
import { inFileOrder, sourceOf } from '../rule/place.ts';
import type { Source } from '../rule/place.ts';
import { readTime } from '../rule/time.ts';
import { readYaml } from '../rule/yaml.ts';
import type { YamlNode } from '../rule/yaml.ts';
import { assignsOf } from './assign.ts';
import type { Expectation, Item, RuleTest, Silence, TestFile } from './types.ts';

const nameCharsMax = 200;
const listMax = 1_000;
/** A test's own clock begins here unless `start` says otherwise. */
const defaultStart = '2026-01-01T00:00:00Z';
const states: readonly KeyState[] = ['clear', 'pending', 'firing', 'clearing'];
const verdicts: readonly Verdict[] = ['holds', 'clear', 'unknown'];

/** Reads tests.yaml. All problems at once, in file order; never throws. */
export function readTests(text: string, file: string): Result<TestFile, readonly Problem[]> {
  const source = sourceOf(file, text);
  const yaml = readYaml(source);
  if (!yaml.ok) return yaml;
  const problems: Problem[] = [...yaml.value.problems];
  const top = { line: 1, column: 1 };
  const root = fieldsOf(yaml.value.root, { of: 'tests.yaml', known: ['start', 'defaults', 'tests'], place: top, source, problems });
  const shared: Shared = {
    source,
    problems,
    startNs: startOf(root) ?? defaultStartNs(),
    defaults: assignsOf(root, root.entries.get('defaults')?.value ?? null),
  };
  const tests = itemsAt(root, 'tests').map((node) => readTest(node, shared));
  if (tests.length === 0) missing(root, { what: 'there is no test', todo: 'write tests: [{name: …, records: […], expect: […]}]' });
  return problems.length > 0 ? fail(inFileOrder(problems)) : ok({ file, tests });
}

type Shared = Pick<RuleTest, 'startNs' | 'defaults'> & { readonly source: Source; readonly problems: Problem[] };

function readTest(node: YamlNode | null, { source, problems, startNs, defaults }: Shared): RuleTest {
  const known = ['name', 'start', 'defaults', 'records', 'silent', 'closed', 'expect'];
  const fields = fieldsOf(node, { of: 'test', known, place: { line: 1, column: 1 }, source, problems });
  if (!fields.entries.has('name')) missing(fields, { what: 'a test needs `name`', todo: 'say what is shown' });
  const own = fields.entries.get('defaults')?.value ?? null;
  return {
    name: textAt(fields, 'name', nameCharsMax) ?? '',
    place: fields.place,
    startNs: startOf(fields) ?? startNs,
    defaults: own === null ? defaults : [...defaults, ...assignsOf(fields, own)],
    records: itemsAt(fields, 'records').flatMap((item) => readItem(item, fields) ?? []),
    silent: itemsAt(fields, 'silent').map((item) => readSilence(item, fields)),
    closed: choiceAt(fields, 'closed', ['true', 'false']) === 'true',
    expect: itemsAt(fields, 'expect').map((item) => readExpectation(item, fields)),
  };
}

const startOf = (fields: Fields): bigint | undefined => valueAt(fields, 'start', readTime);

function defaultStartNs(): bigint {
  const time = readTime(defaultStart);
  return time.ok ? time.value : 0n;
}

function readItem(node: YamlNode | null, outer: Fields): Item | null {
  const place = node?.place ?? outer.place;
  if (node?.kind !== 'map') return wrong(outer, place, { what: 'an item of `records` is no map', todo: 'write {from: 0s, to: 10s, rate: 10/s}' }) ?? null; // prettier-ignore
  const known = node.entries.map(({ key }) => key.text);
  const fields = fieldsOf(node, { of: 'records', known, place, source: outer.source, problems: outer.problems });
  if (fields.entries.has('file')) return { kind: 'file', path: textAt(fields, 'file', nameCharsMax) ?? '', place };
  const [fromNs, toNs] = [spanAt(fields, 'from') ?? 0n, spanAt(fields, 'to')];
  if (toNs === undefined) return missing(fields, { what: 'an item needs `to`', todo: 'write to: 60s' }) ?? null;
  const rest = assignsOf(fields, { ...node, entries: node.entries.filter(({ key }) => !['from', 'to', 'rate', 'set'].includes(key.text)) });
  const set = fields.entries.get('set')?.value ?? null;
  if (set !== null) return { kind: 'set', fromNs, toNs, where: rest, fields: assignsOf(fields, set) };
  const rate = valueAt(fields, 'rate', readRate)?.perSecond;
  if (rate === undefined) return missing(fields, { what: 'an item needs `rate` or `set`', todo: 'write rate: 100/s' }) ?? null;
  return { kind: 'generate', fromNs, toNs, rate, fields: rest };
}

function readSilence(node: YamlNode | null, outer: Fields): Silence {
  const { source, problems, place } = outer;
  const fields = fieldsOf(node, { of: 'silent', known: ['source', 'from', 'to'], place, source, problems });
  return { source: textAt(fields, 'source', nameCharsMax) ?? '', fromNs: spanAt(fields, 'from') ?? 0n, toNs: spanAt(fields, 'to') ?? 0n };
}

function readExpectation(node: YamlNode | null, outer: Fields): Expectation {
  const { source, problems, place } = outer;
  const known = ['at', 'key', 'state', 'verdict', 'never', 'transitions', 'values', 'entries'];
  const fields = fieldsOf(node, { of: 'expect', known, place, source, problems });
  return {
    place: fields.place,
    atNs: spanAt(fields, 'at') ?? null,
    keys: textsAt(fields, 'key'),
    state: choiceAt(fields, 'state', states) ?? null,
    verdict: choiceAt(fields, 'verdict', verdicts) ?? null,
    never: choiceAt(fields, 'never', states) ?? null,
    transitions: fields.entries.has('transitions') ? (integerAt(fields, 'transitions', { least: 0, most: 1_000_000 }) ?? null) : null,
    values: valuesAt(fields),
    entries: textsAt(fields, 'entries'),
  };
}

/** "10s"; "0s" is the start. */
const spanAt = (fields: Fields, name: string): bigint | undefined => valueAt(fields, name, readDuration);

function itemsAt(fields: Fields, name: string): readonly (YamlNode | null)[] {
  const entry = fields.entries.get(name);
  if (entry === undefined) return [];
  if (entry.value?.kind === 'list' && entry.value.items.length <= listMax) return entry.value.items;
  wrong(fields, placeOf(fields, name), { what: `\`${name}\` is not a list of at most ${listMax}`, todo: `write ${name}: [{…}]` });
  return [];
}

/** One text or a list of texts. */
function textsAt(fields: Fields, name: string): readonly string[] | null {
  const value = fields.entries.get(name)?.value ?? null;
  if (value === null) return null;
  if (value.kind === 'list') return value.items.flatMap((item) => (item?.kind === 'scalar' ? [item.text] : []));
  const scalar = scalarAt(fields, name);
  return scalar === undefined ? null : [scalar.text];
}

function valuesAt(fields: Fields): Expectation['values'] {
  const value = fields.entries.get('values')?.value ?? null;
  if (value === null) return [];
  if (value.kind === 'map') return value.entries.flatMap(({ key, value: of }) => (of?.kind === 'scalar' ? [{ text: key.text, value: of.text }] : [])); // prettier-ignore
  wrong(fields, value.place, { what: '`values` is not a map', todo: 'write values: {"p99(response.duration)": 400ms}' });
  return [];
}
