import { isCelError } from '@bufbuild/cel';
import type { CelResult } from '@bufbuild/cel';
import { create } from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import type { ReflectMessage } from '@bufbuild/protobuf/reflect';
import { DurationSchema, TimestampSchema } from '@bufbuild/protobuf/wkt';
import type { Duration, Timestamp } from '@bufbuild/protobuf/wkt';
import { compareText } from '../../model/order.ts';
import type { Value } from '../../model/rule.ts';
import { floorDivide, formatTime } from '../../model/time.ts';

const secondNs = 1_000_000_000n;
/** Whether a whole number is a CEL int (and its ns a CEL duration). */
export const isInt64 = (value: bigint): boolean => BigInt.asIntN(64, value) === value;

/** A duration as CEL holds it; seconds and nanos have one sign. */
export function durationMessage(ns: bigint): Duration {
  return create(DurationSchema, { seconds: ns / secondNs, nanos: Number(ns % secondNs) });
}

export function timestampMessage(ns: bigint): Timestamp {
  const seconds = floorDivide(ns, secondNs);
  return create(TimestampSchema, { seconds, nanos: Number(ns - seconds * secondNs) });
}

/** The same, wrapped once so that the evaluator need not do it at each use. */
export const celDuration = (ns: bigint): ReflectMessage => reflect(DurationSchema, durationMessage(ns));
export const celTimestamp = (ns: bigint): ReflectMessage => reflect(TimestampSchema, timestampMessage(ns));

export const nsOf = ({ seconds, nanos }: Duration | Timestamp): bigint => seconds * secondNs + BigInt(nanos);

/** What an expression gave: null for an error, and for what no aggregate, key column or verdict can be (a list, a map, a NaN). */
export function valueOf(result: CelResult): Value | null {
  if (typeof result === 'number') return Number.isNaN(result) ? null : result;
  if (typeof result === 'string' || typeof result === 'bigint' || typeof result === 'boolean') return result;
  if (result === null || isCelError(result) || !('desc' in result) || !('message' in result)) return null;
  const { message } = result;
  if (message.$typeName === DurationSchema.typeName) return { durationNs: nsOf(message as Duration) };
  return message.$typeName === TimestampSchema.typeName ? { timeNs: nsOf(message as Timestamp) } : null;
}

/** The value for CEL. */
export function toCel(value: Value): ReflectMessage | string | number | bigint | boolean {
  if (typeof value !== 'object') return value;
  return 'durationNs' in value ? celDuration(value.durationNs) : celTimestamp(value.timeNs);
}

/** A value without its wrapping: durations and times as ns. Two values of one type are equal exactly when these are. */
export type Scalar = string | number | bigint | boolean;

export function scalarOf(value: Value): Scalar {
  if (typeof value === 'number') return value === 0 ? 0 : value;
  if (typeof value !== 'object') return value;
  return 'durationNs' in value ? value.durationNs : value.timeNs;
}

/** Order of two scalars of one type: numbers by value, text by code point, false before true. */
export function compareScalars(a: Scalar, b: Scalar): number {
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  return a < b ? -1 : a > b ? 1 : 0;
}

export const sameValue = (a: Value | null, b: Value | null): boolean =>
  a === b || (a !== null && b !== null && typeof a === 'object' && typeof b === 'object' && scalarOf(a) === scalarOf(b));

/**
 * A value as JSON text: ints as digits, doubles the shortest that round-trips (an infinite one as text, which JSON numbers cannot hold),
 * durations in seconds, times as RFC 3339 in Z.
 */
export function jsonOf(value: Value | null): string {
  if (value === null) return 'null';
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number') return Number.isFinite(value) ? JSON.stringify(value) : `"${value}"`;
  if (typeof value !== 'object') return JSON.stringify(value);
  return 'durationNs' in value ? secondsText(value.durationNs) : JSON.stringify(formatTime(value.timeNs));
}

/** Up to 2^53 ns (104 days) division is exact to the last bit, so the shortest text of the double is the decimal itself; beyond, digits. */
function secondsText(ns: bigint): string {
  const size = ns < 0n ? -ns : ns;
  if (size <= BigInt(Number.MAX_SAFE_INTEGER)) return JSON.stringify(Number(ns) / 1e9);
  const fraction = (size % secondNs).toString().padStart(9, '0').replace(/0+$/, '');
  return `${ns < 0n ? '-' : ''}${size / secondNs}${fraction === '' ? '' : `.${fraction}`}`;
}
