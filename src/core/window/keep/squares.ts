import type { Keeper } from './keeper.ts';

/** Exact sums of the squares of ints, or of durations in ns, by window and key: what a deviation needs besides the sums. */
export type Squares = Keeper<bigint[]> & { readonly at: (window: number, key: number) => bigint };

export function createSquares(): Squares {
  const totals: bigint[][] = [];
  const plus = (sums: bigint[], index: number, value: bigint): void => void (sums[index] = (sums[index] ?? 0n) + value);
  const square = (value: unknown): bigint => (typeof value === 'bigint' || typeof value === 'number' ? BigInt(value) ** 2n : 0n);
  return {
    cells: 0,
    newColumn: (): bigint[] => [],
    clear: (column) => void (column.length = 0),
    add: (column, row, _key, value) => plus(column, row, square(value)),
    addAll: null,
    pack: null,
    move: (column, { size, keys }, window, by) => {
      const total = totals[window]!;
      for (let row = 0; row < size; row++) plus(total, keys[row]!, by > 0 ? (column[row] ?? 0n) : -(column[row] ?? 0n));
    },
    late: (window, key, value) => plus(totals[window]!, key, square(value)),
    addWindow: (window) => void (totals[window] = []),
    grow: () => undefined,
    forget: () => undefined,
    at: (window, key) => totals[window]![key] ?? 0n,
  };
}
