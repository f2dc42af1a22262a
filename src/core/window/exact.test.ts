import { describe, expect, test } from 'vitest';
import { nearestRank, ratio, readDecimal, rootOver } from './exact.ts';

const q = (text: string) => readDecimal(text) ?? { numerator: 0n, denominator: 1n };

test('nearest rank takes q as the decimal that was written', () => {
  // In doubles 0.07 * 100 is 7.000000000000001, and its ceiling 8.
  expect(nearestRank(q('0.07'), 100)).toBe(7);
  expect(nearestRank(q('0.99'), 100)).toBe(99);
  expect(nearestRank(q('0.99'), 101)).toBe(100);
  expect(nearestRank(q('0.29'), 100)).toBe(29);
  expect(nearestRank(q('1.0'), 7)).toBe(7);
  expect(nearestRank(q('0.5'), 4)).toBe(2);
  expect(nearestRank(q('0.5'), 5)).toBe(3);
  expect(nearestRank(q('0'), 5)).toBe(1);
  expect(nearestRank(q('0.001'), 5)).toBe(1);
});

test('decimals', () => {
  expect(readDecimal('0.99')).toEqual({ numerator: 99n, denominator: 100n });
  expect(readDecimal('99e-2')).toEqual({ numerator: 99n, denominator: 100n });
  expect(readDecimal('.5')).toEqual({ numerator: 5n, denominator: 10n });
  for (const text of ['', '.', 'x', '1/2', '-0.5']) expect(readDecimal(text)).toBeNull();
});

describe('ratio', () => {
  test('is the nearest double', () => {
    expect(ratio(1n, 3n)).toBe(1 / 3);
    expect(ratio(-7n, 2n)).toBe(-3.5);
    expect(ratio(2n ** 80n, 2n ** 80n)).toBe(1);
    expect(ratio(3n * 10n ** 30n, 10n ** 30n)).toBe(3);
    expect(ratio(10n ** 30n, 3n * 10n ** 30n)).toBe(1 / 3);
    expect(ratio(2n ** 60n + 1n, 2n ** 60n)).toBe(1);
  });
  test('rounds once: a tie broken by a far digit goes up', () => {
    // 1 + 2^-53 is a tie that goes to 1; a grain more goes to the next double.
    expect(ratio(2n ** 53n + 1n, 2n ** 53n)).toBe(1);
    expect(ratio((2n ** 53n + 1n) * 2n ** 60n + 1n, 2n ** 113n)).toBe(1 + 2 ** -52);
  });
});

test('a root over a number rounds halves away', () => {
  expect(rootOver(16n, 1n)).toBe(4n);
  expect(rootOver(2n, 1n)).toBe(1n);
  expect(rootOver(3n, 1n)).toBe(2n);
  expect(rootOver(25n, 2n)).toBe(3n);
  expect(rootOver(10n ** 40n, 3n)).toBe(33333333333333333333n);
  expect(rootOver(0n, 5n)).toBe(0n);
});
