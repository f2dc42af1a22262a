import type { Scalar } from '../../cel/value.ts';
import type { Keeper } from './keeper.ts';

type Column = { readonly keys: number[]; readonly values: Scalar[] };

/** How many different values there are, by window and key. */
export type Distinct = Keeper<Column> & { readonly at: (window: number, key: number) => number };

export function createDistinct(): Distinct {
  const totals: Map<number, Map<Scalar, number>>[] = [];
  const change = (window: number, key: number, value: Scalar, by: 1 | -1): void => {
    const total = totals[window]!;
    let times = total.get(key);
    if (times === undefined) total.set(key, (times = new Map()));
    const left = (times.get(value) ?? 0) + by;
    if (left !== 0) times.set(value, left);
    else if (times.delete(value) && times.size === 0) total.delete(key);
  };
  return {
    cells: 1,
    newColumn: () => ({ keys: [], values: [] }),
    clear: ({ keys, values }) => {
      keys.length = 0;
      values.length = 0;
    },
    add: ({ keys, values }, _row, key, value) => {
      keys.push(key);
      values.push(value);
    },
    addAll: null,
    pack: null,
    move: ({ keys, values }, _rows, window, by) => {
      for (let i = 0; i < keys.length; i++) change(window, keys[i]!, values[i]!, by);
    },
    late: (window, key, value) => change(window, key, value, 1),
    addWindow: (window) => void (totals[window] = new Map()),
    grow: () => undefined,
    forget: () => undefined,
    at: (window, key) => totals[window]!.get(key)?.size ?? 0,
  };
}
