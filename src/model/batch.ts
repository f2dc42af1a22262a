import type { FlyRecord, Stream } from './record.ts';
import { attributes } from './schema.ts';

/**
 * Records of one stream in columns: it says what its records say one after the other (`recordAt`), and is read many times faster. What makes
 * records by the hundred thousand a second decodes into this; the columns may be written anew when the batch has been read.
 */
export type Batch = {
  readonly stream: Stream;
  readonly size: number;
  /** Record i is of the time baseNs + ticks[i] · tickNs; ticks are whole numbers ≥ 0. */
  readonly baseNs: bigint;
  readonly tickNs: number;
  readonly ticks: Float64Array | Uint32Array;
  /** By path; what has no column is absent from every record. */
  readonly columns: ReadonlyMap<string, Column>;
};

/** Bit i & 7 of byte i >> 3 says whether record i has the attribute; null: all have. */
type Presence = { readonly present: Uint8Array | null };

export type Column = Presence &
  (
    | TextColumn
    /** Ints (`unitNs` 1), or durations in multiples of `unitNs`; exact in ns below 2^53. */
    | { readonly kind: 'number'; readonly values: Float64Array | Uint32Array; readonly unitNs: number }
    | { readonly kind: 'bool'; readonly values: Uint8Array }
    /** Lists and maps, as a record holds them; undefined is absent. */
    | { readonly kind: 'any'; readonly values: readonly unknown[] }
  );

/** `names` may grow at its end from batch to batch; another list is another meaning of the codes. */
export type TextColumn = {
  readonly kind: 'text';
  readonly codes: Uint8Array | Uint16Array | Int32Array;
  readonly names: readonly string[];
};

export const timeAt = ({ baseNs, tickNs, ticks }: Batch, i: number): bigint => baseNs + BigInt(ticks[i]!) * BigInt(tickNs);

export const isPresent = ({ present }: Column, i: number): boolean => present === null || ((present[i >> 3]! >> (i & 7)) & 1) === 1;

/** Record `i` by itself: what it means. */
export function recordAt(batch: Batch, i: number): FlyRecord {
  const record: Record<string, unknown> = { stream: batch.stream, time: timeAt(batch, i) };
  for (const root of rootsOf[batch.stream]) record[root] = {};
  if (batch.stream === 'rpc') record['applied'] = [];
  for (const [path, column] of batch.columns) {
    const value = isPresent(column, i) ? valueAt(path, column, i) : undefined;
    if (value === undefined) continue;
    const [root = '', field] = path.split('.');
    if (field === undefined) record[root] = value;
    else (record[root] as Record<string, unknown>)[field] = value;
  }
  return record as unknown as FlyRecord;
}

function valueAt(path: string, column: Column, i: number): unknown {
  switch (column.kind) {
    case 'text':
      return column.names[column.codes[i]!];
    case 'bool':
      return column.values[i] !== 0;
    case 'any':
      return column.values[i];
    case 'number':
      return durations.has(path) ? BigInt(column.values[i]! * column.unitNs) : column.values[i]! * column.unitNs;
  }
}

const durations: ReadonlySet<string> = new Set(attributes.flatMap(({ path, type }) => (type === 'duration' ? [path] : [])));
const rootsOf: Readonly<Record<Stream, readonly string[]>> = {
  rpc: ['source', 'destination', 'reporter', 'rpc', 'request', 'response'],
  flow: ['source', 'destination', 'reporter', 'flow'],
};
