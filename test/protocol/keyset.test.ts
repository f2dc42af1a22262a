import { describe, expect, test } from 'vitest';
import { keyForceMs, keySpreadMs } from '../../src/core/limits.ts';
import { encode } from '../../src/core/publish/bytes.ts';
import { canon } from '../../src/model/canon.ts';
import { decodeFile } from '../../src/core/hold/file.ts';
import type { HoldFile } from '../../src/core/hold/types.ts';
import type { SetKey } from '../../src/core/publish/keyset.ts';
import { diffOf, headOf, snapshotOf, startMs, target } from './bench.ts';
import { avoid, byId } from './fixtures.ts';
import { createKeyring } from './keyring.ts';
import { line } from '../sim/line.ts';
import type { Line } from '../sim/line.ts';

const ring = createKeyring('real');
const A = ring.make('aaaaaaaaaaaaaaaa');
const B = ring.make('bbbbbbbbbbbbbbbb', startMs);
const C = ring.make('cccccccccccccccc', startMs + 1);
const one = byId([avoid(1, null)]);
const two = byId([avoid(1, null), avoid(2, null)]);
const never = () => false;

/** Engine and adapter under a pinned root; the engine begins with the key A. */
function pinned(file: HoldFile | null = null): Line {
  const l = line({
    lead: { keyId: A.id, sign: ring.sign, verify: never, trust: ring.trust },
    hold: { verify: never, trust: ring.trust, file },
    first: [{ kind: 'keys', signed: ring.set(1, [A]), own: [A.id] }],
  });
  l.start();
  l.want(one);
  l.wait(1_500);
  return l;
}

const keys = (l: Line, version: number, all: readonly SetKey[], own = all): void =>
  l.give({ kind: 'keys', signed: ring.set(version, all), own: own.map(({ id }) => id) });

const lastKey = (l: Line): string | undefined => l.sent.findLast(({ keyId }) => keyId !== '')?.keyId;

describe('the key set', () => {
  test('comes with the first answer, is kept on disk, and is not sent to who has it', () => {
    const l = pinned();
    expect(l.b.hold.file.held?.revision).toBe(1);
    expect(l.b.disk()?.keySet).toMatchObject({ payload: ring.set(1, [A]).payload, past: [] });
    expect(l.b.acks().at(-1)?.keys ?? l.b.announces().at(-1)?.keys).toBeDefined();
    l.wait(7_000);
    expect(JSON.parse(Buffer.from(l.sent.findLast(({ channel }) => channel === 'head')?.payload ?? '').toString('utf8')).keySet).toBe(null);
    expect(l.refused()).toEqual({});
  });

  test('a new key is announced first, and signs when every live target keeps the set, and not before', () => {
    const l = pinned();
    keys(l, 2, [A, B]);
    l.wait(keySpreadMs - 2_000);
    expect(l.b.disk()?.keySet?.payload).toBe(ring.set(2, [A, B]).payload);
    expect(lastKey(l)).toBe(A.id);
    l.wait(5_000);
    expect(lastKey(l)).toBe(B.id);
    l.want(two);
    l.wait(500);
    expect(l.b.hold.file.held?.revision).toBe(2);
    expect(l.refused()).toEqual({});
  });

  test('a target that does not take it holds the new key up, for a day at most', () => {
    const l = pinned();
    keys(l, 2, [A, B]);
    // Alive, but what it hears of the set is lost.
    l.carry.by = (some) => some.filter(({ channel }) => channel === 'diff');
    for (let n = 0; n < 40; n++) {
      l.want(n % 2 === 0 ? two : one);
      l.wait(2_000);
    }
    expect(lastKey(l)).toBe(A.id);
    for (const hours of [23, 24]) {
      const lead = line({ lead: { keyId: A.id, sign: ring.sign, verify: never, trust: ring.trust } });
      keys(lead, 2, [A, { ...B, from: startMs - hours * 3_600_000 }]);
      lead.wait(200);
      expect(lead.lead.keyId).toBe(hours * 3_600_000 >= keyForceMs ? B.id : A.id);
    }
  });

  test('a key that is taken out signs no more from that moment on, and its table stays', () => {
    const l = pinned();
    keys(l, 2, [A, B]);
    l.wait(2_000);
    keys(l, 3, [B]);
    expect(l.lead.keyId).toBe(B.id);
    l.wait(2_000);
    expect(l.b.hold.file.held?.revision).toBe(1);
    expect(l.b.device()).toEqual(one);
    const was = l.b.hold.file.held;
    l.b.receive('diff', diffOf(l.b, 2, one, two, { epoch: l.lead.epoch }), ring.as(A.id));
    l.b.receive('head', headOf(l.b, 2, two, { epoch: l.lead.epoch + 5 }), ring.as(A.id));
    expect(l.b.hold.file.held).toBe(was);
    expect(l.refused()).toEqual({ revoked: 2 });
    l.want(two);
    l.wait(500);
    expect(l.b.hold.file.held?.revision).toBe(2);
  });

  test('a table that a revoked key signed is still taken from one’s own file', () => {
    const l = pinned();
    keys(l, 2, [A, B]);
    l.wait(2_000);
    const before = l.b.hold.file.held;
    expect(before?.proof.key).toBe(A.id);
    // Revoked while no head that would prove the table anew comes through: only the set does.
    l.b.receive('head', headOf(l.b, 9, two, { epoch: l.lead.epoch, keySet: ring.set(3, [B]) }), ring.as(B.id));
    l.b.wait(200);
    const disk = JSON.parse(JSON.stringify(l.b.disk()));
    expect(disk.held.proof.key).toBe(A.id);
    expect(disk.keySet.past).toEqual([{ id: A.id, public: A.public }]);
    expect(decodeFile(disk, target, never, ring.trust).ok).toBe(true);
    expect(decodeFile({ ...disk, keySet: null }, target, never, ring.trust)).toMatchObject({ ok: false, problem: { code: 'E-HOLD-FILE' } });
    expect(decodeFile(disk, target, never, createKeyring('real').trust).ok).toBe(false);
    const again = pinned(disk as HoldFile);
    expect(again.b.done.find((e) => e.kind === 'apply')).toMatchObject({ table: one, revision: 1 });
  });

  test('a key whose time is over is refused at once, at the target’s engine time', () => {
    const l = pinned();
    keys(l, 2, [{ ...A, to: startMs + 20_000 }, B]);
    l.wait(3_000);
    l.b.wait(10_000);
    l.b.receive('diff', diffOf(l.b, 2, one, two, { epoch: l.lead.epoch }), ring.as(A.id));
    expect(l.b.hold.file.held?.revision).toBe(2);
    l.b.wait(10_000);
    l.b.receive('diff', diffOf(l.b, 3, two, one, { epoch: l.lead.epoch }), ring.as(A.id));
    expect(l.b.hold.file.held?.revision).toBe(2);
    expect(l.refused()).toMatchObject({ revoked: 1 });
  });

  test('one who was away for two rotations comes back by what the answer brings', () => {
    const l = pinned();
    const disk = JSON.parse(JSON.stringify(l.b.disk())) as HoldFile;
    const later = line({
      lead: { keyId: C.id, sign: ring.sign, verify: never, trust: ring.trust },
      hold: { verify: never, trust: ring.trust, file: disk },
    });
    keys(later, 5, [B, C], [C]);
    later.start();
    later.wait(2_000);
    expect(later.b.disk()?.keySet?.payload).toBe(ring.set(5, [B, C]).payload);
    // The record of this engine is empty: what it proves is by a key that was taken out, and proves nothing.
    expect(later.reports).toContain('proof');
  });
});

