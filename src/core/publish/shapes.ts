import { readInstance } from '../../model/inventory.ts';
import { targetName } from '../../model/target.ts';
import { overrideModes } from '../../model/override.ts';
import type { Override } from '../../model/override.ts';
import {
  liftedMax,
  listMax,
  nameCharsMax,
  overrideMsMax,
  overridesMax,
  proofBytesMax,
  protocolVersion,
  reasonsMax,
  textCharsMax,
} from '../limits.ts';
import { also, flag, hash64, integer, isObject, list, named, orNull, record, safe, tagged, text, word } from './check.ts';
import type { Check } from './check.ts';
import { entryId, ops, table } from './entry.ts';

export const ackResults = ['accepted', 'rejected', 'observed', 'gap', 'ahead', 'fork', 'frozen', 'torn', 'superseded', 'clock'] as const;

const name = text(nameCharsMax);
const names = list(name, listMax);
const positive = integer(1, Number.MAX_SAFE_INTEGER);
const nonce = text(64, /^[0-9a-f]{16,64}$/);

const common = {
  v: ((value, at) =>
    value === protocolVersion ? null : `${at}: version ${String(value)}, this speaks ${protocolVersion}`) satisfies Check,
  target: text(63, targetName),
  at: safe,
};
const instance = record({ adapter: text(64, /^[A-Za-z0-9._-]+$/), boot: safe });
const grant = record({ epoch: positive, n: safe, instance });
const id = text(32, /^[0-9a-f]{32}$/);

/** Also of the file an adapter keeps. */
export const override: Check = also(
  record({
    id,
    scope: tagged(
      'kind',
      'scope',
      new Map([
        ['all', record({})],
        ['target', record({ name: text(63, targetName) })],
        ['rule', record({ name })],
        ['owner', record({ name })],
      ]),
    ),
    mode: word('mode', overrideModes),
    by: name,
    reason: text(textCharsMax),
    at: safe,
    until: safe,
  }),
  (value, at) => {
    const { at: from, until } = value as Override;
    return until > from && until - from <= overrideMsMax ? null : `${at}.until: not within ${overrideMsMax / 3_600_000} h of its start`;
  },
);
const overrides = list(override, overridesMax);
const lifted = list(id, liftedMax);
const above = { overrides, lifted, keySet: orNull(record({})) };

export const proof = record({
  kind: word('kind', ['diff', 'head', 'snapshot']),
  key: text(64),
  signature: text(128),
  payload: text(proofBytesMax),
});

/** A diff goes forward, by one or (adopted after a restore) by more. */
const forward: Check = (value, at) => {
  if (!isObject(value)) return `${at}: expected an object`;
  const { base, revision } = value;
  return typeof base === 'number' && typeof revision === 'number' && base < revision ? null : 'base: not before revision';
};

const onePart: Check = (value, at) =>
  isObject(value) && value['part'] === 0 && value['parts'] === 1 ? null : `${at === '' ? '' : `${at}.`}parts: more than one is not built`;

const fromAdapter = {
  ...common,
  instance,
  held: orNull(proof),
  overrides,
  clock: record({ time: safe, contact: flag }),
  refused: named(safe, reasonsMax + 1),
};

const capabilities = record({
  actions: names,
  fields: names,
  tests: names,
  entriesMax: safe,
  atomic: flag,
  costNs: safe,
});

const known: Check = (value, at) => {
  const read = readInstance(value);
  return typeof read === 'string' ? `${at}: ${read}` : null;
};

/** A target need not know any. */
const instancesThere: Check = (value, at) =>
  isObject(value) && Object.hasOwn(value, 'instances') ? list(known, listMax)(value['instances'], `${at}.instances`) : null;

/** What a target says of itself; also checked before it is announced, or its announces would be refused for ever. */
const itself = { kind: name, capabilities, sees: also(record({ services: names }), instancesThere), address: orNull(name) };
export const announced = record(itself);

/** What each kind of message must look like. */
export const shapes: Readonly<Record<'diff' | 'head' | 'snapshot' | 'closed' | 'override' | 'lift' | 'announce' | 'ack', Check>> = {
  diff: also(
    record({ ...common, epoch: positive, revision: positive, table: safe, base: safe, baseHash: hash64, ops, hash: hash64, issued: safe }),
    forward,
  ),
  head: record({ ...common, epoch: positive, revision: safe, hash: hash64, issued: safe, grant: orNull(grant), ...above }),
  snapshot: also(
    record({
      ...common,
      ...above,
      nonce,
      instance,
      grant,
      epoch: positive,
      revision: safe,
      hash: hash64,
      issued: safe,
      entries: table,
      part: safe,
      parts: safe,
      hashes: list(hash64, listMax),
    }),
    onePart,
  ),
  closed: record({ ...common, instance }),
  override: record({ ...common, override }),
  lift: record({ ...common, epoch: positive, lifted }),
  announce: record({
    ...fromAdapter,
    ...itself,
    nonce,
    speaks: record({ min: safe, max: safe }),
    provisional: flag,
  }),
  ack: record({
    ...fromAdapter,
    epoch: positive,
    revision: safe,
    hash: hash64,
    result: word('result', ackResults),
    entries: list(record({ id: entryId, code: name, text: text(textCharsMax) }), listMax),
    ended: list(entryId, listMax),
  }),
};
