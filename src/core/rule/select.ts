import type { Column, Minimum, SelectSet } from '../../model/rule.ts';
import { isRecordRoot } from '../cel/declare.ts';
import { ticked } from '../cel/problem.ts';
import { didYouMean } from '../cel/suggest.ts';
import { windowInstantsMax } from '../cel/windowed.ts';
import { countMax, setsMax } from './bounds.ts';
import { readColumns, reservedNames } from './columns.ts';
import { celAt, choiceAt, durationAt, fieldsOf, integerAt, placeOf, wrong } from './fields.ts';
import type { Fields } from './fields.ts';
import type { MapEntry } from './yaml.ts';

/** What a set takes from its rule where it says nothing itself. */
export type SetDefaults = Pick<SelectSet, 'over' | 'where' | 'by' | 'windowNs' | 'minimum'> & { readonly everyNs: bigint };

const setName = /^[a-z_][a-zA-Z0-9_]{0,62}$/;
const taken = new Set(['key', 'now', 'params', 'variables', 'grpc']);

/** Reads `select`: further sets of records by name. */
export function readSets(fields: Fields, defaults: SetDefaults): readonly SelectSet[] {
  return namedEntries(fields, 'select', setsMax).map((entry) => setOf(fields, entry, defaults));
}

/** The entries of a map field whose keys are names of our own. */
export function namedEntries(fields: Fields, field: string, most: number): readonly MapEntry[] {
  const entry = fields.entries.get(field);
  if (entry === undefined) return [];
  const { value } = entry;
  if (value?.kind !== 'map') {
    wrong(fields, value?.place ?? entry.key.place, { what: `\`${field}\` is not a map`, todo: `write ${field}: {name: …}` });
    return [];
  }
  if (value.entries.length > most) wrong(fields, value.place, { what: `\`${field}\` has more than ${most} names`, todo: 'use fewer' });
  return value.entries.slice(0, most).filter(({ key }) => {
    const isFree = setName.test(key.text) && !reservedNames.has(key.text) && !taken.has(key.text) && !isRecordRoot(key.text);
    if (!isFree) wrong(fields, key.place, { what: `${ticked(key.text)} cannot be a name in \`${field}\``, todo: 'use another name' });
    return isFree;
  });
}

function setOf(rule: Fields, { key, value }: MapEntry, defaults: SetDefaults): SelectSet {
  const { source, problems } = rule;
  const known = ['over', 'where', 'by', 'window', 'offset', 'minimum'];
  const fields = fieldsOf(value, { of: key.text, known, place: key.place, source, problems });
  const windowNs = durationAt(fields, 'window', { least: 1n, most: windowInstantsMax * defaults.everyNs }) ?? defaults.windowNs;
  const set: SelectSet = {
    name: key.text,
    over: choiceAt<'rpc' | 'flow'>(fields, 'over', ['rpc', 'flow']) ?? defaults.over,
    where: celAt(fields, 'where') ?? defaults.where,
    by: columnsOf(fields, defaults.by),
    windowNs,
    offsetNs: durationAt(fields, 'offset', { least: 0n }) ?? 0n,
    minimum: fields.entries.has('minimum') ? { ...readMinimum(fields), peers: defaults.minimum.peers } : defaults.minimum,
  };
  if (set.over === null)
    wrong(fields, key.place, { what: `the set ${ticked(key.text)} has no \`over\`, nor has the rule`, todo: 'add over: rpc' });
  // Also where something is wrong: what is said of the expressions then is about them.
  return set;
}

/** Some of the rule's columns; they keep its order, and so the meaning of the last. */
function columnsOf(fields: Fields, own: readonly Column[]): readonly Column[] {
  if (!fields.entries.has('by')) return own;
  const names = own.map(({ name }) => name);
  const columns = readColumns(fields, names);
  const place = placeOf(fields, 'by');
  for (const { name } of columns) {
    if (names.includes(name)) continue;
    const has = names.length === 0 ? 'the rule has no `by`' : `the rule's columns are ${names.join(', ')}`;
    wrong(fields, place, { what: `${ticked(name)} is no column of the rule`, todo: didYouMean(name, names, has) });
  }
  return columns.toSorted((a, b) => names.indexOf(a.name) - names.indexOf(b.name));
}

/** `minimum` of a rule or a set. */
export function readMinimum(outer: Fields): Minimum {
  const entry = outer.entries.get('minimum');
  const { source, problems } = outer;
  const place = entry?.key.place ?? outer.place;
  const fields = fieldsOf(entry?.value ?? null, { of: 'minimum', known: ['count', 'until', 'peers'], place, source, problems });
  const count = integerAt(fields, 'count', { least: 1, most: countMax }) ?? 1;
  const until = integerAt(fields, 'until', { least: 1, most: countMax }) ?? Math.min(count, 5);
  return { count, until, peers: integerAt(fields, 'peers', { least: 1, most: countMax }) ?? 2 };
}
