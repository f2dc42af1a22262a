import { expect, test } from 'vitest';
import { canon } from '../../src/model/canon.ts';
import { stageOf } from '../../src/model/table.ts';
import type { Table } from '../../src/model/table.ts';
import { encode, parsePayload, tableHash } from '../../src/core/publish/bytes.ts';
import { readKeySet } from '../../src/core/publish/keyset.ts';
import { decodeAck, decodeAnnounce, decodeSigned } from '../../src/core/publish/messages.ts';
import { cut, readPart } from '../../src/core/publish/parts.ts';
import { readProof } from '../../src/core/publish/proof.ts';
import { bench, diffOf, engineNow, headOf, holding, instance, snapshotOf, target } from './bench.ts';
import { avoid, byId, entryOf } from './fixtures.ts';
import { seeded } from './random.ts';
import type { Seeded } from './random.ts';

const mutations = 50_000;

const rich: Table = byId([
  avoid(1, null),
  avoid(2, 1_700_000_100_000),
  entryOf({ match: { 'request.path': [{ prefix: '/a' }, { regex: '^/a/[0-9]+$', not: true }] }, action: { kind: 'deny', ppm: 500_000, status: 403, grpcStatus: 7 }, key: 'd', until: null }),
  entryOf({ match: { 'source.port': [{ range: [1, 1023] }], 'source.principal': [{ present: false }] }, action: { kind: 'allow' }, key: 'a', until: null }),
  entryOf({ match: {}, action: { kind: 'split', on: 'version', ppm: { v1: 0, v2: 1_000_000 }, sticky: null }, key: 's', until: 1_700_000_100_000 }),
  entryOf({ match: { 'source.address': [{ cidr: '10.0.0.0/8' }] }, action: { kind: 'limit', rateMilli: 5, burst: 1, unit: 'requests', per: ['source.service'], scope: 'local' }, key: 'l', until: null }),
  entryOf({ match: {}, action: { kind: 'set', set: { 'x-a': 'b' }, remove: ['x-c'], dscp: 46 }, key: 'e', until: null }),
]); // prettier-ignore

const signedSet = {
  payload: canon({ keys: [{ from: 0, id: 'a'.repeat(16), public: 'A'.repeat(43), to: null }], version: 3 }),
  signature: 'x'.repeat(86),
};

/** One real message of each kind, with its decoder. */
function messages() {
  const b = holding(byId([avoid(1, null)]));
  b.receive('head', headOf(b, 5, rich));
  b.wait(600);
  const closed = { v: 1, target, at: engineNow(b), instance };
  const signed = (kind: 'diff' | 'head' | 'snapshot' | 'closed') => (value: unknown) => decodeSigned(kind, value);
  return [
    { message: diffOf(b, 4, byId([avoid(1, null), avoid(9, null)]), rich), decode: signed('diff') },
    { message: headOf(b, 4, rich), decode: signed('head') },
    { message: snapshotOf(b, 4, rich), decode: signed('snapshot') },
    { message: closed, decode: signed('closed') },
    { message: { ...headOf(b, 4, rich), keySet: signedSet }, decode: signed('head') },
    { message: { ...snapshotOf(b, 4, []), entries: [], parts: 3, hashes: ['ab'.repeat(32), 'cd'.repeat(32)] }, decode: signed('snapshot') },
    { message: b.announces().at(-1) ?? {}, decode: decodeAnnounce },
    { message: b.acks().at(-1) ?? {}, decode: decodeAck },
  ];
}

test(`${mutations} mutated messages: none throws, none is taken for something else than it says`, { timeout: 300_000 }, () => {
  const random = seeded(20);
  const originals = messages().map(({ message, decode }) => ({ payload: encode(message), decode }));
  for (const { payload, decode } of originals) {
    const value = parsePayload(payload);
    expect(value.ok && decode(value.value).ok).toBe(true);
  }
  let accepted = 0;
  for (let i = 0; i < mutations; i++) {
    const { payload, decode } = random.pick(originals);
    const mutant = random.chance(0.3) ? mutateBytes(payload, random) : mutateValue(payload, random);
    const value = parsePayload(mutant);
    if (!value.ok) continue;
    const decoded = decode(value.value);
    if (!decoded.ok) continue;
    accepted += 1;
    const message = decoded.value;
    const inner = 'message' in message ? message.message : message;
    if (!Buffer.from(canon(inner), 'utf8').equals(mutant))
      throw new Error(`taken for something else: ${Buffer.from(mutant).toString('utf8')}`);
    const wrong = broken(inner as unknown as { readonly [name: string]: unknown });
    if (wrong !== null) throw new Error(`${wrong}: ${Buffer.from(mutant).toString('utf8')}`);
  }
  // Some mutations are harmless (another number, an unknown field): a decoder that takes nothing would pass otherwise.
  expect(accepted).toBeGreaterThan(mutations / 100);
  expect(accepted).toBeLessThan(mutations / 2);
});

