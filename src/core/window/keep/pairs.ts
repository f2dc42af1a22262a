import { grownDoubles, grownInts } from './keeper.ts';

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
