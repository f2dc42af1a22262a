import { createBuckets } from '../buckets.ts';
import type { Buckets } from '../buckets.ts';
import { createNumberPairs, pushNumber, pushNumbers } from './pairs.ts';
import type { NumberPairs } from './pairs.ts';
import { grownInts } from './keeper.ts';
import type { Keeper } from './keeper.ts';

/** How many values lie in each interval from `base` on. */
type Histogram = { base: number; counts: Int32Array };

/** Values of a pane, the interval that each of the first `placed` lies in by these buckets, and those of the first `ordered` (−1: none yet) key by key. */
export type Placed = NumberPairs & {
  intervals: Int32Array;
  by: Buckets | null;
  placed: number;
  sorted: Int32Array;
  runs: readonly Run[];
  ordered: number;
  /** What was given up of older values: how many lay in each interval. */
  packed: Packed | null;
};

/** The intervals of one key end before this place. */
type Run = { readonly key: number; readonly end: number };

/** By key, where its next interval goes; 0 between uses. */
type First = { at: Int32Array };

/** The distribution of ints, doubles, or durations in ns, by window and key. */
export type Quantiles = Keeper<Placed> & {
  /** A number in the interval of the value with this rank from 1, among `n`. */
  readonly at: (window: number, key: number, rank: number, n: number) => number;
  /** Cuts the intervals at these constants, and counts anew what the panes hold. */
  readonly cutAt: (constants: readonly number[], held: (window: number) => Iterable<Placed>) => void;
};

/** Intervals by these buckets, key by key, each once, with how many values lie in it. */
type Packed = { readonly by: Buckets; readonly runs: readonly Run[]; readonly intervals: Int32Array; readonly counts: Int32Array };

export function createQuantiles(whole: boolean): Quantiles {
  const totals: (Histogram | undefined)[][] = [];
  let buckets: Buckets = createBuckets([], whole);
  const first: First = { at: new Int32Array(0) };
  const change = (histograms: (Histogram | undefined)[], key: number, id: number, by: number): void => {
    let histogram = histograms[key];
    if (histogram === undefined) histograms[key] = histogram = { base: id - 8, counts: new Int32Array(32) };
    let at = id - histogram.base;
    if (at < 0 || at >= histogram.counts.length) at = widen(histogram, id);
    histogram.counts[at]! += by;
  };
  const move = (column: Placed, window: number, by: 1 | -1): void => {
    const histograms = totals[window]!;
    if (column.packed !== null) movePacked(column, histograms, by);
    intervalsOf(column);
    if (column.ordered !== column.size) order(column, first);
    let i = 0;
    for (const { key, end } of column.runs) {
      let histogram = histograms[key];
      if (histogram === undefined) histograms[key] = histogram = { base: column.sorted[i]! - 8, counts: new Int32Array(32) };
      i = addRun(histogram, column.sorted, { from: i, end, by });
    }
  };
  const movePacked = (column: Placed, histograms: (Histogram | undefined)[], by: 1 | -1): void => {
    if (column.packed!.by !== buckets) column.packed = rebased(column.packed!, buckets);
    const { runs, intervals, counts } = column.packed!;
    let i = 0;
    for (const { key, end } of runs) for (; i < end; i++) change(histograms, key, intervals[i]!, by * counts[i]!);
  };
  /** In which interval each value of a pane lies: found once, though the pane enters and leaves every window. */
  const intervalsOf = (column: Placed): Int32Array => {
    if (column.by !== buckets) Object.assign(column, { by: buckets, placed: 0, ordered: -1 });
    const { size, values } = column;
    const intervals = (column.intervals = grownInts(column.intervals, size));
    const { idOf } = buckets;
    for (let i = column.placed; i < size; i++) intervals[i] = idOf(values[i]!);
    column.placed = size;
    return intervals;
  };
  return {
    cells: 1,
    newColumn: () => ({
      ...createNumberPairs(),
      intervals: new Int32Array(16),
      by: null,
      placed: 0,
      sorted: new Int32Array(16),
      runs: [],
      ordered: -1,
      packed: null,
    }),
    clear: (column) => void Object.assign(column, { size: 0, placed: 0, ordered: -1, packed: null }),
    // As they come, so that an instant has less to do.
    addAll: (column, many) => {
      pushNumbers(column, many);
      intervalsOf(column);
    },
    add: (column, _row, key, value) => pushNumber(column, key, Number(value)),
    pack: (column) => {
      if (column.size < packMin || column.packed !== null) return 0;
      intervalsOf(column);
      if (column.ordered !== column.size) order(column, first);
      const packed = packedOf(column, buckets);
      const freed = column.size - packed.intervals.length;
      if (freed < column.size / 2) return 0;
      Object.assign(column, {
        ...createNumberPairs(),
        intervals: new Int32Array(16),
        placed: 0,
        sorted: new Int32Array(16),
        runs: [],
        ordered: -1,
        packed,
      });
      return freed;
    },
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

/** A pane with fewer values is not worth it. */
const packMin = 256;

function packedOf({ sorted, runs, size }: Placed, by: Buckets): Packed {
  const [intervals, counts] = [new Int32Array(size), new Int32Array(size)];
  const packed: Run[] = [];
  let [from, n] = [0, 0];
  for (const { key, end } of runs) {
    const own = sorted.subarray(from, end).sort();
    own.forEach((id, i) => {
      if (i > 0 && intervals[n - 1] === id) counts[n - 1]!++;
      else {
        intervals[n] = id;
        counts[n++] = 1;
      }
    });
    packed.push({ key, end: n });
    from = end;
  }
  return { by, runs: packed, intervals: intervals.slice(0, n), counts: counts.slice(0, n) };
}

/** The same by other buckets, which have no cut that the old ones lack: a selection whose panes are packed is given none (attach.ts). */
function rebased({ by, runs, intervals, counts }: Packed, buckets: Buckets): Packed {
  return { by: buckets, runs, intervals: intervals.map((id) => buckets.idOf(by.valueOf(id))), counts };
}

/**
 * Puts the intervals of a pane in order of keys. A histogram is a few KB and keys come mixed: one at a time stays in the processor's cache while
 * it is counted, which takes a fifth of the time (`npm run bench -- latency`).
 */
function order(column: Placed, first: First): void {
  const { keys, size, intervals } = column;
  const found: number[] = [];
  for (let i = 0; i < size; i++) {
    const key = keys[i]!;
    if (key >= first.at.length) first.at = grownInts(first.at, key + 1);
    if (first.at[key]!++ === 0) found.push(key);
  }
  const { at } = first;
  let end = 0;
  const runs: Run[] = [];
  for (const key of found) {
    const from = end;
    end += at[key]!;
    at[key] = from;
    runs.push({ key, end });
  }
  const sorted = (column.sorted = grownInts(column.sorted, size));
  for (let i = 0; i < size; i++) sorted[at[keys[i]!]!++] = intervals[i]!;
  for (const key of found) at[key] = 0;
  Object.assign(column, { runs, ordered: size });
}

/** Counts the intervals from `from` to before `end`, and gives `end`. */
function addRun(
  histogram: Histogram,
  intervals: Int32Array,
  { from, end, by }: { readonly from: number; readonly end: number; readonly by: 1 | -1 },
): number {
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
  return end;
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
