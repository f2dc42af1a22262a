import { describe, expect, test } from 'vitest';
import type { LeaderRow } from '../../model/leader.ts';
import { leaderLeaseMs, leaseMarginMs } from '../limits.ts';
import { createLease, step } from './lease.ts';
import type { LeaseEffect, LeaseInput } from './leasetypes.ts';

const another: LeaderRow = { holder: 'b', epoch: 70, beat: 9, address: 'http://b' };
const nobody: LeaderRow = { holder: '', epoch: 70, beat: 9, address: '' };

describe('who leads at the start', () => {
  test('nobody: it is taken at once, from exactly what was seen', () => {
    const l = engine();
    expect(l.give({ kind: 'tick' })).toEqual([{ kind: 'look' }]);
    expect(l.give({ kind: 'row', row: nobody })).toEqual([{ kind: 'take', over: { epoch: 70, beat: 9 }, floor: 0, adopts: false }]);
    expect(l.give({ kind: 'taken', epoch: 80 })).toMatchObject([{ kind: 'lead', epoch: 80, untilMs: 4_500, since: { stillMs: 0 } }]);
  });

  test('an earlier life of this engine: it is taken at once, whatever the beat', () => {
    const l = engine();
    l.give({ kind: 'tick' });
    expect(l.give({ kind: 'row', row: { ...another, holder: 'a' } })).toMatchObject([{ kind: 'take', over: { epoch: 70, beat: null } }]);
  });

  test('another: it is waited for', () => {
    const l = engine();
    l.see(another);
    expect(l.lease.role).toBe('standby');
  });
});

describe('a standby', () => {
  test('takes over when the beat stood still for lease and margin, from when it was seen, not before', () => {
    const l = engine();
    l.see(another);
    const from = l.now();
    while (l.now() < from + leaderLeaseMs + leaseMarginMs - 100)
      expect(l.wait(100, another).some(({ kind }) => kind === 'take')).toBe(false);
    expect(l.wait(100, another)).toContainEqual({ kind: 'take', over: { epoch: 70, beat: 9 }, floor: 0, adopts: false });
  });

  test('goes on waiting while the beat rises', () => {
    const l = engine();
    l.see(another);
    for (let beat = 10; beat < 30; beat++) expect(l.wait(1_000, { ...another, beat }).some(({ kind }) => kind === 'take')).toBe(false);
  });

  test('that is refused starts to count anew', () => {
    const l = engine();
    l.see(another);
    l.wait(5_600, null);
    expect(l.give({ kind: 'refused', row: { ...another, beat: 12 } })).toEqual([]);
    expect(l.wait(5_000, null).some(({ kind }) => kind === 'take')).toBe(false);
    expect(l.wait(700, null).some(({ kind }) => kind === 'take')).toBe(true);
  });

  test('takes at once what is given back', () => {
    const l = engine();
    l.see(another);
    expect(l.wait(300, { ...another, holder: '', beat: 10 })).toContainEqual(expect.objectContaining({ kind: 'take' }));
  });

  test('takes another process of its own name for a rival', () => {
    const l = engine();
    l.see(another);
    expect(l.wait(500, { ...another, holder: 'a', epoch: 90 }).some(({ kind }) => kind === 'take')).toBe(false);
  });
});

