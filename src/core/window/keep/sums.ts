import type { Scalar } from '../../cel/value.ts';
import { grownDoubles } from './keeper.ts';
import type { Keeper } from './keeper.ts';

/** A whole number as high · 2^32 + low, both exact in doubles: sums of int64 need no bigint, and what was added can be taken away. */
type Limbs = { low: Float64Array; high: Float64Array };

/** Exact sums of ints, or of durations in ns, by window and key. */
export type Sums = Keeper<Limbs> & { readonly at: (window: number, key: number) => bigint };

const unit = 2 ** 32;
const lowMax = 2 ** 51;

export function createSums(): Sums {
  const totals: Limbs[] = [];
  let room = 0;
  return {
    cells: 0,
    newColumn: () => ({ low: new Float64Array(16), high: new Float64Array(16) }),
    clear: ({ low, high }) => {
      low.fill(0);
      high.fill(0);
    },
    add: (column, row, _key, value) => {
      if (row >= column.low.length) growLimbs(column, row + 1);
      addTo(column, row, value);
    },
    addAll: (column, { n, rows, values, room }) => {
      if (room > column.low.length) growLimbs(column, room);
      for (let j = 0; j < n; j++) if (!Number.isNaN(values[j]!)) addTo(column, rows[j]!, values[j]!);
    },
    pack: null,
    move: ({ low, high }, { size, keys }, window, by) => {
      const total = totals[window]!;
      const end = Math.min(size, low.length);
      for (let row = 0; row < end; row++) addLimbs(total, keys[row]!, by * low[row]!, by * high[row]!);
    },
    late: (window, key, value) => addTo(totals[window]!, key, value),
    addWindow: (window) => void (totals[window] = { low: new Float64Array(room), high: new Float64Array(room) }),
    grow: (keys) => {
      room = Math.max(room, keys);
      for (const limbs of totals) if (limbs !== undefined) growLimbs(limbs, keys);
    },
    forget: () => undefined,
    at: (window, key) => {
      const { low, high } = totals[window]!;
      return BigInt(high[key]!) * BigInt(unit) + BigInt(low[key]!);
    },
  };
}

function growLimbs(limbs: Limbs, least: number): void {
  limbs.low = grownDoubles(limbs.low, least);
  limbs.high = grownDoubles(limbs.high, least);
}

function addTo(limbs: Limbs, index: number, value: Scalar): void {
  if (typeof value === 'bigint') addLimbs(limbs, index, Number(BigInt.asUintN(32, value)), Number(value >> 32n));
  else if (typeof value === 'number') {
    const high = Math.abs(value) < lowMax ? 0 : Math.trunc(value / unit);
    addLimbs(limbs, index, value - high * unit, high);
  }
}

/** |low| stays ≤ 2^51 between calls, so that no addition rounds. */
function addLimbs(limbs: Limbs, index: number, low: number, high: number): void {
  const sum = limbs.low[index]! + low;
  const carry = Math.abs(sum) < lowMax ? 0 : Math.trunc(sum / unit);
  limbs.low[index] = sum - carry * unit;
  if (carry !== 0 || high !== 0) limbs.high[index]! += high + carry;
}
