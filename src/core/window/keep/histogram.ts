import { grownInts } from './keeper.ts';

/** How many values lie in each interval from `base` on. */
export type Histogram = { base: number; counts: Int32Array };

/** Room comes with the first interval. */
export const createHistogram = (): Histogram => ({ base: 0, counts: new Int32Array(0) });

export function change(histogram: Histogram, id: number, by: number): void {
  let at = id - histogram.base;
  if (at < 0 || at >= histogram.counts.length) at = widen(histogram, id);
  histogram.counts[at]! += by;
}

type Span = { readonly from: number; readonly end: number; readonly by: 1 | -1 };

/** Counts `intervals[from … end)`. */
export function changeRun(histogram: Histogram, intervals: Int32Array, { from, end, by }: Span): void {
  let { base, counts } = histogram;
  for (let i = from; i < end; i++) {
    const id = intervals[i]!;
    let at = id - base;
    if (at < 0 || at >= counts.length) {
      at = widen(histogram, id);
      ({ base, counts } = histogram);
    }
    counts[at]! += by;
  }
}

/** The interval at which the count from below reaches `rank`; counted from above where that is nearer. */
export function intervalOf({ base, counts }: Histogram, rank: number, n: number): number {
  if (rank * 2 > n) {
    let left = n - rank + 1;
    for (let i = counts.length - 1; i >= 0; i--) {
      left -= counts[i]!;
      if (left <= 0) return base + i;
    }
  }
  let left = rank;
  for (let i = 0; i < counts.length; i++) {
    left -= counts[i]!;
    if (left <= 0) return base + i;
  }
  throw new Error(`flyball: broken invariant: no value of rank ${rank} among ${n}`);
}

/** Room for one more interval, and some beyond it; says where it then is. */
function widen(histogram: Histogram, id: number): number {
  const { base, counts } = histogram;
  if (counts.length === 0) {
    Object.assign(histogram, { base: id - 8, counts: new Int32Array(32) });
    return 8;
  }
  if (id >= base) {
    histogram.counts = grownInts(counts, id - base + 1);
    return id - base;
  }
  const from = id - Math.min(counts.length, 64);
  const wide = new Int32Array(base - from + counts.length);
  wide.set(counts, base - from);
  Object.assign(histogram, { base: from, counts: wide });
  return id - from;
}