describe('the leader', () => {
  test('beats each second, and its lease counts from before the beat was sent', () => {
    const l = leading();
    expect(l.wait(1_000)).toEqual([{ kind: 'beat', epoch: 80 }]);
    const sentMs = l.now();
    l.wait(700);
    expect(l.give({ kind: 'beaten', outcome: 'held' })).toEqual([{ kind: 'extend', untilMs: sentMs + leaderLeaseMs - leaseMarginMs }]);
  });

  test('whose beats are not answered steps down when the lease is over, and not before', () => {
    const l = leading();
    const effects: LeaseEffect[] = [];
    while (l.now() < 4_400) effects.push(...l.wait(100));
    expect(effects).toEqual([{ kind: 'beat', epoch: 80 }]);
    expect(l.wait(100)).toEqual([{ kind: 'step-down', why: 'lapsed' }, { kind: 'look' }]);
  });

  test('that was stopped in the middle steps down on whatever comes first, even on the answer to its beat', () => {
    const l = leading();
    l.wait(1_000);
    l.pass(9_000);
    expect(l.give({ kind: 'beaten', outcome: 'held' })).toEqual([{ kind: 'step-down', why: 'lapsed' }, { kind: 'look' }]);
  });

  test('that finds another in its row steps down, and waits for that one', () => {
    const l = leading();
    l.wait(1_000);
    expect(l.give({ kind: 'beaten', outcome: 'lost' })).toEqual([{ kind: 'step-down', why: 'lost' }, { kind: 'look' }]);
    l.give({ kind: 'row', row: { ...another, epoch: 90 } });
    expect(l.lease.role).toBe('standby');
  });

  test('in doubt takes a new epoch from its own, and goes on leading meanwhile', () => {
    const l = leading();
    expect(l.give({ kind: 'doubt', floor: 500, adopts: true })).toEqual([
      { kind: 'take', over: { epoch: 80, beat: null }, floor: 500, adopts: true },
    ]);
    expect(l.lease.role).toBe('leader');
    expect(l.give({ kind: 'taken', epoch: 501 })).toMatchObject([{ kind: 'lead', epoch: 501, since: 'ours' }]);
    expect(l.wait(1_000)).toEqual([{ kind: 'beat', epoch: 501 }]);
  });

  test('whose take had no answer finds it under its name, and takes the next', () => {
    const l = leading();
    l.give({ kind: 'doubt', floor: 0, adopts: false });
    l.give({ kind: 'untaken', why: 'unknown' });
    expect(l.wait(300)).toContainEqual({ kind: 'take', over: { epoch: 80, beat: null }, floor: 80, adopts: false });
    expect(l.give({ kind: 'refused', row: { ...another, holder: 'a', epoch: 95 } })).toMatchObject([
      { kind: 'step-down', why: 'lost' },
      { kind: 'take', over: { epoch: 95, beat: null }, floor: 80 },
    ]);
  });

  test('whose record was restored takes an epoch above its own', () => {
    const l = leading();
    l.wait(1_000);
    l.give({ kind: 'beaten', outcome: 'lost' });
    expect(l.give({ kind: 'row', row: { ...another, holder: 'a', epoch: 40 } })).toEqual([{ kind: 'take', over: { epoch: 40, beat: null }, floor: 80, adopts: false }]); // prettier-ignore
  });

  test('whose clock is wrong does not lead, beats no more, and asks again later', () => {
    const l = leading();
    l.give({ kind: 'doubt', floor: 0, adopts: false });
    expect(l.give({ kind: 'untaken', why: 'clock' })).toEqual([{ kind: 'step-down', why: 'clock' }, { kind: 'look' }]);
    l.give({ kind: 'row', row: { ...another, holder: 'a', epoch: 80 } });
    expect(l.wait(900, { ...another, holder: 'a', epoch: 80 }).filter(({ kind }) => kind !== 'look')).toEqual([]);
    expect(l.wait(200, { ...another, holder: 'a', epoch: 80 })).toContainEqual(expect.objectContaining({ kind: 'take' }));
  });
});

/** One engine and its clock; `wait` ticks each 100 ms, and answers its looks with `row` (null: no answer). */
function engine() {
  const lease = createLease('a');
  let nowMs = 0;
  const give = (input: LeaseInput): readonly LeaseEffect[] => step(lease, input, nowMs);
  const wait = (ms: number, row: LeaderRow | null = null): readonly LeaseEffect[] => {
    const out: LeaseEffect[] = [];
    for (const end = nowMs + ms; nowMs < end;) {
      nowMs += 100;
      const effects = give({ kind: 'tick' });
      out.push(...effects, ...effects.flatMap(({ kind }) => (kind === 'look' ? give({ kind: 'row', row }) : [])));
    }
    return out;
  };
  const see = (row: LeaderRow): void => {
    give({ kind: 'tick' });
    give({ kind: 'row', row });
  };
  return { lease, give, wait, see, now: () => nowMs, pass: (ms: number) => void (nowMs += ms) };
}

/** One that leads in epoch 80 since 0 ms. */
function leading() {
  const l = engine();
  l.see(nobody);
  l.give({ kind: 'taken', epoch: 80 });
  return l;
}
