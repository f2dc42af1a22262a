import { compareScalars } from '../../cel/value.ts';
import type { Scalar } from '../../cel/value.ts';
import { addSorted, createSorted, removeSorted, sortedAt } from '../sorted.ts';
import type { Sorted } from '../sorted.ts';
import type { Keeper } from './keeper.ts';

type Column = { readonly least: Scalar[]; readonly greatest: Scalar[] };

/** The least and the greatest value, by window and key. Of each row of a pane only these two can be a window's, so only they are kept. */
export type Extremes = Keeper<Column> & {
  readonly least: (window: number, key: number) => Scalar | undefined;
  readonly greatest: (window: number, key: number) => Scalar | undefined;
};

export function createExtremes(): Extremes {
  const totals: Map<number, Sorted>[] = [];
  const enter = (window: number, key: number, value: Scalar): void => {
    let sorted = totals[window]!.get(key);
    if (sorted === undefined) totals[window]!.set(key, (sorted = createSorted()));
    addSorted(sorted, value);
  };
  const leave = (window: number, key: number, value: Scalar): void => {
    const sorted = totals[window]!.get(key);
    if (sorted === undefined) throw new Error('flyball: broken invariant: a value leaves a window that it never entered');
    removeSorted(sorted, value);
    if (sorted.size === 0) totals[window]!.delete(key);
  };
  return {
    cells: 0,
    newColumn: () => ({ least: [], greatest: [] }),
    clear: ({ least, greatest }) => {
      least.length = 0;
      greatest.length = 0;
    },
    add: ({ least, greatest }, row, _key, value) => {
      const [low, high] = [least[row], greatest[row]];
      if (low === undefined || compareScalars(value, low) < 0) least[row] = value;
      if (high === undefined || compareScalars(value, high) > 0) greatest[row] = value;
    },
    addAll: null,
    pack: null,
    move: ({ least, greatest }, { size, keys }, window, by) => {
      const move = by > 0 ? enter : leave;
      for (let row = 0; row < size; row++) {
        const [low, high] = [least[row], greatest[row]];
        // A row all of whose values erred.
        if (low === undefined || high === undefined) continue;
        move(window, keys[row]!, low);
        if (high !== low) move(window, keys[row]!, high);
      }
    },
    late: enter,
    addWindow: (window) => void (totals[window] = new Map()),
    grow: () => undefined,
    forget: () => undefined,
    least: (window, key) => {
      const sorted = totals[window]!.get(key);
      return sorted === undefined ? undefined : sortedAt(sorted, 0);
    },
    greatest: (window, key) => {
      const sorted = totals[window]!.get(key);
      return sorted === undefined ? undefined : sortedAt(sorted, sorted.size - 1);
    },
  };
}
