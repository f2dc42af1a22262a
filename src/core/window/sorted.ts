import { compareScalars } from '../cel/value.ts';
import type { Scalar } from '../cel/value.ts';

/** Values in order, repeats kept. Cut into runs so that adding to a window of millions moves hundreds of elements, not millions. */
export type Sorted = { readonly runs: Scalar[][]; size: number };

const runMax = 1024;

export const createSorted = (): Sorted => ({ runs: [], size: 0 });

export function addSorted(sorted: Sorted, value: Scalar): void {
  sorted.size++;
  const { runs } = sorted;
  const at = Math.min(runFor(runs, value), runs.length - 1);
  const run = runs[at];
  if (run === undefined) {
    runs.push([value]);
    return;
  }
  run.splice(firstNotBelow(run, value), 0, value);
  if (run.length > runMax) runs.splice(at + 1, 0, run.splice(runMax / 2));
}

/** Removes one value equal to this; it must be there. */
export function removeSorted(sorted: Sorted, value: Scalar): void {
  const at = runFor(sorted.runs, value);
  const run = sorted.runs[at];
  const index = run === undefined ? 0 : firstNotBelow(run, value);
  if (run?.[index] !== value) throw new Error('flyball: broken invariant: a value leaves a window that it never entered');
  run.splice(index, 1);
  if (run.length === 0) sorted.runs.splice(at, 1);
  sorted.size--;
}

/** The value with this index from 0; it must be below `size`. */
export function sortedAt(sorted: Sorted, index: number): Scalar {
  let left = index;
  for (const run of sorted.runs) {
    const value = run[left];
    if (value !== undefined) return value;
    left -= run.length;
  }
  throw new Error(`flyball: broken invariant: no value ${index} of ${sorted.size}`);
}

/** The first run whose last value is not below this one. */
function runFor(runs: readonly (readonly Scalar[])[], value: Scalar): number {
  return search(runs.length, (i) => compareScalars(runs[i]?.at(-1) ?? value, value) >= 0);
}

const firstNotBelow = (run: readonly Scalar[], value: Scalar): number =>
  search(run.length, (i) => compareScalars(run[i] ?? value, value) >= 0);

/** The least index from 0 to n for which `holds`, which once true stays true; n if none. */
export function search(n: number, holds: (index: number) => boolean): number {
  let low = 0;
  let high = n;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
