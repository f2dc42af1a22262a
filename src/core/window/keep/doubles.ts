import { ratio } from '../exact.ts';
import { createNumberPairs, pushNumber, pushNumbers } from './pairs.ts';
import type { NumberPairs } from './pairs.ts';
import type { Keeper } from './keeper.ts';

/** Doubles of one key: Σx and Σx² in exact fixed point, and how many were infinite. */
type Sum = { sum: bigint; squares: bigint; plusInfinite: number; minusInfinite: number };

/** Sums of doubles, exact, so that what entered a window leaves no trace when it goes; by window and key. */
export type DoubleSums = Keeper<NumberPairs> & {
  /** Σx, rounded once; NaN when both infinities are there. */
  readonly sumAt: (window: number, key: number) => number;
  /** The population's standard deviation of `n` values. */
  readonly deviationAt: (window: number, key: number, n: number) => number;
};

/** `withSquares`: a deviation is asked for. */
export function createDoubleSums(withSquares: boolean): DoubleSums {
  const totals: Map<number, Sum>[] = [];
  const change = (window: number, key: number, value: number, by: 1 | -1): void => {
    const known = totals[window]!.get(key);
    const total = known ?? { sum: 0n, squares: 0n, plusInfinite: 0, minusInfinite: 0 };
    if (known === undefined) totals[window]!.set(key, total);
    if (value === Infinity) total.plusInfinite += by;
    else if (value === -Infinity) total.minusInfinite += by;
    else {
      const units = unitsOf(value);
      total.sum += by > 0 ? units : -units;
      if (withSquares) total.squares += by > 0 ? units * units : -units * units;
    }
  };
  return {
    cells: 1,
    newColumn: createNumberPairs,
    clear: (column) => void (column.size = 0),
    add: (column, _row, key, value) => pushNumber(column, key, Number(value)),
    addAll: pushNumbers,
    pack: null,
    move: ({ size, keys, values }, _rows, window, by) => {
      for (let i = 0; i < size; i++) change(window, keys[i]!, values[i]!, by);
    },
    late: (window, key, value) => change(window, key, Number(value), 1),
    addWindow: (window) => void (totals[window] = new Map()),
    grow: () => undefined,
    forget: (key) => {
      for (const total of totals) total?.delete(key);
    },
    sumAt: (window, key) => {
      const total = totals[window]!.get(key);
      if (total === undefined) return 0;
      if (total.plusInfinite > 0) return total.minusInfinite > 0 ? NaN : Infinity;
      return total.minusInfinite > 0 ? -Infinity : ratio(total.sum, scale);
    },
    deviationAt: (window, key, n) => {
      const total = totals[window]!.get(key);
      if (total === undefined || total.plusInfinite + total.minusInfinite > 0) return NaN;
      const count = BigInt(n);
      return Math.sqrt(ratio(count * total.squares - total.sum * total.sum, count * count * scale * scale));
    },
  };
}

/** The least positive double: every double is a whole multiple of it. */
const scaleBits = 1074n;
const scale = 1n << scaleBits;
const bits = new DataView(new ArrayBuffer(8));

function unitsOf(value: number): bigint {
  bits.setFloat64(0, value);
  const word = bits.getBigUint64(0);
  const exponent = (word >> 52n) & 0x7ffn;
  const fraction = word & 0xfffffffffffffn;
  const size = exponent === 0n ? fraction : (fraction | (1n << 52n)) << (exponent - 1n);
  return value < 0 ? -size : size;
}