test('6,000 mutated messages with good signatures: the hold stands, and holds only what its hash says', { timeout: 300_000 }, () => {
  const random = seeded(21);
  const start = byId([avoid(1, null), avoid(9, null)]);
  let b = bench({ verify: () => true });
  let seen: unknown = null;
  for (let i = 0; i < 6_000; i++) {
    if (i % 50 === 0) {
      b = holding(start, 3, { verify: () => true });
      b.receive('head', headOf(b, 5, rich));
      b.wait(600);
    }
    const [channel, message] = random.pick([
      ['diff', diffOf(b, 4, start, rich)],
      ['head', headOf(b, 4, rich)],
      ['snapshot', snapshotOf(b, 4, rich)],
    ] as const);
    const payload = random.chance(0.1) ? encode(message) : mutateValue(encode(message), random);
    b.give({ kind: 'message', channel, payload, key: 'k', signature: 's' });
    const held = b.hold.file.held;
    if (held !== null && held === seen) continue;
    seen = held;
    if (held === null || tableHash(target, held.entries) !== held.hash) throw new Error(`holds what its hash does not say, after ${i}`);
    const proven = readProof(held.proof, () => true);
    if (proven === null || proven.revision !== held.revision || proven.hash !== held.hash)
      throw new Error(`holds what it cannot prove, after ${i}`);
  }
});

test('20,000 mutated parts and key sets: none throws, and what is taken is what was meant', () => {
  const random = seeded(22);
  const trust = { rootSigned: () => true, signedBy: () => true };
  const part = cut(target, { revision: 4, entries: rich }, 512 * 1024, new WeakMap()).payloads[0] ?? new Uint8Array();
  const is = { target, revision: 4, part: 1 };
  const set = Buffer.from(signedSet.payload, 'utf8');
  expect([readPart(part, is).ok, readKeySet(signedSet, trust)?.version]).toEqual([true, 3]);
  let taken = 0;
  for (let i = 0; i < 20_000; i++) {
    const mutate = random.chance(0.4) ? mutateBytes : mutateValue;
    const bytes = mutate(part, random);
    const read = readPart(bytes, is);
    if (read.ok) {
      taken += 1;
      const { v, target: name, revision, part: place, entries } = read.value;
      if (v !== 1 || name !== target || revision !== 4 || place !== 1) throw new Error('another part than the one meant');
      const wrong = entries.map(brokenEntry).find((w) => w !== null) ?? null;
      if (wrong !== null) throw new Error(`${wrong}: ${Buffer.from(bytes).toString('utf8')}`);
    }
    const payload = Buffer.from(mutate(set, random)).toString('utf8');
    const keys = readKeySet({ payload, signature: '' }, trust);
    if (keys === null) continue;
    taken += 1;
    const fine = keys.keys.every(
      (k) => /^[0-9a-f]{16}$/.test(k.id) && /^[A-Za-z0-9_-]{43}$/.test(k.public) && natural(k.from) && (k.to === null || natural(k.to)),
    );
    if (!fine || !natural(keys.version) || keys.keys.length > 16) throw new Error(`taken for a key set: ${payload}`);
  }
  expect(taken).toBeGreaterThan(200);
});

/** Written apart from the decoders: what must be so in whatever they let through. */
function broken(message: { readonly [name: string]: unknown }): string | null {
  const { v, target: name, at, epoch, revision, base, hash, entries, ops } = message;
  if (v !== 1 || typeof name !== 'string' || !/^[a-z0-9-]{1,63}$/.test(name) || !natural(at)) return 'common fields';
  if (epoch !== undefined && (!natural(epoch) || epoch === 0)) return 'epoch';
  if (revision !== undefined && !natural(revision)) return 'revision';
  if (base !== undefined && (!natural(base) || Number(base) >= Number(revision))) return 'base';
  if (hash !== undefined && !/^[0-9a-f]{64}$/.test(String(hash))) return 'hash';
  if (ops !== undefined) {
    const list = ops as readonly { readonly op: string; readonly id: string; readonly entry: unknown }[];
    if (list.some(({ op }) => !['put', 'renew', 'drop'].includes(op))) return 'operation';
    if (list.some(({ id }, i) => i > 0 && id <= (list[i - 1]?.id ?? ''))) return 'order of operations';
    const wrong = list.flatMap(({ op, entry }) => (op === 'put' ? [brokenEntry(entry)] : [])).find((w) => w !== null);
    if (wrong !== undefined) return wrong;
  }
  // An ack has entries too: those that were rejected.
  if (message['result'] !== undefined || entries === undefined) return null;
  const list = entries as readonly { readonly id: string }[];
  if (list.some(({ id }, i) => i > 0 && id <= (list[i - 1]?.id ?? ''))) return 'order of entries';
  return list.map(brokenEntry).find((w) => w !== null) ?? null;
}

