import { grownInts } from './keeper.ts';
import type { Keeper, Rows } from './keeper.ts';

/** How many values were `true` (count(p), ratio(p)), by window and key. */
export type Trues = Keeper<{ trues: Int32Array }> & { readonly at: (window: number, key: number) => number };

export function createTrues(): Trues {
  const totals: Int32Array[] = [];
  let room = 0;
  return {
    cells: 0,
    newColumn: () => ({ trues: new Int32Array(16) }),
    clear: ({ trues }) => void trues.fill(0),
    add: (column, row, _key, value) => {
      if (value !== true) return;
      if (row >= column.trues.length) column.trues = grownInts(column.trues, row + 1);
      column.trues[row]!++;
    },
    addAll: (column, { n, rows, values, room }) => {
      column.trues = grownInts(column.trues, room);
      const { trues } = column;
      for (let j = 0; j < n; j++) if (values[j] === 1) trues[rows[j]!]!++;
    },
    pack: null,
    move: ({ trues }, rows, window, by) => moveInts(totals[window]!, trues, rows, by),
    late: (window, key, value) => {
      if (value === true) totals[window]![key]!++;
    },
    addWindow: (window) => void (totals[window] = new Int32Array(room)),
    grow: (keys) => {
      room = Math.max(room, keys);
      totals.forEach((ints, window) => (totals[window] = grownInts(ints, keys)));
    },
    forget: () => undefined,
    at: (window, key) => totals[window]![key]!,
  };
}

/** Adds a column of a pane to the totals of a window, or takes it away. */
export function moveInts(totals: Int32Array, column: Int32Array, { size, keys }: Rows, by: 1 | -1): void {
  const end = Math.min(size, column.length);
  for (let row = 0; row < end; row++) totals[keys[row]!]! += by * column[row]!;
}
