import type { Stream } from '../../model/record.ts';
import type { Measure, Measures } from '../cel/programs.ts';
import type { Checked } from '../cel/types.ts';
import type { Scalar } from '../cel/value.ts';
import { createHeavy } from './heavy.ts';
import type { Heavy } from './heavy.ts';
import { createIndex } from './index.ts';
import type { KeyIndex } from './index.ts';
import type { AnyKeeper, KeeperKind } from './keep/kinds.ts';
import type { Rows } from './keep/keeper.ts';
import type { Slot } from './slot.ts';
import type { Members, View } from './view.ts';

/**
 * The records that rules with equal stream, `where` and `by` look at, kept once for all of them: in panes as long as the grain, by key, and
 * summed up in windows. A pane is written while its time runs, enters each window when it has passed, and leaves it when the window has.
 */
export type Selection = {
  readonly id: string;
  readonly stream: Stream;
  readonly seesAllReporters: boolean;
  readonly where: Measure | null;
  readonly columns: Measures;
  readonly columnCount: number;
  /** What `where` and `columns` are made of, the conditions of `where` joined by &&. */
  readonly asks: { readonly where: readonly Checked[]; readonly columns: readonly Checked[] };
  /** The arguments of all series. */
  measures: Measures;
  /** The columns of the record at hand, and its arguments. */
  readonly key: (Scalar | undefined)[];
  readonly values: (Scalar | undefined)[];
  /** Every instant and every end of a window is a multiple of it. */
  readonly grainNs: bigint;
  readonly everyNs: bigint;
  readonly series: Series[];
  readonly keepers: PlacedKeeper[];
  readonly windows: Window[];
  /** Of windows, by length and lag. */
  readonly places: Map<string, number>;
  readonly slots: Map<string, Slot>;
  readonly views: Map<string, View>;
  /** Ordered by time; the last is written to. */
  readonly panes: Pane[];
  /** The one that records of now come into; null: to be found. */
  open: Pane | null;
  /** Panes that every window has passed, to be written anew: what a pane needs is not given back to the machine and asked for again. */
  readonly spare: Pane[];
  /** For how long a pane is kept after its end. */
  heldNs: bigint;
  /** Some pane was packed: its values lie in intervals, which cannot be cut anew. */
  hasPacked: boolean;
  /** Keys that came when there was no room. */
  readonly heavy: Heavy;
  readonly keys: Keys;
  /** What the last advance reached; null before the first. */
  reachedNs: bigint | null;
  /** The first line's time, or what stream time was when the selection was made; null before both. */
  startNs: bigint | null;
  /** The first instant after stream time; null before any record. */
  nextNs: bigint | null;
  /** A record before this is in no window that is still to be judged. */
  dropBeforeNs: bigint;
  /** A record before this comes after an instant that would have seen it. */
  lateBeforeNs: bigint;
  /** Counts instants; a key that changed since the last has it in `keys.touched`. */
  turn: number;
  /** Some key changed at this turn. */
  changedAt: number;
  /** Values read before this turn are not to be used: the life of the stream changed, or the intervals of a quantile. */
  readsFrom: number;
  /** Keys that changed at this turn. */
  dirty: number[];
  /** Rows, and values kept one by one, in all panes. */
  cells: number;
  /** How many there may be now. */
  cellsRoom: number;
  /** Verdicts are unknown up to here, because a record was not kept. */
  blindUntilNs: bigint | null;
  readonly counters: Counters;
  users: number;
};

/** One argument, e.g. `response.failed`: how many of its values erred, and what its keepers make of the others. */
export type Series = {
  readonly fingerprint: string;
  readonly argument: Checked;
  /** Places in `keepers`. */
  readonly keepers: number[];
  /** Values that erred, by window and key. */
  readonly errors: Int32Array[];
};

export type PlacedKeeper = { readonly kind: KeeperKind; readonly keeper: AnyKeeper; readonly windows: Set<number> };

/** t − lag − length ≤ time < t − lag. */
export type Window = {
  readonly lengthNs: bigint;
  readonly lagNs: bigint;
  fromNs: bigint | null;
  toNs: bigint | null;
  /** It holds panes[first] … panes[end − 1]. */
  first: number;
  end: number;
  /** Records by key. */
  counts: Int32Array;
};

