import type { Scalar } from '../cel/value.ts';

/**
 * Finds the keys that many of the records have which came when there was no room for another key (Misra and Gries, 1982): of the keys with
 * more than one in `candidatesMax` of them none is missed. A count is at most the true one, and falls as others come.
 */
export type Heavy = { readonly counts: Map<string, number> };

export const candidatesMax = 1_000;
/** Records more than its rivals' that make a key heavy. */
export const heavyMin = 64;

export const createHeavy = (): Heavy => ({ counts: new Map() });

/** Counts a record of a key without room; true: the key has become heavy, and is counted no more. */
export function countHeavy({ counts }: Heavy, values: readonly Scalar[]): boolean {
  const key = values.length === 1 && typeof values[0] === 'string' ? values[0] : values.map(String).join('\u0000');
  const count = counts.get(key);
  if (count !== undefined) {
    if (count + 1 < heavyMin) {
      counts.set(key, count + 1);
      return false;
    }
    counts.delete(key);
    return true;
  }
  if (counts.size < candidatesMax) {
    counts.set(key, 1);
    return false;
  }
  // Each record pays for one step down at most, so this costs no more than it took to count up.
  for (const [other, n] of counts) {
    if (n === 1) counts.delete(other);
    else counts.set(other, n - 1);
  }
  return false;
}
