import { describe, expect, test } from 'vitest';
import { entriesMax, messageBytesMax, partsEarlyMax, partsMax, partsPerTickMax } from '../../src/core/limits.ts';
import { cut } from '../../src/core/publish/parts.ts';
import type { Entry } from '../../src/model/table.ts';
import { capabilities } from './fixtures.ts';
import { avoid, byId, entryOf } from './fixtures.ts';
import { target } from './bench.ts';
import { line } from '../sim/line.ts';
import type { Sent } from '../sim/line.ts';
import { seeded } from './random.ts';

/** One entry fills a part, nearly. */
const small = { lead: { messageBytesMax: 1_000 } };
const many = (count: number, until: number | null = null) => byId(Array.from({ length: count }, (_, n) => avoid(n, until)));
const wide = { ...capabilities, entriesMax };
const isPart = (one: Sent): boolean => one.channel === 'snapshot' && one.signature === '';
const isList = (one: Sent): boolean => one.channel === 'snapshot' && one.signature !== '';

describe('a table that no message holds', () => {
  test('is committed like any other, its diff without operations, and comes in parts of at most 512 KiB under one signature', () => {
    const l = line({ hold: { capabilities: wide } });
    l.start();
    l.want(many(10));
    l.want(many(6_000));
    l.wait(2_000);
    expect(l.b.hold.file.held?.revision).toBe(2);
    expect(l.b.device()).toEqual(many(6_000));
    const parts = l.sent.filter(isPart);
    expect(parts.length).toBeGreaterThan(3);
    expect(Math.max(...l.sent.map(({ payload }) => payload.length))).toBeLessThanOrEqual(messageBytesMax);
    expect(l.refused()).toEqual({});
    // What proves it is the list, which is short.
    expect(l.b.hold.file.held?.proof.payload.length).toBeLessThan(2_000);
  });

  test('64 MiB of it are at most so many parts', () => {
    const leaves = new WeakMap();
    const long = (n: number): Entry =>
      entryOf({
        match: { 'request.path': [{ prefix: `/${'x'.repeat(7_700)}${n}` }] },
        action: { kind: 'allow' },
        key: `k${n}`,
        until: null,
      });
    const { payloads } = cut(
      target,
      { revision: 1, entries: byId(Array.from({ length: 8_450 }, (_, n) => long(n))) },
      messageBytesMax,
      leaves,
    );
    const bytes = payloads.reduce((sum, { length }) => sum + length, 0);
    expect(bytes).toBeGreaterThan(63 * 1024 * 1024);
    expect(payloads.length).toBeLessThanOrEqual(partsMax);
    expect(Math.max(...payloads.map(({ length }) => length))).toBeLessThanOrEqual(messageBytesMax);
  });

  test('goes out no faster than a bus takes it', () => {
    const l = line({ ...small, hold: { capabilities: wide } });
    l.start();
    l.want(many(80));
    const perTick = new Map<number, number>();
    l.carry.by = (some) => {
      const tick = Math.floor(l.b.now() / 100);
      perTick.set(tick, (perTick.get(tick) ?? 0) + some.filter(isPart).length);
      return some;
    };
    l.wait(3_000);
    expect(Math.max(...perTick.values())).toBeLessThanOrEqual(2 * partsPerTickMax);
    expect([...perTick.values()].filter((n) => n > 0).length).toBeGreaterThan(3);
    expect(l.b.hold.file.held?.revision).toBe(1);
  });
});

