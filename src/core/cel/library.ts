import { addressText, parseAddress, parsePrefix, prefixOf, prefixText, within } from '../../model/address.ts';
import { parseDuration } from '../../model/duration.ts';
import { parseTime } from '../../model/time.ts';
import { readDuration } from '../../model/units.ts';
import { isInt64 } from './value.ts';

/**
 * The functions of rules.md section 2 and CEL's conversions, on plain values: durations and times are ns, addresses and prefixes their
 * canonical text. undefined is CEL's error.
 */

/** A computed duration: to the nearest ns, halves away from zero; what is not finite or beyond int64 is an error. */
export function scaled(ns: number): bigint | undefined {
  const magnitude = Math.round(Math.abs(ns));
  if (!Number.isFinite(magnitude)) return undefined;
  const whole = BigInt(ns < 0 ? -magnitude : magnitude);
  return isInt64(whole) ? whole : undefined;
}

/** d("7d"). */
export function quantity(text: string): bigint | undefined {
  const read = readDuration(text);
  return read.ok ? read.value : undefined;
}

/** duration("1h30m"): Go's syntax, which has no days. */
export const durationFrom = (text: string): bigint | undefined => (text.includes('d') ? undefined : (parseDuration(text) ?? undefined));

/** timestamp(int): seconds since 1970. */
export const timeFromSeconds = (seconds: bigint): bigint | undefined =>
  seconds < -62_135_596_800n || seconds > 253_402_300_799n ? undefined : seconds * 1_000_000_000n;

export const timeFrom = (text: string): bigint | undefined => parseTime(text) ?? undefined;

/** string(duration): seconds, as many digits as it takes. */
export function durationText(ns: bigint): string {
  const size = ns < 0n ? -ns : ns;
  const fraction = (size % 1_000_000_000n).toString().padStart(9, '0').replace(/0+$/, '');
  return `${ns < 0n ? '-' : ''}${size / 1_000_000_000n}${fraction === '' ? '' : `.${fraction}`}s`;
}

export const intFrom = (text: string): bigint | undefined =>
  /^[-+]?\d{1,30}$/.test(text) && isInt64(BigInt(text)) ? BigInt(text) : undefined;

const decimalNumber = /^[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|Inf|Infinity|NaN)$/;

export const doubleFrom = (text: string): number | undefined =>
  decimalNumber.test(text) ? Number(text.replace(/Inf$/, 'Infinity')) : undefined;

const yes: readonly string[] = ['true', 'True', 'TRUE', 't', '1'];
const no: readonly string[] = ['false', 'False', 'FALSE', 'f', '0'];
export const boolFrom = (text: string): boolean | undefined => (yes.includes(text) ? true : no.includes(text) ? false : undefined);

export function ip(text: string): string | undefined {
  const found = parseAddress(text);
  return found === undefined ? undefined : addressText(found);
}

export function cidr(text: string): string | undefined {
  const found = parsePrefix(text);
  return found === undefined ? undefined : prefixText(found);
}

export function containsAddress(outer: string, inner: string): boolean | undefined {
  const [address, prefix] = [parseAddress(inner), parsePrefix(outer)];
  return address === undefined || prefix === undefined ? undefined : within(address, prefix);
}

export function containsPrefix(outer: string, inner: string): boolean | undefined {
  const [part, whole] = [parsePrefix(inner), parsePrefix(outer)];
  return part === undefined || whole === undefined ? undefined : within(part, whole);
}

/** The network around an address, with its length by family. */
export function subnet(text: string, v4Bits: number, v6Bits: number): string | undefined {
  const found = parseAddress(text);
  const length = found?.bits === 32 ? v4Bits : v6Bits;
  return found === undefined || length < 0 || length > found.bits ? undefined : prefixText(prefixOf(found, length));
}
