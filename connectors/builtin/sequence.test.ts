import { expect, test } from 'vitest';
import { sequences } from './sequence.ts';
import { testRandom } from './testing.ts';

test('a share is kept over short stretches: 2 % of any 250 draws are 5, give or take two, for every seed and the first names', () => {
  for (let seed = 0; seed < 20; seed++) {
    const draw = sequences(testRandom(seed));
    for (let name = 0; name < 12; name++) {
      const hits = Array.from({ length: 5_000 }, () => (draw(`name ${name}`) < 0.02 ? 1 : 0));
      for (let from = 0; from + 250 <= hits.length; from += 50) {
        const count = hits.slice(from, from + 250).reduce<number>((sum, hit) => sum + hit, 0);
        expect(count).toBeGreaterThanOrEqual(3);
        expect(count).toBeLessThanOrEqual(7);
      }
    }
  }
});

test('two draws of one request are independent: each quarter of the square is hit as often', () => {
  const draw = sequences(testRandom(7));
  const quarters = [0, 0, 0, 0];
  for (let n = 0; n < 4_000; n++) {
    const quarter = (draw('a') < 0.5 ? 0 : 1) + (draw('b') < 0.5 ? 0 : 2);
    quarters[quarter] = (quarters[quarter] ?? 0) + 1;
  }
  for (const count of quarters) expect(Math.abs(count - 1_000)).toBeLessThan(40);
});

test('the same seed gives the same draws, and memory is bounded whatever the names', () => {
  const once = sequences(testRandom(3));
  const again = sequences(testRandom(3));
  const names = Array.from({ length: 9_000 }, (_, n) => `n${n % 4_500}`);
  expect(names.map(once)).toEqual(names.map(again));
});
