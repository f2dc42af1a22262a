import { describe, expect, test } from 'vitest';
import type { Override, OverrideMode } from '../../model/override.ts';
import { avoid, byId } from '../../../test/protocol/fixtures.ts';
import { bench, diffOf, engineNow, epoch, headOf, holding, snapshotOf, target } from '../../../test/protocol/bench.ts';
import type { Bench } from '../../../test/protocol/bench.ts';

const hex = (n: number): string => n.toString(16).padStart(32, '0');

function override(b: Bench, mode: OverrideMode, n = 1, ms = 3_600_000): Override {
  const at = engineNow(b);
  return { id: hex(n), scope: { kind: 'target', name: target }, mode, by: 'ana', reason: 'a test', at, until: at + ms };
}
const put = (b: Bench, one: Override, to = target) => b.receive('override', { v: 1, target: to, at: engineNow(b), override: one });
const lift = (b: Bench, ids: readonly string[], e = epoch) =>
  b.receive('override', { v: 1, target, at: engineNow(b), epoch: e, lifted: ids }, undefined, 'lift');
const ids = (b: Bench): readonly string[] => (b.device() ?? []).map(({ id }) => id);
const results = (b: Bench): readonly string[] => b.acks().map(({ result }) => result);

/** An entry leased for 20 s and a standing one, in force. */
function two() {
  const at = bench();
  const leased = avoid(1, engineNow(at) + 20_000);
  const standing = avoid(2, null);
  return { b: holding([leased, standing]), leased, standing, table: byId([leased, standing]) };
}

describe('freeze', () => {
  test('keeps what is forwarded past its lease, and says so', () => {
    const { b, table } = two();
    put(b, override(b, 'freeze'));
    expect(b.disk()?.mode).toBe('freeze');
    expect(results(b).at(-1)).toBe('frozen');
    expect(
      b
        .acks()
        .at(-1)
        ?.overrides.map(({ id }) => id),
    ).toEqual([hex(1)]);
    b.wait(60_000);
    expect(b.device()).toEqual(table);
  });
  test('takes no diff, no snapshot and no newer head', () => {
    const { b, table } = two();
    put(b, override(b, 'freeze'));
    b.receive('diff', diffOf(b, 4, table, []));
    expect(results(b).at(-1)).toBe('frozen');
    b.receive('head', headOf(b, 4, []));
    b.wait(4_000);
    b.receive('snapshot', snapshotOf(b, 5, []));
    expect(results(b).at(-1)).toBe('frozen');
    expect(b.hold.file.held?.revision).toBe(3);
    expect(b.device()).toEqual(table);
  });
  test('a late diff from before it changes nothing after it either: its base is gone by', () => {
    const { b, table } = two();
    const late = diffOf(b, 4, table, []);
    put(b, override(b, 'freeze', 1, 5_000));
    b.wait(6_000);
    b.receive('snapshot', snapshotOf(b, 5, table));
    b.receive('diff', late);
    expect(b.hold.file.held?.revision).toBe(5);
    expect(b.device()).toEqual(table);
  });
  test('ends by itself; then leases wait for a fresh snapshot, at most 10 s', () => {
    const { b, leased, standing } = two();
    put(b, override(b, 'freeze', 1, 30_000));
    b.wait(31_000);
    expect(b.disk()?.mode).toBe(null);
    expect(ids(b)).toContain(leased.id);
    b.wait(10_000);
    expect(ids(b)).toEqual([standing.id]);
  });
  test('a fresh snapshot ends the grace at once', () => {
    const { b, standing, table } = two();
    put(b, override(b, 'freeze', 1, 30_000));
    b.wait(31_000);
    b.receive('snapshot', snapshotOf(b, 3, table));
    b.wait(100);
    expect(ids(b)).toEqual([standing.id]);
  });
  test('survives a restart, the device closed meanwhile', () => {
    const { b, table } = two();
    put(b, override(b, 'freeze'));
    b.wait(30_000);
    const again = bench({ file: b.disk(), wallMs: engineNow(b), instance: { adapter: 'a1', boot: 8 } });
    again.give({ kind: 'start' });
    expect(again.device()).toEqual(table);
  });
  test('with nothing held the first table is taken all the same', () => {
    const b = bench();
    b.give({ kind: 'start' });
    put(b, override(b, 'freeze'));
    b.receive('snapshot', snapshotOf(b, 3, byId([avoid(1, null)])));
    expect(ids(b)).toHaveLength(1);
  });
});

