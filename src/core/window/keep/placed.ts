import type { Buckets } from '../buckets.ts';
import { change, changeRun } from './histogram.ts';
import type { Histogram } from './histogram.ts';
import { grownInts } from './keeper.ts';
import { createNumberPairs } from './pairs.ts';
import type { NumberPairs } from './pairs.ts';

/** Values of a pane; the side of the constants that each of the first `placed` lies on; and, once asked for, the intervals of the first `ordered` key by key. */
export type Placed = NumberPairs & {
  by: Buckets | null;
  sides: Uint8Array;
  placed: number;
  intervals: Int32Array;
  runs: Runs;
  /** −1: none yet. */
  ordered: number;
  /** What was given up of older values: how many lay in each interval. */
  packed: Packed | null;
};

/** Keys, rising; what is of key i ends before `ends[i]`. */
type Runs = { readonly keys: Int32Array; readonly ends: Int32Array };

/** Intervals by these buckets, key by key, each once, with how many values lie in it. */
type Packed = {
  readonly by: Buckets;
  readonly runs: Runs;
  readonly intervals: Int32Array;
  readonly sides: Uint8Array;
  readonly counts: Int32Array;
};

const noRuns: Runs = { keys: new Int32Array(0), ends: new Int32Array(0) };

/** By key, where its next interval goes; 0 between uses. */
export type First = { at: Int32Array };

export const createPlaced = (): Placed => ({
  ...createNumberPairs(),
  by: null,
  sides: new Uint8Array(16),
  placed: 0,
  intervals: new Int32Array(0),
  runs: noRuns,
  ordered: -1,
  packed: null,
});

/** More sides than this are not told apart: a quantile is then known by its interval alone. */
export const sidesMax = 255;

/** On which side each value of a pane lies: found once, though the pane enters and leaves every window. */
export function place(column: Placed, buckets: Buckets): void {
  if (column.by !== buckets) {
    Object.assign(column, { by: buckets, placed: 0, ordered: -1 });
    if (column.packed !== null) column.packed = rebased(column.packed, buckets);
  }
  const { size, values, placed } = column;
  if (placed === size || buckets.sides > sidesMax) return;
  if (column.sides.length < size) {
    const grown = new Uint8Array(column.values.length);
    grown.set(column.sides);
    column.sides = grown;
  }
  const { sides } = column;
  const { sideOf } = buckets;
  for (let i = placed; i < size; i++) sides[i] = sideOf(values[i]!);
  column.placed = size;
}

/** How many values of each key lie on each side: `width` sides of key 0, then those of key 1, … */
export function tally(totals: Int32Array, width: number, { keys, sides, size, packed }: Placed, by: 1 | -1): void {
  for (let i = 0; i < size; i++) totals[keys[i]! * width + sides[i]!]! += by;
  if (packed === null) return;
  let i = 0;
  packed.runs.keys.forEach((key, r) => {
    for (; i < packed.runs.ends[r]!; i++) totals[key * width + packed.sides[i]!]! += by * packed.counts[i]!;
  });
}

/**
 * Puts the intervals of a pane in order of keys. A histogram is a few KB and keys come mixed: one at a time stays in the processor's cache while
 * it is counted, which takes a fifth of the time (`npm run bench -- latency`).
 */
export function order(column: Placed, first: First, { idOf }: Buckets): void {
  const { keys, size, values } = column;
  if (column.ordered === size) return;
  const found: number[] = [];
  for (let i = 0; i < size; i++) {
    const key = keys[i]!;
    if (key >= first.at.length) first.at = grownInts(first.at, key + 1);
    if (first.at[key]!++ === 0) found.push(key);
  }
  const { at } = first;
  const runs = { keys: Int32Array.from(found).sort(), ends: new Int32Array(found.length) };
  let end = 0;
  runs.keys.forEach((key, r) => {
    const from = end;
    end += at[key]!;
    at[key] = from;
    runs.ends[r] = end;
  });
  if (column.intervals.length < size) column.intervals = new Int32Array(values.length);
  const { intervals } = column;
  for (let i = 0; i < size; i++) intervals[at[keys[i]!]!++] = idOf(values[i]!);
  for (const key of found) at[key] = 0;
  Object.assign(column, { runs, ordered: size });
}

/** Counts all values of a pane that is ordered: `of` gives the histogram of a key. */
export function countAll({ runs, intervals, packed }: Placed, of: (key: number) => Histogram, by: 1 | -1): void {
  let from = 0;
  for (let r = 0; r < runs.keys.length; r++) {
    const end = runs.ends[r]!;
    changeRun(of(runs.keys[r]!), intervals, { from, end, by });
    from = end;
  }
  let i = 0;
  packed?.runs.keys.forEach((key, r) => {
    for (; i < packed.runs.ends[r]!; i++) change(of(key), packed.intervals[i]!, by * packed.counts[i]!);
  });
}

/** Counts the values of one key. */
export function countKey(column: Placed, key: number, histogram: Histogram, { idOf }: Buckets): void {
  const { keys, values, size, ordered, runs, intervals, packed } = column;
  if (packed !== null) {
    const [from, end] = spanOf(packed.runs, key);
    for (let i = from; i < end; i++) change(histogram, packed.intervals[i]!, packed.counts[i]!);
  }
  if (ordered === size) {
    const [from, end] = spanOf(runs, key);
    return changeRun(histogram, intervals, { from, end, by: 1 });
  }
  for (let i = 0; i < size; i++) if (keys[i] === key) change(histogram, idOf(values[i]!), 1);
}

function spanOf({ keys, ends }: Runs, key: number): readonly [from: number, end: number] {
  let [low, high] = [0, keys.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keys[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return keys[low] === key ? [low === 0 ? 0 : ends[low - 1]!, ends[low]!] : [0, 0];
}

/** A pane with fewer values is not worth it. */
const packMin = 256;

/** Gives up the single values, and says how many cells that frees. */
export function pack(column: Placed, first: First, buckets: Buckets): number {
  if (column.size < packMin || column.packed !== null) return 0;
  place(column, buckets);
  order(column, first, buckets);
  const packed = packedOf(column, buckets);
  const freed = column.size - packed.intervals.length;
  if (freed < column.size / 2) return 0;
  Object.assign(column, createPlaced(), { by: buckets, packed });
  return freed;
}

function packedOf({ intervals: all, runs, size }: Placed, by: Buckets): Packed {
  const [intervals, counts] = [new Int32Array(size), new Int32Array(size)];
  const ends = new Int32Array(runs.ends.length);
  let [from, n] = [0, 0];
  runs.ends.forEach((end, r) => {
    const own = all.subarray(from, end).sort();
    own.forEach((id, i) => {
      if (i > 0 && intervals[n - 1] === id) counts[n - 1]!++;
      else {
        intervals[n] = id;
        counts[n++] = 1;
      }
    });
    ends[r] = n;
    from = end;
  });
  const kept = intervals.slice(0, n);
  return { by, runs: { keys: runs.keys, ends }, intervals: kept, sides: sidesOf(kept, by), counts: counts.slice(0, n) };
}

/** The same by other buckets, which have no cut that the old ones lack: a selection whose panes are packed is given none (attach.ts). */
function rebased({ by, runs, intervals, counts }: Packed, buckets: Buckets): Packed {
  const moved = intervals.map((id) => buckets.idOf(by.valueOf(id)));
  return { by: buckets, runs, intervals: moved, sides: sidesOf(moved, buckets), counts };
}

const sidesOf = (intervals: Int32Array, { valueOf, sideOf }: Buckets): Uint8Array =>
  Uint8Array.from(intervals, (id) => sideOf(valueOf(id)));
