import { describe, expect, test } from 'vitest';
import { canon } from '../../src/model/canon.ts';
import { encode } from '../../src/core/publish/bytes.ts';
import { bench, diffOf, engineNow, epoch, headOf, holding, instance, key, snapshotOf } from './bench.ts';
import type { Bench } from './bench.ts';
import { avoid, byId } from './fixtures.ts';
import { realKey } from './keys.ts';

const before = byId([avoid(1, null), avoid(2, null)]);
const after = byId([avoid(1, null), avoid(3, null)]);
const stranger = realKey('00112233aabbccdd');

/** Signed bytes, as they are. */
const raw = (b: Bench, channel: 'diff' | 'head' | 'snapshot', text: string | Uint8Array): void => {
  const payload = typeof text === 'string' ? Buffer.from(text, 'utf8') : text;
  b.give({ kind: 'message', channel, payload, key: key.keyId, signature: key.sign(channel, payload) });
};

const forged: { readonly [name: string]: { readonly reason: string; readonly send: (b: Bench) => void } } = {
  'a diff signed by another key under the same id': {
    reason: 'signature',
    send: (b) => b.receive('diff', diffOf(b, 4, before, after), stranger),
  },
  'a diff under an unknown key id': {
    reason: 'signature',
    send: (b) => b.receive('diff', diffOf(b, 4, before, after), { ...key, keyId: 'ffffffffffffffff' }),
  },
  'a diff without a signature': {
    reason: 'signature',
    send: (b) => b.give({ kind: 'message', channel: 'diff', payload: encode(diffOf(b, 4, before, after)), key: '', signature: '' }),
  },
  'a diff changed after it was signed': {
    reason: 'signature',
    send: (b) => {
      const payload = encode(diffOf(b, 4, before, after));
      const signature = key.sign('diff', payload);
      payload[payload.length - 3] = (payload[payload.length - 3] ?? 0) ^ 1;
      b.give({ kind: 'message', channel: 'diff', payload, key: key.keyId, signature });
    },
  },
  'a head’s signature on a diff': { reason: 'signature', send: (b) => b.receive('diff', diffOf(b, 4, before, after), key, 'head') },
  'a snapshot sent as a head': { reason: 'signature', send: (b) => b.receive('head', snapshotOf(b, 4, after), key, 'snapshot') },
  'a diff for another target': { reason: 'target', send: (b) => b.receive('diff', diffOf(b, 4, before, after, { target: 'side-2' })) },
  'a head for another target': { reason: 'target', send: (b) => b.receive('head', headOf(b, 4, after, { target: 'side-2' })) },
  'a diff of an older epoch': { reason: 'epoch', send: (b) => b.receive('diff', diffOf(b, 4, before, after, { epoch: epoch - 1 })) },
  'a head of an older epoch': { reason: 'epoch', send: (b) => b.receive('head', headOf(b, 4, after, { epoch: epoch - 1 })) },
  'a snapshot of an older epoch': { reason: 'epoch', send: (b) => b.receive('snapshot', snapshotOf(b, 4, after, { epoch: epoch - 1 })) },
  'a diff from another base revision': { reason: 'base', send: (b) => b.receive('diff', diffOf(b, 5, before, after)) },
  'a diff from another table of the base revision': {
    reason: 'base-hash',
    send: (b) => b.receive('diff', diffOf(b, 4, before, after, { baseHash: 'ab'.repeat(32) })),
  },
  'a diff whose result has another hash': {
    reason: 'hash',
    send: (b) => b.receive('diff', diffOf(b, 4, before, after, { hash: 'ab'.repeat(32) })),
  },
  'a diff that drops what is not held': {
    reason: 'ops',
    send: (b) => b.receive('diff', diffOf(b, 4, before, after, { ops: [{ op: 'drop', id: 'f'.repeat(32) }] })),
  },
  'a diff that changes nothing': {
    reason: 'ops',
    send: (b) => b.receive('diff', diffOf(b, 4, before, after, { ops: [{ op: 'renew', id: before[0]?.id ?? '', until: null }] })),
  },
  'a diff once more that was taken long ago': { reason: 'old-revision', send: (b) => b.receive('diff', diffOf(b, 2, [], after)) },
  'another diff to the revision held': { reason: 'fork', send: (b) => b.receive('diff', diffOf(b, 3, after, after, { ops: [] })) },
  'a snapshot with another nonce': {
    reason: 'nonce',
    send: (b) => b.receive('snapshot', snapshotOf(b, 4, after, { nonce: 'ab'.repeat(16) })),
  },
  'a snapshot whose nonce was used': {
    reason: 'nonce',
    send: (b) => b.receive('snapshot', snapshotOf(b, 4, after, { nonce: b.announces()[0]?.nonce ?? '' })),
  },
  'a head older than one that came': { reason: 'stale', send: (b) => b.receive('head', headOf(b, 2, [], { issued: engineNow(b) - 500 })) },
  'a head of an older revision': { reason: 'ahead', send: (b) => b.receive('head', headOf(b, 2, after)) },
  'a head of another table': { reason: 'fork', send: (b) => b.receive('head', headOf(b, 3, after)) },
  'JSON with a space': { reason: 'not-canonical', send: (b) => raw(b, 'diff', canon(diffOf(b, 4, before, after)).replace(':', ': ')) },
  'a name twice': { reason: 'not-canonical', send: (b) => raw(b, 'diff', canon(diffOf(b, 4, before, after)).replace('{', '{"at":1,')) },
  'a number written as 4.0': {
    reason: 'not-canonical',
    send: (b) => raw(b, 'diff', canon(diffOf(b, 4, before, after)).replace('"revision":4', '"revision":4.0')),
  },
  'minus nought': { reason: 'not-canonical', send: (b) => raw(b, 'head', canon(headOf(b, 3, before)).replace('"n":1', '"n":-0')) },
  'a number beyond the safe integers': {
    reason: 'not-canonical',
    send: (b) => raw(b, 'head', canon(headOf(b, 3, before)).replace('"n":1', '"n":9007199254740992')),
  },
  'a lone surrogate': {
    reason: 'not-canonical',
    send: (b) => raw(b, 'head', canon({ ...headOf(b, 3, before), x: 'y' }).replace('"y"', '"\\ud800"')),
  },
  'a name __proto__': {
    reason: 'not-canonical',
    send: (b) => raw(b, 'head', canon({ ...headOf(b, 3, before), __p: 1 }).replace('"__p"', '"__proto__"')),
  },
  'a byte order mark': { reason: 'not-canonical', send: (b) => raw(b, 'head', `\ufeff${canon(headOf(b, 3, before))}`) },
  'bytes that are not UTF-8': {
    reason: 'not-canonical',
    send: (b) => raw(b, 'head', Buffer.concat([encode(headOf(b, 3, before)), Buffer.from([0xff])])),
  },
  'seventeen levels': {
    reason: 'not-canonical',
    send: (b) => raw(b, 'head', canon({ ...headOf(b, 3, before), x: 1 }).replace('"x":1', `"x":${'['.repeat(17)}${']'.repeat(17)}`)),
  },
  'half a million brackets': { reason: 'not-canonical', send: (b) => raw(b, 'head', '['.repeat(500_000)) },
  'more than 512 KiB': { reason: 'size', send: (b) => raw(b, 'head', canon({ ...headOf(b, 3, before), x: 'y'.repeat(600_000) })) },
  'an empty payload': { reason: 'not-canonical', send: (b) => raw(b, 'head', '') },
  'a list': { reason: 'malformed', send: (b) => raw(b, 'head', '[]') },
  'another version': { reason: 'malformed', send: (b) => raw(b, 'head', canon({ ...headOf(b, 3, before), v: 2 })) },
  'a table out of order': { reason: 'malformed', send: (b) => b.receive('snapshot', snapshotOf(b, 4, [...after].reverse())) },
};