describe('off and revert', () => {
  test('off leaves standing entries, and what it took out comes back at once if its lease still runs', () => {
    const { b, leased, standing, table } = two();
    put(b, override(b, 'off'));
    expect(ids(b)).toEqual([standing.id]);
    lift(b, [hex(1)]);
    expect(b.device()).toEqual(table);
    put(b, override(b, 'off', 2));
    b.wait(25_000);
    lift(b, [hex(2)]);
    expect(ids(b)).toEqual([standing.id]);
    expect(b.disk()?.ended.map(({ id }) => id)).toEqual([leased.id]);
  });
  test('revert goes back past renewals to other entries, with the leases they have by now, minus what is over', () => {
    const at = bench();
    const now = engineNow(at);
    const [old, kept] = [avoid(1, now + 20_000), avoid(2, now + 20_000)];
    const b = holding([old, kept]);
    const next = byId([avoid(2, now + 20_000), avoid(3, null)]);
    b.receive('diff', diffOf(b, 4, byId([old, kept]), next));
    const renewed = byId([avoid(2, now + 60_000), avoid(3, null)]);
    b.receive('diff', diffOf(b, 5, next, renewed));
    put(b, override(b, 'revert'));
    expect(b.device()).toEqual(byId([old, avoid(2, now + 60_000)]));
    b.wait(30_000);
    expect(b.device()).toEqual([avoid(2, now + 60_000)]);
    lift(b, [hex(1)]);
    expect(b.device()).toEqual(renewed);
  });
  test('with no older table a revert holds what there is', () => {
    const { b, table } = two();
    put(b, override(b, 'revert'));
    b.wait(30_000);
    expect(b.device()).toEqual(table);
  });
  test('the strictest stays until the last is lifted', () => {
    const { b, standing } = two();
    put(b, override(b, 'freeze', 1));
    put(b, override(b, 'off', 2));
    lift(b, [hex(2)]);
    expect(b.disk()?.mode).toBe('off');
    expect(ids(b)).toEqual([standing.id]);
    lift(b, [hex(1)]);
    expect(b.disk()?.mode).toBe(null);
  });
});

describe('late, foreign and forged', () => {
  test('what was lifted never comes back, by message, head or snapshot', () => {
    const { b, table } = two();
    const one = override(b, 'freeze');
    put(b, one);
    lift(b, [one.id]);
    put(b, one);
    b.receive('head', headOf(b, 3, table, { overrides: [one] }));
    expect(b.disk()?.mode).toBe(null);
    expect(b.disk()?.overrides).toEqual([]);
  });
  test('a list without an override lifts nothing; a lift of an older epoch neither', () => {
    const { b, table } = two();
    put(b, override(b, 'freeze'));
    b.wait(1_000);
    b.receive('head', headOf(b, 3, table, { overrides: [] }));
    lift(b, [hex(1)], epoch - 1);
    expect(b.disk()?.mode).toBe('freeze');
    b.receive('head', headOf(b, 3, table, { lifted: [hex(1)], issued: engineNow(b) + 1 }));
    expect(b.disk()?.mode).toBe(null);
  });
  test('one for another target, one that is over, and one too far ahead change nothing', () => {
    const { b } = two();
    put(b, { ...override(b, 'off'), scope: { kind: 'target', name: 'side-2' } });
    const before = override(b, 'off', 2, 1_000);
    b.wait(2_000);
    put(b, before);
    const at = engineNow(b) + 10_000_000;
    put(b, { ...override(b, 'off', 3), at, until: at + 86_400_000 });
    expect(b.disk()?.mode ?? null).toBe(null);
    expect(b.reports()).toContain('override-until');
  });
  test('every adapter hears `all`, and nothing but overrides goes by that name', () => {
    const { b, table } = two();
    b.receive('head', headOf(b, 4, table, { target: 'all' }));
    expect(b.reports()).toContain('target');
    put(b, { ...override(b, 'off'), scope: { kind: 'all' } }, 'all');
    expect(b.disk()?.mode).toBe('off');
  });
  test('more than 64 keep the mode, and the file its bound', () => {
    const { b } = two();
    put(b, override(b, 'off', 1, 10_000));
    for (let n = 2; n <= 80; n++) put(b, override(b, 'freeze', n));
    expect(b.disk()?.overrides).toHaveLength(64);
    expect(b.disk()?.mode).toBe('off');
  });
});

test('a person at the socket needs no engine, also while a table is on its way', () => {
  const { b, standing } = two();
  b.give({ kind: 'override', override: override(b, 'off') });
  expect(ids(b)).toEqual([standing.id]);
  b.give({ kind: 'lift', ids: null });
  expect(ids(b)).toHaveLength(2);
});
