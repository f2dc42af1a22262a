import type { Batch, Column } from '../../src/model/batch.ts';
import type { FlyRecord, Stream } from '../../src/model/record.ts';
import { attributes } from '../../src/model/schema.ts';

/** The columns that say the same as these records of one stream; every attribute that some record has gets one. */
export function batchOf(records: readonly FlyRecord[], stream: Stream): Batch {
  const baseNs = records.reduce((least, { time }) => (time < least ? time : least), records[0]?.time ?? 0n);
  const columns = new Map<string, Column>();
  for (const { path, type, streams } of attributes) {
    if (path === 'time' || !streams.includes(stream)) continue;
    const values = records.map((record) => at(record, path));
    const isHere = values.map((value) => value !== undefined);
    if (!isHere.includes(true)) continue;
    const present = isHere.includes(false) ? bits(isHere) : null;
    columns.set(path, columnOf(values, type, present));
  }
  const ticks = Float64Array.from(records, ({ time }) => Number(time - baseNs));
  return { stream, size: records.length, baseNs, tickNs: 1, ticks, columns };
}

function columnOf(values: readonly unknown[], type: string, present: Uint8Array | null): Column {
  if (type === 'string') {
    const names = [...new Set(values.map((value) => String(value ?? '')))];
    return { kind: 'text', names, codes: Int32Array.from(values, (value) => names.indexOf(String(value ?? ''))), present };
  }
  if (type === 'bool') return { kind: 'bool', values: Uint8Array.from(values, (value) => (value === true ? 1 : 0)), present };
  if (type === 'int' || type === 'duration')
    return { kind: 'number', values: Float64Array.from(values, (value) => Number(value ?? 0)), unitNs: 1, present };
  return { kind: 'any', values, present };
}

function bits(of: readonly boolean[]): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(of.length / 8));
  of.forEach((is, i) => {
    if (is) bytes[i >> 3]! |= 1 << (i & 7);
  });
  return bytes;
}

function at(record: FlyRecord, path: string): unknown {
  const [root = '', field] = path.split('.');
  const own = Object.getOwnPropertyDescriptor(record, root)?.value as Record<string, unknown> | undefined;
  return field === undefined ? own : own?.[field];
}
