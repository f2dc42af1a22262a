import { stageOf, stages } from '../../model/table.ts';
import { entriesMax, entryBytesMax, listMax, nameCharsMax, opsMax } from '../limits.ts';
import { bytesOf } from './bytes.ts';
import { also, flag, integer, isObject, list, named, orNull, record, safe, shown, tagged, text, word } from './check.ts';
import type { Check } from './check.ts';

/** An entry id; the receiver takes it as a name: that it belongs to this content is in the leaf, the table hash and the signature. */
export const entryId = text(32, /^[0-9a-f]{32}$/);

const name = text(nameCharsMax);
const long = text(entryBytesMax);
const ppm = integer(0, 1_000_000);
const until = orNull(safe);
const headers = named(long, listMax);
const scalar: Check = (value, at) =>
  typeof value === 'string' || typeof value === 'boolean' || Number.isSafeInteger(value)
    ? null
    : `${at}: expected a text, integer or boolean`;

const rangeOrder: Check = (value, at) =>
  Array.isArray(value) && value.length === 2 && value[0] <= value[1] ? null : `${at}: expected [from, to], from ≤ to`;
const range = also(list(integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER), 2), rangeOrder);
const negatable: readonly string[] = ['cidr', 'prefix', 'suffix', 'contains', 'regex'];

/** Every match test that this version knows, by the name of its one field. */
const tests: ReadonlyMap<string, Check> = new Map([
  ['present', flag],
  ['in', list(scalar, listMax)],
  ['notIn', list(scalar, listMax)],
  ['range', range],
  ['cidr', name],
  ['prefix', long],
  ['suffix', long],
  ['contains', long],
  ['regex', long],
]);

/** Anything beside the one known field could narrow the match, so here a field that is not known is not ignored. */
const test: Check = (value, at) => {
  if (!isObject(value)) return `${at}: expected a match test`;
  const fields = Object.keys(value).filter((field) => field !== 'not');
  const unknown = fields.find((field) => !tests.has(field));
  if (unknown !== undefined) return `${at}: unknown match test '${shown(unknown)}'`;
  const [field] = fields;
  if (field === undefined || fields.length > 1) return `${at}: expected exactly one match test`;
  if (Object.hasOwn(value, 'not') && (value['not'] !== true || !negatable.includes(field))) return `${at}.not: not for ${field}`;
  return tests.get(field)?.(value[field], `${at}.${field}`) ?? null;
};

const groups = ['instance', 'version', 'zone', 'region', 'node'];
const status = integer(100, 599);

const action = tagged(
  'kind',
  'action',
  new Map<string, Check>([
    ['allow', record({})],
    ['deny', record({ ppm, status, grpcStatus: integer(0, 16) })],
    ['respond', record({ status, body: long, headers })],
    [
      'limit',
      record({
        rateMilli: safe,
        burst: safe,
        unit: word('unit', ['requests', 'bytes']),
        per: list(name, listMax),
        scope: word('scope', ['local', 'global']),
      }),
    ],
    [
      'split',
      record({ on: word('group', ['version', 'zone', 'service']), ppm: also(named(ppm, listMax), wholeShare), sticky: orNull(name) }),
    ],
    ['route', record({ to: name })],
    ['avoid', record({ on: word('group', groups), value: name, ppm, floorPpm: ppm })],
    ['mirror', record({ to: name, ppm })],
    ['set', record({ set: headers, remove: list(name, listMax), dscp: orNull(integer(0, 63)) })],
  ]),
);

function wholeShare(value: unknown, at: string): string | null {
  const sum = isObject(value) ? Object.values(value).reduce<number>((a, v) => a + (typeof v === 'number' ? v : 0), 0) : 0;
  return sum === 1_000_000 ? null : `${at}: shares sum to ${sum}, not 1000000`;
}

const shape = record({
  id: entryId,
  stage: word('stage', stages),
  priority: integer(0, 1_000),
  match: named(list(test, listMax), listMax),
  action,
  owner: record({ rule: name, revision: safe, key: long }),
  part: integer(0, listMax),
  until,
});

/** One entry (src/model/table.ts): known stage, tests and action, action and stage that belong together, ≤ 8 KiB. */
export const entry: Check = (value, at) => {
  const wrong = shape(value, at);
  if (wrong !== null || !isObject(value)) return wrong;
  const kind = isObject(value['action']) ? value['action']['kind'] : '';
  const stage = new Map<string, string>(Object.entries(stageOf)).get(String(kind));
  if (stage !== value['stage']) return `${at}.stage: ${String(kind)} belongs to ${stage}`;
  const bytes = bytesOf(value);
  return bytes > entryBytesMax ? `${at}: ${bytes} bytes, at most ${entryBytesMax} may be` : null;
};

const putSame: Check = (value, at) =>
  isObject(value) && isObject(value['entry']) && value['entry']['id'] === value['id'] ? null : `${at}.entry.id: not the operation's`;

const op = tagged(
  'op',
  'operation',
  new Map<string, Check>([
    ['put', also(record({ id: entryId, entry }), putSame)],
    ['renew', record({ id: entryId, until })],
    ['drop', record({ id: entryId })],
  ]),
);

/** Operations of a diff: at most one an entry, ids ascending (protocol.md section 2). */
export const opsUpTo = (max: number): Check => also(list(op, max), ascending);
export const ops: Check = opsUpTo(opsMax);

/** A whole table: ids ascending, each once. */
export const table: Check = also(list(entry, entriesMax), ascending);

function ascending(value: unknown, at: string): string | null {
  if (!Array.isArray(value)) return null;
  let last = '';
  for (const [i, item] of value.entries()) {
    const id = isObject(item) ? String(item['id']) : '';
    if (id <= last) return `${at}.${i}.id: not after the one before`;
    last = id;
  }
  return null;
}
