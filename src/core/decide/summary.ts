import type { Value } from '../../model/rule.ts';
import { showDuration } from '../../model/units.ts';
import { jsonOf } from '../cel/value.ts';
import { readFor } from './reading.ts';
import type { Instant } from './reading.ts';
import type { KeyRun } from './run.ts';

/** notify.summary with its values as they are now. */
export const summaryFor = (instant: Instant, key: KeyRun): string =>
  instant.run.summary.map((part) => (typeof part === 'string' ? part : shown(readFor(instant, key, part)))).join('');

/** For people: three digits of a number are enough to get up for. */
function shown(value: Value | null): string {
  if (value === null) return 'unknown';
  if (typeof value === 'string') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return String(Number(value.toPrecision(3)));
  if (typeof value === 'object' && 'durationNs' in value) return showDuration(rounded(value.durationNs));
  return jsonOf(value).replaceAll('"', '');
}

function rounded(ns: bigint): bigint {
  const digits = (ns < 0n ? -ns : ns).toString().length;
  const unit = 10n ** BigInt(Math.max(0, digits - 3));
  return (ns / unit) * unit;
}