function brokenEntry(value: unknown): string | null {
  const e = value as { readonly [name: string]: unknown };
  const stages: { readonly [kind: string]: string } = stageOf;
  const kind = (e['action'] as { readonly kind?: string } | null)?.kind ?? '';
  if (!Object.keys(stages).includes(kind) || stages[kind] !== e['stage']) return `stage of ${kind}`;
  if (typeof e['id'] !== 'string' || !/^[0-9a-f]{32}$/.test(e['id'])) return 'id';
  if (!natural(e['priority']) || Number(e['priority']) > 1_000) return 'priority';
  if (e['until'] !== null && !natural(e['until'])) return 'until';
  const known = ['present', 'in', 'notIn', 'range', 'cidr', 'prefix', 'suffix', 'contains', 'regex', 'not'];
  const tests = Object.values(e['match'] as object).flat() as readonly object[];
  return tests.every((t) => Object.keys(t).every((k) => known.includes(k))) ? null : 'match test';
}

const natural = (value: unknown): boolean => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

function mutateBytes(payload: Uint8Array, random: Seeded): Uint8Array {
  const bytes = Buffer.from(payload);
  const at = random.integer(bytes.length);
  const what = random.integer(4);
  if (what === 0) return bytes.subarray(0, at);
  if (what === 1) return Buffer.concat([bytes.subarray(0, at), Buffer.from([random.integer(256)]), bytes.subarray(at)]);
  if (what === 2) return Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + 1 + random.integer(8)))]);
  bytes[at] = random.chance(0.5) ? random.integer(256) : random.pick(['0', '9', '"', '{', '[', ',', '-', 'e', '.']).charCodeAt(0) & 0xff;
  return bytes;
}

const odd: readonly unknown[] = [
  null, true, false, 0, 1, -1, 1.5, 2 ** 53, Number.MAX_SAFE_INTEGER, '', 'x', 'constructor', '__proto__', 'toString', 'put', 'drop', 'renew', 'admit', 'edit',
  'f'.repeat(32), 'f'.repeat(64), 'ü', '\u{1f600}', 'x'.repeat(300), 'x'.repeat(9_000), [], [[]], {}, { a: 1 }, { kind: 'allow' }, { kind: 'deny' }, { op: 'drop' },
  { present: true }, { in: [] }, { in: [1, 'a', true] }, { range: [2, 1] }, { range: [1, 2] }, { cidr: 'x', not: true }, { not: true }, { hasOwnProperty: 1 },
]; // prettier-ignore

/** One to three changes somewhere in the value, written canonically again where that is possible. */
function mutateValue(payload: Uint8Array, random: Seeded): Uint8Array {
  const root: unknown = JSON.parse(Buffer.from(payload).toString('utf8'));
  for (let n = 1 + random.integer(3); n > 0; n--) {
    const nodes: { [name: string]: unknown }[] = [];
    collect(root, nodes);
    const node = random.pick(nodes);
    const names = Object.keys(node);
    const name = names.length === 0 ? 'x' : random.pick(names);
    const what = random.integer(5);
    if (what === 0 && !Array.isArray(node)) delete node[name];
    else if (what === 1)
      node[Array.isArray(node) ? String(names.length) : random.pick(['x', 'kind', 'op', 'not', 'constructor', 'until'])] = structuredClone(
        random.pick(odd),
      );
    else if (what === 2) node[name] = structuredClone(random.pick(nodes));
    else if (what === 3 && typeof node[name] === 'number') node[name] = Number(node[name]) + random.integer(3) - 1;
    else node[name] = structuredClone(random.pick(odd));
  }
  try {
    return Buffer.from(canon(root), 'utf8');
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    // Too deep, a fraction, a name that cannot be: let the decoder see it as plain JSON.
    return Buffer.from(JSON.stringify(root), 'utf8');
  }
}

function collect(value: unknown, into: { [name: string]: unknown }[]): void {
  if (typeof value !== 'object' || value === null || into.length > 500) return;
  into.push(value as { [name: string]: unknown });
  for (const item of Object.values(value)) collect(item, into);
}