describe('a forged, foreign, damaged or late message changes nothing, and is counted', () => {
  test.each(Object.entries(forged))('%s', (_name, { reason, send }) => {
    const b = holding(before);
    expect(b.hold.file.held?.revision).toBe(3);
    const was = b.state();
    send(b);
    expect(b.state()).toBe(was);
    expect(b.reports()).toEqual([reason]);
    expect(Object.fromEntries(b.hold.counts)).toEqual({ [reason]: 1 });
    // And it stands in the way of nothing.
    b.receive('diff', diffOf(b, 4, before, after));
    expect(b.hold.file.held?.revision).toBe(4);
    expect(b.device()).toEqual(after);
  });

  test('what was refused is told with the next message of the adapter', () => {
    const b = holding(before);
    b.receive('diff', diffOf(b, 4, before, after), stranger);
    b.receive('diff', diffOf(b, 4, before, after));
    expect(b.acks().at(-1)).toMatchObject({ result: 'accepted', revision: 4, refused: { signature: 1 } });
  });

  test('a snapshot whose entries are not those of its hash', () => {
    const b = bench();
    b.give({ kind: 'start' });
    b.receive('snapshot', snapshotOf(b, 4, after, { hash: 'ab'.repeat(32) }));
    expect(b.hold.file.held).toBe(null);
    expect(b.reports()).toEqual(['hash']);
    b.wait(600);
    expect(b.announces()).toHaveLength(2);
  });

  test('a snapshot for another instance keeps the nonce good for our own', () => {
    const b = bench();
    b.give({ kind: 'start' });
    b.receive('snapshot', snapshotOf(b, 4, after, { instance: { ...instance, boot: 6 } }));
    expect(b.reports()).toEqual(['instance']);
    b.receive('snapshot', snapshotOf(b, 4, after));
    expect(b.hold.file.held?.revision).toBe(4);
  });
});