export type Pane = {
  number: number;
  startNs: bigint;
  endNs: bigint;
  readonly rows: Rows;
  /** By series; null while nothing erred. */
  readonly errors: (Int32Array | null)[];
  /** By keeper. */
  readonly columns: unknown[];
  cells: number;
  /** What can be given up of it, because it is kept for long, is. */
  isPacked: boolean;
};

/** Keys by number. A number is given anew when its key is closed. */
export type Keys = {
  readonly index: KeyIndex;
  readonly values: (readonly Scalar[] | null)[];
  readonly free: number[];
  /** Numbers below this have room everywhere. */
  room: number;
  open: number;
  /** How many were closed so far: what was remembered of numbers before may be wrong. */
  closed: number;
  /** Rows in panes. */
  held: Int32Array;
  /** Rules that know the key, and hold it open. */
  known: Int32Array;
  /** The turn at which it changed last. */
  touched: Int32Array;
  /** Its row in the pane `rowPane`. */
  row: Int32Array;
  rowPane: Int32Array;
  /** The keys that are equal in all columns but the last, itself among them. */
  readonly siblings: Members[];
  readonly groups: Map<string, Members>;
};

export type Counters = {
  /** Records taken. */
  records: number;
  /** Taken after an instant that would have seen them was judged; they count at later ones. */
  late: number;
  /** Late records that no window can hold any more. */
  droppedLate: number;
  /** Records on which `where` erred. */
  whereErrors: number;
  /** Records on which `by` erred or whose key column is absent. */
  keyErrors: number;
  /** Arguments of aggregates that erred. */
  argumentErrors: number;
  /** Records of keys beyond `keysMax`. */
  keysOver: number;
  /** Records beyond `cellsMax`. */
  recordsOver: number;
};

/** Keys with records or state in one selection; a record of a further key is counted (`keysOver`) and opens none … */
export const keysMax = 100_000;
/** … but that of a key with many records (heavy.ts), for which so many places are kept. */
export const heavyKeysMax = 1_000;
/** Panes that are kept for longer are packed when they have passed. */
export const packFromNs = 60_000_000_000n;
/** Cells (12 to 30 bytes each) in the panes of one selection; while a window would hold a record that was not kept, every verdict is unknown. */
export const cellsMax = 10_000_000;
/** The same of all selections together: beyond, those that have more than their share take no more. */
export const cellsTotalMax = 40_000_000;

export type Selects = Pick<
  Selection,
  'id' | 'stream' | 'seesAllReporters' | 'where' | 'columns' | 'columnCount' | 'asks' | 'grainNs' | 'everyNs'
>;

export const createSelection = (selects: Selects): Selection => ({
  ...selects,
  measures: () => undefined,
  key: [],
  values: [],
  series: [],
  keepers: [],
  windows: [],
  places: new Map(),
  slots: new Map(),
  views: new Map(),
  panes: [],
  open: null,
  spare: [],
  heldNs: 0n,
  hasPacked: false,
  heavy: createHeavy(),
  keys: {
    index: createIndex(),
    values: [],
    free: [],
    room: 0,
    open: 0,
    closed: 0,
    held: new Int32Array(0),
    known: new Int32Array(0),
    touched: new Int32Array(0),
    row: new Int32Array(0),
    rowPane: new Int32Array(0),
    siblings: [],
    groups: new Map(),
  },
  reachedNs: null,
  startNs: null,
  nextNs: null,
  dropBeforeNs: 0n,
  lateBeforeNs: 0n,
  turn: 1,
  changedAt: 0,
  readsFrom: 0,
  dirty: [],
  cells: 0,
  cellsRoom: cellsMax,
  blindUntilNs: null,
  counters: { records: 0, late: 0, droppedLate: 0, whereErrors: 0, keyErrors: 0, argumentErrors: 0, keysOver: 0, recordsOver: 0 },
  users: 0,
});

/** Shares out the room there is among all selections. */
export function shareRoom(all: readonly (readonly { readonly selection: Selection }[])[]): void {
  let [total, n] = [0, 0];
  for (const some of all)
    for (const { selection } of some) {
      total += selection.cells;
      n++;
    }
  const most = total < cellsTotalMax ? Infinity : cellsTotalMax / n;
  for (const some of all) for (const { selection } of some) selection.cellsRoom = selection.cells > most ? selection.cells : cellsMax;
}
