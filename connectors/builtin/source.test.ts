import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Line, RpcRecord } from '../../src/model/record.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { recordSource } from './source.ts';
import { nanoseconds } from './time.ts';

/** A clock that moves when told. */
function handClock(): Clock & { readonly pass: (ms: number) => void } {
  let now = 0;
  const due: { at: number; readonly every: number | null; readonly run: () => void }[] = [];
  const add = (ms: number, every: number | null, run: () => void) => {
    const item = { at: now + ms, every, run };
    due.push(item);
    return () => void due.splice(due.indexOf(item) >>> 0, 1);
  };
  return {
    now: () => 1_760_000_000_000 + now,
    monotonic: () => now,
    after: (ms, run) => add(ms, null, run),
    each: (ms, run) => add(ms, ms, run),
    pass: (ms) => {
      const until = now + ms;
      for (;;) {
        const first = due.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
        if (first === undefined) break;
        now = first.at;
        if (first.every === null) due.splice(due.indexOf(first), 1);
        else first.at += first.every;
        first.run();
      }
      now = until;
    },
  };
}

const record = (n: number): RpcRecord => ({
  stream: 'rpc',
  time: BigInt(n),
  source: {},
  destination: {},
  reporter: {},
  rpc: {},
  request: { id: String(n) },
  response: {},
  applied: [],
});
const ids = (lines: readonly Line[]): readonly (string | undefined)[] =>
  lines.map((line) => (line.stream === 'rpc' ? line.request.id : line.stream));

afterEach(() => vi.restoreAllMocks());

describe('what the proxy reports', () => {
  test('a tag that was not seen lately goes at once, the same tag again does not', async () => {
    const clock = handClock();
    const source = recordSource({ clock, target: 't' });
    const batches: (readonly Line[])[] = [];
    await source.start((lines) => batches.push(lines));
    batches.length = 0;
    const tagged = (n: number): RpcRecord => ({ ...record(n), applied: ['rule@1'] });
    source.add(tagged(1));
    expect(batches.map(ids)).toEqual([['1']]);
    source.add(tagged(2));
    expect(batches).toHaveLength(1);
    clock.pass(999);
    source.add(record(3));
    clock.pass(990);
    batches.length = 0;
    source.add(tagged(4));
    expect(batches.map(ids)).toEqual([['4']]);
  });

  test('waits for company at most 10 ms, in order, at most 256 to a batch', async () => {
    const clock = handClock();
    const source = recordSource({ clock, target: 't' });
    const batches: (readonly Line[])[] = [];
    await source.start((lines) => batches.push(lines));
    batches.length = 0;
    source.add(record(1));
    clock.pass(9);
    source.add(record(2));
    expect(batches).toEqual([]);
    clock.pass(1);
    expect(batches.map(ids)).toEqual([['1', '2']]);
    for (let n = 0; n < 600; n++) source.add(record(n));
    expect(batches.slice(1).map(({ length }) => length)).toEqual([256, 256]);
    clock.pass(10);
    expect(batches.slice(1).flatMap(ids)).toEqual(Array.from({ length: 600 }, (_, n) => String(n)));
    expect(source.health()).toEqual({ live: true, records: 602, dropped: {} });
  });

  test('while nobody listens the newest are kept, the others counted', async () => {
    const clock = handClock();
    const source = recordSource({ clock, target: 't' });
    for (let n = 0; n < 5_000; n++) source.add(record(n));
    expect(source.health()).toEqual({ live: false, records: 5_000, dropped: { 'queue-full': 904 } });
    const lines: Line[] = [];
    await source.start((batch) => lines.push(...batch));
    // The sign of life is the newest line of all; it took the place of one more record.
    expect(ids(lines).slice(0, 1)).toEqual(['905']);
    expect(ids(lines).slice(-2)).toEqual(['4999', 'source']);
  });

  test('a sign of life each second even without traffic, and none after the end', async () => {
    const clock = handClock();
    const source = recordSource({ clock, target: 'shop-checkout' });
    const lines: Line[] = [];
    await source.start((batch) => lines.push(...batch));
    clock.pass(2_500);
    await source.stop();
    clock.pass(5_000);
    expect(
      lines.map((line) => (line.stream === 'source' ? [line.source, line.state, Number(line.time / 1_000_000n) - 1_760_000_000_000] : [])),
    ).toEqual([
      ['shop-checkout', 'live', 0],
      ['shop-checkout', 'live', 1_000],
      ['shop-checkout', 'live', 2_000],
      ['shop-checkout', 'stale', 2_500],
    ]);
  });
});

test('ns keep the fraction that ms since the epoch have', () => {
  expect(nanoseconds(1_760_000_000_000.25)).toBe(1_760_000_000_000_250_000n);
  expect(nanoseconds(0.000_001)).toBe(1n);
  expect(nanoseconds(20.9999999)).toBe(21_000_000n);
});
