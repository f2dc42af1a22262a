import { expect, test } from 'vitest';
import { candidatesMax, countHeavy, createHeavy, heavyMin } from './heavy.ts';

test('a key with more than one in a thousand of the records is found among any number that come once', () => {
  const heavy = createHeavy();
  const found: string[] = [];
  for (let i = 0; i < 400_000; i++) {
    const key = i % 500 === 0 ? 'often' : `k${i}`;
    if (countHeavy(heavy, [key])) found.push(key);
    expect(heavy.counts.size).toBeLessThanOrEqual(candidatesMax);
  }
  expect(new Set(found)).toEqual(new Set(['often']));
});

test('a key that comes alone is heavy after a few records', () => {
  const heavy = createHeavy();
  const results = Array.from({ length: heavyMin }, () => countHeavy(heavy, ['a', 1]));
  expect([results.indexOf(true), heavy.counts.size]).toEqual([heavyMin - 1, 0]);
});
