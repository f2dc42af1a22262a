import { createBuckets } from '../buckets.ts';
import type { Buckets } from '../buckets.ts';
import { change, createHistogram, intervalOf } from './histogram.ts';
import type { Histogram } from './histogram.ts';
import { grownInts } from './keeper.ts';
import type { Keeper } from './keeper.ts';
import { pushNumber, pushNumbers } from './pairs.ts';
import { countAll, countKey, createPlaced, order, pack, place, sidesMax, tally } from './placed.ts';
import type { First, Placed } from './placed.ts';

export type { Placed } from './placed.ts';

/** The panes that a window holds. */
export type Held = () => Iterable<Placed>;

/**
 * The distribution of ints, doubles, or durations in ns, by window and key. On which side of the constants values lie is counted always, which takes little;
 * in which interval only when a number is asked for: of that key then, and where many are asked for again and again, of all keys as panes come and go.
 */
export type Quantiles = Keeper<Placed> & {
  /** A number in the interval of the value with this rank from 1, among `n`. */
  readonly at: (window: number, key: number, rank: { readonly rank: number; readonly n: number }, held: Held) => number;
  /** What every constant says of it, it says of this number; null: there are too many constants for that. */
  readonly sideAt: (window: number, key: number, rank: number) => number | null;
  /** Cuts the intervals at these constants, and counts anew what the panes hold. */
  readonly cutAt: (constants: readonly number[], held: (window: number) => Iterable<Placed>) => void;
};

type Totals = {
  /** By key and side. */
  sides: Int32Array;
  /** By key; null while few ask. */
  histograms: (Histogram | undefined)[] | null;
  /** Values that those who asked since the last pane came asked about, and for how many panes that was little. */
  asked: number;
  quiet: number;
  /** Of the last pane that came. */
  size: number;
};

/** Counting this many values and panes × 4 between two panes is less than keeping histograms of all keys. */
const askedMin = 65_536;
const mostAsked = ({ size }: Totals): number => askedMin + 4 * size;
/** What a look into a pane costs beside its values. */
const paneCost = 16;
/** When for so many panes less than an eighth of that was asked, histograms of all keys are kept no more. */
const quietMax = 64;

export function createQuantiles(whole: boolean): Quantiles {
  const totals: Totals[] = [];
  let buckets: Buckets = createBuckets([], whole);
  let room = 0;
  const first: First = { at: new Int32Array(0) };
  /** Asked for one key of, though not in order: to be ordered when there is time. */
  const unordered = new Set<Placed>();
  const scratch = createHistogram();

  const isSided = (): boolean => buckets.sides <= sidesMax;
  const sidesFor = (): Int32Array => new Int32Array(isSided() ? room * buckets.sides : 0);
  const count = (column: Placed, histograms: (Histogram | undefined)[], by: 1 | -1): void => {
    place(column, buckets);
    order(column, first, buckets);
    countAll(column, (key) => (histograms[key] ??= createHistogram()), by);
  };
  const move = (column: Placed, total: Totals, by: 1 | -1): void => {
    place(column, buckets);
    if (isSided()) tally(total.sides, buckets.sides, column, by);
    if (total.histograms !== null) count(column, total.histograms, by);
    if (by < 0) return;
    total.quiet = total.asked * 8 < mostAsked(total) ? total.quiet + 1 : 0;
    if (total.quiet > quietMax) total.histograms = null;
    total.size = column.size;
    total.asked = 0;
  };
  /** Keeps histograms of all keys from now on. */
  const keep = (total: Totals, held: Iterable<Placed>): (Histogram | undefined)[] => {
    const histograms: (Histogram | undefined)[] = [];
    for (const column of held) count(column, histograms, 1);
    return (total.histograms = histograms);
  };
  /** The histogram of one key, from the panes. */
  const countOne = (total: Totals, key: number, held: Iterable<Placed>): Histogram => {
    scratch.counts.fill(0);
    for (const column of held) {
      place(column, buckets);
      if (column.ordered !== column.size && unordered.size < unorderedMax) unordered.add(column);
      countKey(column, key, scratch, buckets);
      total.asked += paneCost;
    }
    return scratch;
  };
  return {
    cells: 1,
    newColumn: createPlaced,
    clear: (column) => void Object.assign(column, { size: 0, placed: 0, ordered: -1, packed: null }),
    // As they come, so that an instant has less to do.
    addAll: (column, many) => {
      pushNumbers(column, many);
      place(column, buckets);
      for (const other of unordered) {
        unordered.delete(other);
        if (other === column) continue;
        place(other, buckets);
        order(other, first, buckets);
        break;
      }
    },
    add: (column, _row, key, value) => pushNumber(column, key, Number(value)),
    pack: (column) => pack(column, first, buckets),
    move: (column, _rows, window, by) => move(column, totals[window]!, by),
    late: (window, key, value) => {
      const x = Number(value);
      const { sides, histograms } = totals[window]!;
      if (isSided()) sides[key * buckets.sides + buckets.sideOf(x)]!++;
      if (histograms !== null) change((histograms[key] ??= createHistogram()), buckets.idOf(x), 1);
    },
    addWindow: (window) => void (totals[window] = { sides: sidesFor(), histograms: null, asked: 0, quiet: 0, size: 0 }),
    grow: (keys) => {
      room = Math.max(room, keys);
      for (const total of totals) if (total !== undefined && isSided()) total.sides = grownInts(total.sides, room * buckets.sides);
    },
    forget: (key) => {
      for (const total of totals) if (total?.histograms?.[key] !== undefined) total.histograms[key] = undefined;
    },
    at: (window, key, { rank, n }, held) => {
      const total = totals[window]!;
      total.asked += n;
      if (total.histograms === null && (!isSided() || total.asked > mostAsked(total))) keep(total, held());
      const histogram = total.histograms === null ? countOne(total, key, held()) : total.histograms[key];
      return histogram === undefined ? NaN : buckets.valueOf(intervalOf(histogram, rank, n));
    },
    sideAt: (window, key, rank) => {
      if (!isSided()) return null;
      const { sides } = totals[window]!;
      const from = key * buckets.sides;
      let side = 0;
      for (let left = rank - sides[from]!; left > 0; left -= sides[from + side]!) {
        if (++side === buckets.sides) throw new Error(`flyball: broken invariant: no value of rank ${rank}`);
      }
      return buckets.standIn(side);
    },
    cutAt: (constants, held) => {
      buckets = createBuckets(constants, whole);
      totals.forEach((total, window) => {
        Object.assign(total, { sides: sidesFor(), histograms: null });
        for (const column of held(window)) move(column, total, 1);
      });
    },
  };
}

/** Panes that wait to be ordered. */
const unorderedMax = 1_024;
