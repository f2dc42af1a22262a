import { describe, expect, test } from 'vitest';
import { generator } from '../../../test/replay/seeded.ts';
import { createBuckets } from './buckets.ts';

describe.each([true, false])('intervals of numbers (whole: %s)', (whole) => {
  const random = generator(whole ? 3 : 4);
  const number = (): number => {
    const size = Math.exp(random.below(3_600) / 100) * (random.below(1_000_000) / 1_000_000);
    const x = random.chance(0.2) ? -size : size;
    return whole ? Math.trunc(x) + 0 : random.chance(0.05) ? 0 : x;
  };
  const cuts = [...Array.from({ length: 40 }, number), 0, 1, 64, 127, 128, 129, -5, 30_000_000];
  const buckets = createBuckets(cuts, whole);
  const numbers = [
    ...cuts,
    ...cuts.flatMap((cut) => (whole ? [cut - 1, cut + 1] : [cut * (1 + 2 ** -52), cut * (1 - 2 ** -52)])),
    ...Array.from({ length: 4_000 }, number),
  ];

  test('are in the order of the numbers', () => {
    const ordered = numbers.toSorted((a, b) => a - b);
    for (let i = 1; i < ordered.length; i++) expect(buckets.idOf(ordered[i]!)).toBeGreaterThanOrEqual(buckets.idOf(ordered[i - 1]!));
  });

  test('have sides, and what stands in for one compares with every constant as its numbers do', () => {
    for (const x of numbers) {
      const side = buckets.sideOf(x);
      const standIn = buckets.standIn(side);
      expect(side).toBeLessThan(buckets.sides);
      for (const cut of cuts) expect(Math.sign(standIn - cut) + 0).toBe(Math.sign(x - cut) + 0);
    }
  });

  test('stand for their numbers within 1 %, and a whole one for whole ones', () => {
    for (const x of numbers) {
      const shown = buckets.valueOf(buckets.idOf(x));
      expect(Math.abs(shown - x)).toBeLessThanOrEqual(0.01 * Math.abs(x));
      if (whole) expect(Number.isInteger(shown)).toBe(true);
    }
  });

  test('lie on the same side of every cut as their numbers', () => {
    for (const x of numbers) {
      const shown = buckets.valueOf(buckets.idOf(x));
      for (const cut of cuts) expect(Math.sign(shown - cut)).toBe(Math.sign(x - cut));
    }
  });
});

test('what is infinite stays so', () => {
  const buckets = createBuckets([5], false);
  expect([Infinity, -Infinity].map((x) => buckets.valueOf(buckets.idOf(x)))).toEqual([Infinity, -Infinity]);
});