describe('an unknown operation, stage, match test or action refuses the whole message, by name', () => {
  const [entry] = after;
  const whole = (change: object) => [{ ...entry, ...change }];
  const strange = {
    "unknown stage 'shape'": whole({ stage: 'shape' }),
    "unknown action 'teleport'": whole({ action: { kind: 'teleport' } }),
    "unknown action 'constructor'": whole({ action: { kind: 'constructor' } }),
    "unknown match test 'sounds'": whole({ match: { 'request.path': [{ sounds: 'like' }] } }),
    "unknown match test 'flags'": whole({ match: { 'request.path': [{ regex: 'a', flags: 'i' }] } }),
    "unknown group 'planet'": whole({ action: { kind: 'avoid', on: 'planet', value: 'x', ppm: 1, floorPpm: 0 } }),
    'avoid belongs to steer': whole({ stage: 'admit' }),
    'at most 8192 may be': whole({ match: { 'request.path': [{ prefix: 'x'.repeat(8_190) }] } }),
  };
  test.each(Object.entries(strange))('%s', (name, entries) => {
    const b = bench();
    b.give({ kind: 'start' });
    b.receive('snapshot', { ...snapshotOf(b, 4, []), entries });
    const [report] = b.done.filter((e) => e.kind === 'report');
    expect(report).toMatchObject({ reason: 'malformed' });
    expect(report?.kind === 'report' && report.what).toContain(name);
    expect(b.hold.file.held).toBe(null);
  });

  test('an unknown operation', () => {
    const b = holding(before);
    b.receive('diff', { ...diffOf(b, 4, before, after), ops: [{ op: 'swap', id: 'f'.repeat(32) }] });
    expect(b.done.find((e) => e.kind === 'report')).toMatchObject({ what: "diff: ops.0.op: unknown operation 'swap'" });
  });

  test('overrides, which this version cannot obey', () => {
    const b = holding(before);
    b.receive('head', { ...headOf(b, 4, after), overrides: [{ id: 'x', mode: 'freeze' }] });
    expect(b.reports()).toEqual(['malformed']);
  });

  test('unknown fields are ignored, and yet hashed', () => {
    const b = bench();
    b.give({ kind: 'start' });
    const entries = byId([avoid(1, null)]).map((e) => ({ ...e, colour: 'blue', action: { ...e.action, shade: 3 } }));
    b.receive('snapshot', { ...snapshotOf(b, 4, entries), weather: { wind: 5 } });
    expect(b.hold.file.held?.revision).toBe(4);
    expect(b.device()).toEqual(entries);
  });
});
