import { expect, test } from 'vitest';
import { compareScalars } from '../cel/value.ts';
import type { Scalar } from '../cel/value.ts';
import { addSorted, createSorted, removeSorted, sortedAt } from './sorted.ts';
import { generator } from '../../../test/replay/seeded.ts';

test.each([1, 2, 3, 4])('a sorted list is the plain array, sorted (seed %i)', (seed) => {
  const random = generator(seed);
  const sorted = createSorted();
  const plain: Scalar[] = [];
  for (let i = 0; i < 6_000; i++) {
    const remove = plain.length > 0 && random.chance(i < 4_000 ? 0.2 : 0.7);
    if (remove) {
      const [value = 0n] = plain.splice(random.below(plain.length), 1);
      removeSorted(sorted, value);
    } else {
      const value = BigInt(random.below(seed * 500));
      addSorted(sorted, value);
      plain.push(value);
    }
    expect(sorted.size).toBe(plain.length);
  }
  plain.sort(compareScalars);
  expect(Array.from({ length: sorted.size }, (_, i) => sortedAt(sorted, i))).toEqual(plain);
  expect(sorted.runs.every((run) => run.length > 0 && run.length <= 1024)).toBe(true);
});

test('what never entered cannot leave', () => {
  const sorted = createSorted();
  addSorted(sorted, 1);
  expect(() => removeSorted(sorted, 2)).toThrow('broken invariant');
});
