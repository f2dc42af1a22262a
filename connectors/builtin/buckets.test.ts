import { describe, expect, test } from 'vitest';
import type { Limit } from '../../src/model/decision.ts';
import { createBuckets } from './buckets.ts';
import type { Buckets } from './buckets.ts';
import { any } from './random-tables.ts';
import { testRandom } from './testing.ts';

const limitOf = (
  rateMilli: number,
  burst: number,
  more: { readonly bucket?: string; readonly unit?: 'requests' | 'bytes' } = {},
): Limit => ({
  part: 'p',
  tag: 'r@1',
  bucket: more.bucket ?? 'b',
  action: { kind: 'limit', rateMilli, burst, unit: more.unit ?? 'requests', per: [], scope: 'local' },
});

/** How many of so many requests, one each `everyMs`, get a token. */
function admitted(
  buckets: Buckets,
  limit: Limit,
  asked: { readonly count: number; readonly everyMs: number; readonly fromMs: number },
): number {
  let taken = 0;
  for (let n = 0; n < asked.count; n++) if (buckets.take(limit, asked.fromMs + n * asked.everyMs)) taken++;
  return taken;
}

type Asked = { readonly limit: Limit; readonly nowMs: number };

/**
 * The same said otherwise: a theoretical arrival time for each bucket, in µs times thousandths a second, as ATM's cell rate algorithm has
 * it (ITU-T I.371). No levels, no refilling.
 */
function oracle(): (asked: Asked) => boolean {
  const arrivals = new Map<string, bigint>();
  return ({ limit: { bucket, action }, nowMs }) => {
    const now = BigInt(Math.floor(nowMs * 1_000)) * BigInt(action.rateMilli);
    const due = arrivals.get(bucket) ?? now;
    const early = due > now ? due - now : 0n;
    if (early > BigInt(action.burst - 1) * 1_000_000_000n) return false;
    arrivals.set(bucket, (due > now ? due : now) + 1_000_000_000n);
    return true;
  };
}

/** Requests at random moments, in bursts and after pauses, for a few buckets of limits that are easy and hard to round. */
function randomRun(seed: number): readonly Asked[] {
  const random = testRandom(seed);
  const limits = Array.from({ length: 1 + random.integer(4) }, (_, n) =>
    limitOf(any(random, [1, 333, 1_500, 7_777, 50_000, 2_000_001]), any(random, [1, 2, 5, 40]), { bucket: `b${n}` }),
  );
  let nowMs = 1e6 * random.integer(1_000);
  return Array.from({ length: 200 }, () => {
    nowMs += any(random, [0, 0.001, 0.037, 1, 11.3, 250, 4_000]) * (random.integer(1_000) / 1_000);
    return { limit: limits[random.integer(limits.length)] ?? limitOf(1, 1), nowMs };
  });
}

/** The first request on which they differ; -1: none in so many runs. */
function firstDifference(make: () => (asked: Asked) => boolean, runs: number): number {
  for (let seed = 0; seed < runs; seed++) {
    const [ours, book] = [make(), oracle()];
    const at = randomRun(seed).findIndex((asked) => ours(asked) !== book(asked));
    if (at >= 0) return seed * 1_000 + at;
  }
  return -1;
}

describe('every token is where an exact reckoning has it', () => {
  const honest = (): ((asked: Asked) => boolean) => {
    const buckets = createBuckets();
    return ({ limit, nowMs }) => buckets.take(limit, nowMs);
  };
  test('100,000 requests at random: no difference', () => expect(firstDifference(honest, 500)).toBe(-1));

  /** Levels in doubles, asked for what was earned as a naive bucket would. */
  const naive =
    (earned: (ms: number, perMs: number) => number, more: { readonly first?: number; readonly over?: number } = {}) =>
    () => {
      const levels = new Map<string, { level: number; atMs: number }>();
      return ({ limit: { bucket, action }, nowMs }: Asked): boolean => {
        const before = levels.get(bucket) ?? { level: more.first ?? action.burst, atMs: nowMs };
        const level = Math.min(action.burst + (more.over ?? 0), before.level + earned(nowMs - before.atMs, action.rateMilli / 1e6));
        levels.set(bucket, { level: level >= 1 ? level - 1 : level, atMs: nowMs });
        return level >= 1;
      };
    };
  test.each([
    ['what was earned is cut to whole tokens', naive((ms, perMs) => Math.floor(ms * perMs))],
    ['time is cut to whole ms', naive((ms, perMs) => Math.floor(ms) * perMs)],
    ['it is empty at first', naive((ms, perMs) => ms * perMs, { first: 0 })],
    ['one token too many', naive((ms, perMs) => ms * perMs, { over: 1 })],
    ['all share one bucket', () => {
      const ours = honest();
      return (asked: Asked) => ours({ ...asked, limit: { ...asked.limit, bucket: 'b' } });
    }],
  ] as const)('a planted bug is found: %s', (_name, make) => expect(firstDifference(make, 500)).toBeGreaterThanOrEqual(0)); // prettier-ignore
});

test('asked a thousand times a second, one token a second still comes: nothing is rounded away', () => {
  const asked = { count: 600_001, everyMs: 1, fromMs: 0 };
  expect(admitted(createBuckets(), limitOf(1_000, 1), asked)).toBe(601);
  expect(admitted(createBuckets(), limitOf(1, 5), asked)).toBe(5);
  // A third of a token a second: 200 in ten minutes.
  expect(admitted(createBuckets(), limitOf(333, 1), asked)).toBe(1 + Math.floor(600 * 0.333));
});

test('a limit whose rate moves goes on from what it had: no tokens are given, none are taken away', () => {
  const buckets = createBuckets();
  const [slow, fast] = [limitOf(1_000, 10), limitOf(20_000, 20)];
  expect(admitted(buckets, slow, { count: 15, everyMs: 0, fromMs: 0 })).toBe(10);
  expect(admitted(buckets, fast, { count: 5, everyMs: 0, fromMs: 0 })).toBe(0);
  expect(admitted(buckets, fast, { count: 50, everyMs: 0, fromMs: 500 })).toBe(10);
  // Full with twenty; as a bucket of ten it has no more than ten.
  expect(admitted(buckets, slow, { count: 50, everyMs: 0, fromMs: 60_000 })).toBe(10);
});

test('bytes are counted when they have passed: who was let in ends what it began, and the next one waits for it', () => {
  const buckets = createBuckets();
  const limit = limitOf(1_000_000_000, 1_000_000, { unit: 'bytes' });
  expect(buckets.take(limit, 0)).toBe(true);
  buckets.spend(limit, 3_000_000, 0);
  expect(buckets.take(limit, 1_999)).toBe(false);
  expect(buckets.take(limit, 2_001)).toBe(true);
});

test('a clock that stands still or goes back gives nothing', () => {
  const buckets = createBuckets();
  expect(admitted(buckets, limitOf(1_000_000, 1), { count: 5, everyMs: -100, fromMs: 1_000 })).toBe(1);
});

test('callers make buckets, and memory is bounded all the same: the one asked for longest ago is forgotten, who floods is not', () => {
  const buckets = createBuckets();
  const flooding = limitOf(1_000, 1, { bucket: 'flooding' });
  let passed = 0;
  for (let n = 0; n < 30_000; n++) {
    buckets.take(limitOf(1_000, 1, { bucket: `other ${n}` }), n / 1_000);
    if (buckets.take(flooding, n / 1_000)) passed++;
  }
  expect(passed).toBe(1);
  expect(buckets.forgotten()).toBe(20_001);
});