describe('parts', () => {
  test('in any order, each twice, and before their list: the table is whole, and what came twice is counted', () => {
    const random = seeded(3);
    const l = line({
      ...small,
      carry: (some) => [...some.filter(isPart).flatMap((one) => [one, one]).sort(() => random.next() - 0.5), ...some.filter((one) => !isPart(one))], // prettier-ignore
    });
    l.start();
    l.want(many(12));
    l.wait(4_000);
    expect(l.b.device()).toEqual(many(12));
    expect(l.refused()['part-twice']).toBeGreaterThan(5);
    expect(Object.keys(l.refused()).every((reason) => ['part-twice', 'part', 'parts'].includes(reason))).toBe(true);
  });

  test('that are lost are asked for again, and those that came are not needed twice', () => {
    let losing = true;
    const l = line({ ...small, carry: (some) => some.filter((one, i) => !(losing && isPart(one) && i % 2 === 0)) });
    l.start();
    l.want(many(12));
    l.wait(1_000);
    expect(l.b.hold.file.held?.revision).toBe(0);
    const asked = l.b.announces().length;
    l.wait(2_500);
    expect(l.b.announces().length).toBeGreaterThan(asked);
    losing = false;
    l.wait(6_000);
    expect(l.b.device()).toEqual(many(12));
    expect(l.refused()['parts']).toBeGreaterThan(0);
  });

  test('of another table, or changed, or nobody’s: refused and counted, and the table comes all the same', () => {
    const l = line({ ...small });
    l.start();
    l.want(many(6));
    const other = cut(target, { revision: 1, entries: many(9).slice(6) }, 1_000, new WeakMap()).payloads.map((payload) => ({ payload }));
    const strange = (payload: Uint8Array): Sent => ({ kind: 'send', channel: 'snapshot', target, payload, keyId: '', signature: '' });
    l.carry.by = (some) =>
      some.flatMap((one) => {
        if (!isPart(one)) return [one];
        const bent = Buffer.from(one.payload);
        bent[bent.length - 4] = (bent[bent.length - 4] ?? 0) ^ 1;
        return [strange(bent), ...other.map(({ payload }) => strange(payload)), one];
      });
    l.wait(3_000);
    expect(l.b.device()).toEqual(many(6));
    expect(l.refused()['part']).toBeGreaterThan(6);
  });

  test('nobody awaits are refused, and few are kept of those that may be early', () => {
    const l = line({ ...small });
    l.start();
    l.want(many(3));
    l.wait(3_000);
    const { payloads } = cut(target, { revision: 9, entries: many(60) }, 1_000, new WeakMap());
    const give = (payload: Uint8Array): void => void l.b.give({ kind: 'message', channel: 'snapshot', payload, key: '', signature: '' });
    for (const payload of payloads) give(payload);
    expect(l.b.hold.parts.early.size).toBe(0);
    expect(l.refused()['part']).toBe(payloads.length);
    l.carry.by = () => [];
    l.wait(4_000);
    expect(l.b.hold.ask.nonce).not.toBe(null);
    for (const payload of payloads) give(payload);
    expect(l.b.hold.parts.early.size).toBe(partsEarlyMax);
  });

  test('and heads and diffs that come between: the diffs go on from the table when it is whole', () => {
    const l = line({ ...small });
    l.start();
    l.want(many(4));
    const held: Sent[] = [];
    l.carry.by = (some) => {
      held.push(...some.filter(isPart));
      return some.filter((one) => !isPart(one));
    };
    l.wait(700);
    expect(held.length).toBeGreaterThan(0);
    l.want(many(5));
    l.want(many(6));
    l.wait(300);
    const announces = l.b.announces().length;
    l.carry.by = (some) => some;
    for (const one of held) l.b.give({ kind: 'message', channel: 'snapshot', payload: one.payload, key: '', signature: '' });
    expect(l.b.hold.file.held?.revision).toBe(3);
    expect(l.b.device()).toEqual(many(6));
    expect(l.b.announces()).toHaveLength(announces);
  });

  test('are not sent to one who proves that it holds the table already', () => {
    const l = line({ ...small });
    l.start();
    l.want(many(8));
    l.wait(3_000);
    const before = l.sent.filter(isPart).length;
    l.b.give({ kind: 'connected' });
    l.wait(2_000);
    expect(l.sent.filter(isList).length).toBeGreaterThan(1);
    expect(l.sent.filter(isPart)).toHaveLength(before);
    expect(l.b.acks().at(-1)).toMatchObject({ result: 'accepted', revision: 1 });
  });

  test('of a stored snapshot are checked one by one', () => {
    const l = line({ ...small });
    l.start();
    l.want(many(5));
    l.wait(3_000);
    const list = l.sent.findLast(isList);
    const parts = l.sent.filter(isPart).slice(-5).map(({ payload }) => payload); // prettier-ignore
    const stored = {
      kind: 'stored',
      payload: list?.payload ?? new Uint8Array(),
      key: list?.keyId ?? '',
      signature: list?.signature ?? '',
    } as const;
    const bent = parts.map((payload, i) => (i === 2 ? Buffer.from(payload).fill(0x20, 9, 10) : payload));
    for (const wrong of [bent, parts.slice(1), [...parts].reverse(), [...parts, ...parts]]) {
      const fresh = line({ ...small, carry: () => [] });
      fresh.start();
      fresh.b.give({ ...stored, parts: wrong });
      fresh.wait(3_000);
      expect(fresh.b.hold.file.held).toBe(null);
      expect(fresh.refused()).toMatchObject({ parts: 1 });
    }
    const fresh = line({ ...small, carry: () => [] });
    fresh.start();
    fresh.b.give({ ...stored, parts });
    fresh.wait(3_000);
    expect(fresh.b.hold.file.held).toMatchObject({ revision: 1, provisional: true });
    expect(fresh.b.device()).toEqual(many(5));
  });
});
