import type { Scalar } from '../../cel/value.ts';

/** The rows of a pane: each a key, and how many of its records came in that pane. */
export type Rows = { size: number; keys: Int32Array; counts: Int32Array };

/** Values of records 0 … n − 1, each with its row and key; NaN: it erred, and is left out. */
export type Many = {
  readonly n: number;
  readonly rows: Int32Array;
  readonly keys: Int32Array;
  readonly values: Float64Array;
  /** Rows are below this. */
  readonly room: number;
  readonly hasErrors: boolean;
};

/**
 * What one argument of a selection keeps of its values. A pane holds a column of them; a window holds totals by key, which panes enter when
 * they close and leave when the window has passed them. Keys and windows are small whole numbers.
 */
export type Keeper<C = unknown> = {
  /** Room that each value takes in a pane: 1 where values are kept one by one, 0 where they are summed up by row. */
  readonly cells: 0 | 1;
  /** Of a new pane. */
  readonly newColumn: () => C;
  /** Makes the column of a pane that every window has passed fit for a new one. */
  readonly clear: (column: C) => void;
  /** A value of `key` comes into the pane, in this row of it. */
  readonly add: (column: C, row: number, key: number, value: Scalar) => void;
  /** The same for many values at once, where they are numbers (1 and 0 for bools); null: there is no quicker way than one by one. */
  readonly addAll: ((column: C, values: Many) => void) | null;
  /** A pane that is kept for long gives up what single values it can do without, and says how many cells that frees; null: there is none. */
  readonly pack: ((column: C) => number) | null;
  /** The pane enters a window (+1) or leaves it (−1). */
  readonly move: (column: C, rows: Rows, window: number, by: 1 | -1) => void;
  /** A value comes late, into a pane that this window holds already. */
  readonly late: (window: number, key: number, value: Scalar) => void;
  /** From now on totals are kept for this window. */
  readonly addWindow: (window: number) => void;
  /** Makes room for keys below this. */
  readonly grow: (keys: number) => void;
  /** The key is closed; its totals are 0. */
  readonly forget: (key: number) => void;
};

/** The same ints with room for `least`, at least doubled; new ones are 0. */
export function grownInts(ints: Int32Array, least: number): Int32Array {
  if (ints.length >= least) return ints;
  const grown = new Int32Array(Math.max(least, ints.length * 2, 16));
  grown.set(ints);
  return grown;
}

/** The same doubles with room for `least`, at least doubled; new ones are 0. */
export function grownDoubles(doubles: Float64Array, least: number): Float64Array {
  if (doubles.length >= least) return doubles;
  const grown = new Float64Array(Math.max(least, doubles.length * 2, 16));
  grown.set(doubles);
  return grown;
}