describe('refused, and counted', () => {
  test('an older set: the message counts, the set does not', () => {
    const l = pinned();
    keys(l, 3, [A, B]);
    l.wait(2_000);
    l.b.receive(
      'head',
      headOf(l.b, 1, one, { epoch: l.lead.epoch, keySet: ring.set(2, [A, C]), issued: startMs + l.b.now() }),
      ring.as(A.id),
    );
    expect(l.refused()).toMatchObject({ 'key-set-old': 1 });
    expect(l.b.hold.keys?.set.version).toBe(3);
    l.b.receive('diff', diffOf(l.b, 2, one, two, { epoch: l.lead.epoch }), ring.as(C.id));
    expect(l.b.hold.file.held?.revision).toBe(1);
  });

  test('another set of the same version', () => {
    const l = pinned();
    l.b.receive('head', headOf(l.b, 1, one, { epoch: l.lead.epoch, keySet: ring.set(1, [A, C]) }), ring.as(A.id));
    expect(l.b.hold.keys?.set.keys).toEqual([A]);
    expect(l.refused()).toMatchObject({ 'key-set-old': 1 });
  });

  test('a set that the root has not signed, and with it the message, though a good key signed that', () => {
    const l = pinned();
    const state = l.b.state();
    const forged = ring.set(9, [A, C], ring.stranger);
    l.b.receive('head', headOf(l.b, 9, two, { epoch: l.lead.epoch, keySet: forged }), ring.as(A.id));
    l.b.receive('head', headOf(l.b, 9, two, { epoch: l.lead.epoch, keySet: forged }), ring.as(C.id));
    expect(l.b.state()).toBe(state);
    expect(l.refused()).toEqual({ 'key-set': 1, signature: 1 });
  });

  test('a newer set in a message for another target, of another shape, or by a key that it does not hold', () => {
    const l = pinned();
    const set = ring.set(2, [B]);
    l.b.receive('head', headOf(l.b, 9, two, { target: 'side-2', keySet: set }), ring.as(B.id));
    l.b.receive('head', { ...headOf(l.b, 9, two, { keySet: set }), overrides: 7 }, ring.as(B.id));
    l.b.receive('head', headOf(l.b, 9, two, { keySet: set }), ring.as(A.id));
    l.b.receive('snapshot', snapshotOf(l.b, 9, two, { keySet: set }), ring.as(C.id));
    expect(l.b.hold.keys?.set.version).toBe(1);
    expect(l.refused()).toEqual({ target: 1, malformed: 1, revoked: 1, signature: 1 });
  });

  test('by the engine: a set that is older than the one in use, or not the root’s', () => {
    const l = pinned();
    keys(l, 4, [A, B]);
    keys(l, 3, [A, C]);
    l.give({ kind: 'keys', signed: ring.set(9, [C], ring.stranger), own: [C.id] });
    expect(l.lead.keys?.set.version).toBe(4);
    expect(l.reports.filter((reason) => reason === 'key-set')).toHaveLength(2);
  });

  test('by the engine: a proof by a key that was taken out stops nothing; by one that is over it counts if it was signed in time', () => {
    for (const [set, issued, behind] of [
      [[B], startMs, 0],
      [[{ ...A, to: startMs + 1_000 }, B], startMs, 1],
      [[{ ...A, to: startMs + 1_000 }, B], startMs + 1_000, 0],
    ] as const) {
      const l = pinned();
      keys(l, 2, set);
      const head = headOf(l.b, 900, two, { epoch: l.lead.epoch + 1_000, issued });
      const text = canon(head);
      const held = { kind: 'head', key: A.id, signature: ring.sign('head', Buffer.from(text), A.id), payload: text } as const;
      const announce = { ...l.b.announces()[0], held };
      l.give({ kind: 'announce', target, payload: encode(announce) });
      expect(l.lead.behind.size).toBe(behind);
    }
  });
});
