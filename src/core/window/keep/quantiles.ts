import { createBuckets } from '../buckets.ts';
import type { Buckets } from '../buckets.ts';
import { createNumberPairs, pushNumber, pushNumbers } from './pairs.ts';
import type { NumberPairs } from './pairs.ts';
import { grownInts } from './keeper.ts';
import type { Keeper } from './keeper.ts';

/** How many values lie in each interval from `base` on. */
type Histogram = { base: number; counts: Int32Array };

/** Values of a pane, and the interval that each of the first `placed` lies in by these buckets. */
export type Placed = NumberPairs & { intervals: Int32Array; by: Buckets | null; placed: number };

/** The distribution of ints, doubles, or durations in ns, by window and key. */
export type Quantiles = Keeper<Placed> & {
  /** A number in the interval of the value with this rank from 1, among `n`. */
  readonly at: (window: number, key: number, rank: number, n: number) => number;
  /** Cuts the intervals at these constants, and counts anew what the panes hold. */
  readonly cutAt: (constants: readonly number[], held: (window: number) => Iterable<Placed>) => void;
};

export function createQuantiles(whole: boolean): Quantiles {
  const totals: (Histogram | undefined)[][] = [];
  let buckets: Buckets = createBuckets([], whole);
  const change = (histograms: (Histogram | undefined)[], key: number, id: number, by: 1 | -1): void => {
    let histogram = histograms[key];
    if (histogram === undefined) histograms[key] = histogram = { base: id - 8, counts: new Int32Array(32) };
    let at = id - histogram.base;
    if (at < 0 || at >= histogram.counts.length) at = widen(histogram, id);
    histogram.counts[at]! += by;
  };
  const move = (column: Placed, window: number, by: 1 | -1): void => {
    const { size, keys } = column;
    const histograms = totals[window]!;
    const intervals = intervalsOf(column);
    for (let i = 0; i < size; i++) change(histograms, keys[i]!, intervals[i]!, by);
  };
  /** In which interval each value of a pane lies: found once, though the pane enters and leaves every window. */
  const intervalsOf = (column: Placed): Int32Array => {
    if (column.by !== buckets) Object.assign(column, { by: buckets, placed: 0 });
    const { size, values } = column;
    const intervals = (column.intervals = grownInts(column.intervals, size));
    const { idOf } = buckets;
    for (let i = column.placed; i < size; i++) intervals[i] = idOf(values[i]!);
    column.placed = size;
    return intervals;
  };
  return {
    cells: 1,
    newColumn: () => ({ ...createNumberPairs(), intervals: new Int32Array(16), by: null, placed: 0 }),
    clear: (column) => void Object.assign(column, { size: 0, placed: 0 }),
    addAll: pushNumbers,
    add: (column, _row, key, value) => pushNumber(column, key, Number(value)),
    move: (column, _rows, window, by) => move(column, window, by),
    late: (window, key, value) => change(totals[window]!, key, buckets.idOf(Number(value)), 1),
    addWindow: (window) => void (totals[window] = []),
    grow: () => undefined,
    forget: (key) => {
      for (const histograms of totals) if (histograms !== undefined && key < histograms.length) histograms[key] = undefined;
    },
    at: (window, key, rank, n) => {
      const histogram = totals[window]![key];
      return histogram === undefined ? NaN : buckets.valueOf(histogram.base + rankIn(histogram.counts, rank, n));
    },
    cutAt: (constants, held) => {
      buckets = createBuckets(constants, whole);
      totals.forEach((_, window) => {
        totals[window] = [];
        for (const column of held(window)) move(column, window, 1);
      });
    },
  };
}

/** The index at which the count from below reaches `rank`; counted from above where that is nearer. */
function rankIn(counts: Int32Array, rank: number, n: number): number {
  if (rank * 2 > n) {
    let left = n - rank + 1;
    for (let i = counts.length - 1; i >= 0; i--) {
      left -= counts[i]!;
      if (left <= 0) return i;
    }
  }
  let left = rank;
  for (let i = 0; i < counts.length; i++) {
    left -= counts[i]!;
    if (left <= 0) return i;
  }
  throw new Error(`flyball: broken invariant: no value of rank ${rank} among ${n}`);
}

/** Room for one more interval, and some beyond it; says where it then is. */
function widen(histogram: Histogram, id: number): number {
  const { base, counts } = histogram;
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
