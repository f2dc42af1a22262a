import { grownDoubles, grownInts } from './keeper.ts';
import type { Many } from './keeper.ts';

/** Values of a pane one by one, each with its key. */
export type NumberPairs = { size: number; keys: Int32Array; values: Float64Array };

export const createNumberPairs = (): NumberPairs => ({ size: 0, keys: new Int32Array(16), values: new Float64Array(16) });

export function pushNumber(pairs: NumberPairs, key: number, value: number): void {
  const at = pairs.size++;
  if (at >= pairs.keys.length) {
    pairs.keys = grownInts(pairs.keys, at + 1);
    pairs.values = grownDoubles(pairs.values, at + 1);
  }
  pairs.keys[at] = key;
  pairs.values[at] = value;
}

export function pushNumbers(pairs: NumberPairs, { n, keys, values, hasErrors }: Many): void {
  if (hasErrors) {
    for (let j = 0; j < n; j++) if (!Number.isNaN(values[j]!)) pushNumber(pairs, keys[j]!, values[j]!);
    return;
  }
  const at = pairs.size;
  pairs.size += n;
  pairs.keys = grownInts(pairs.keys, pairs.size);
  pairs.values = grownDoubles(pairs.values, pairs.size);
  pairs.keys.set(keys.subarray(0, n), at);
  pairs.values.set(values.subarray(0, n), at);
}
