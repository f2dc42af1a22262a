import { celFunc, celMethod, CelScalar, objectType } from '@bufbuild/cel';
import type { CelFunc } from '@bufbuild/cel';
import type { Duration } from '@bufbuild/protobuf/wkt';
import { DurationSchema, TimestampSchema } from '@bufbuild/protobuf/wkt';
import { RE2JS } from '@bufbuild/re2';
import { addressText, parseAddress, parsePrefix, prefixOf, prefixText, within } from '../../model/address.ts';
import type { Address, Prefix } from '../../model/address.ts';
import { parseDuration } from '../../model/duration.ts';
import { compareText } from '../../model/order.ts';
import { formatTime } from '../../model/time.ts';
import { readDuration } from '../../model/units.ts';
import { calendarFunctions } from './calendar.ts';
import { durationMessage, isInt64, nsOf, timestampMessage } from './value.ts';

/** Patterns whose compiled form is kept; the checker admits only constant ones, so a rule set has few. */
const patternsMax = 1_000;

const { BOOL, DOUBLE, INT, STRING } = CelScalar;
const duration = objectType(DurationSchema);
const timestamp = objectType(TimestampSchema);

/**
 * What rules.md section 2 adds to CEL's functions, and corrections of the library where it leaves the specification. Addresses and prefixes
 * are their canonical text here: the checker keeps the types apart. A function that throws is a CEL error.
 */
export function ruleFunctions(): readonly CelFunc[] {
  return [...durationFunctions, ...addressFunctions, ...clamps, ...textOrder, ...conversions, ...regexFunctions(), ...calendarFunctions()];
}

/** Rounds to the nearest nanosecond, halves away from zero; what is not finite or beyond int64 is an error. */
function scaled(value: number): Duration {
  const magnitude = Math.round(Math.abs(value));
  if (!Number.isFinite(magnitude)) throw new Error('duration out of range');
  return bounded(BigInt(value < 0 ? -magnitude : magnitude));
}

function bounded(ns: bigint): Duration {
  if (!isInt64(ns)) throw new Error('duration out of range');
  return durationMessage(ns);
}

const toNumber = (message: Duration): number => Number(nsOf(message));

const durationFunctions: readonly CelFunc[] = [
  celFunc('_*_', [DOUBLE, duration], duration, (factor, d) => scaled(factor * toNumber(d.message))),
  celFunc('_*_', [duration, DOUBLE], duration, (d, factor) => scaled(toNumber(d.message) * factor)),
  celFunc('_/_', [duration, DOUBLE], duration, (d, divisor) => scaled(toNumber(d.message) / divisor)),
  celFunc('_/_', [duration, duration], DOUBLE, (a, b) => toNumber(a.message) / toNumber(b.message)),
  celFunc('d', [STRING], duration, (text) => {
    const read = readDuration(text);
    if (!read.ok) throw new Error(read.problem.what);
    return durationMessage(read.value);
  }),
];

const addressFunctions: readonly CelFunc[] = [
  celFunc('ip', [STRING], STRING, (text) => addressText(address(text))),
  celFunc('cidr', [STRING], STRING, (text) => prefixText(prefix(text))),
  celMethod('containsIP', STRING, [STRING], BOOL, function (text) {
    return within(address(text), prefix(this));
  }),
  celMethod('containsCIDR', STRING, [STRING], BOOL, function (text) {
    return within(prefix(text), prefix(this));
  }),
  celFunc('subnet', [STRING, INT, INT], STRING, (text, v4Bits, v6Bits) => {
    const found = address(text);
    const length = Number(found.bits === 32 ? v4Bits : v6Bits);
    if (length < 0 || length > found.bits) throw new Error(`no prefix length: ${length}`);
    return prefixText(prefixOf(found, length));
  }),
];

function address(text: string): Address {
  const found = parseAddress(text);
  if (found === undefined) throw new Error('not an IP address');
  return found;
}

function prefix(text: string): Prefix {
  const found = parsePrefix(text);
  if (found === undefined) throw new Error('not a prefix');
  return found;
}

const clamps: readonly CelFunc[] = [
  celFunc('clamp', [INT, INT, INT], INT, (x, lo, hi) => (x < lo ? lo : x > hi ? hi : x)),
  celFunc('clamp', [DOUBLE, DOUBLE, DOUBLE], DOUBLE, (x, lo, hi) => (x < lo ? lo : x > hi ? hi : x)),
  celFunc('clamp', [duration, duration, duration], duration, (x, lo, hi) =>
    nsOf(x.message) < nsOf(lo.message) ? lo : nsOf(x.message) > nsOf(hi.message) ? hi : x,
  ),
];

/** CEL orders text by code point, JavaScript by UTF-16 unit. */
const textOrder: readonly CelFunc[] = [
  celFunc('_<_', [STRING, STRING], BOOL, (a, b) => compareText(a, b) < 0),
  celFunc('_<=_', [STRING, STRING], BOOL, (a, b) => compareText(a, b) <= 0),
  celFunc('_>_', [STRING, STRING], BOOL, (a, b) => compareText(a, b) > 0),
  celFunc('_>=_', [STRING, STRING], BOOL, (a, b) => compareText(a, b) >= 0),
];

const decimalNumber = /^[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|Inf|Infinity|NaN)$/;

/** The library reads "" as 0 and "0x1f" as 31, takes timestamp(int) for ms, and lets duration("") and duration("1d") differ from Go's. */
const conversions: readonly CelFunc[] = [
  celFunc('int', [STRING], INT, (text) => {
    if (!/^[-+]?\d{1,30}$/.test(text) || !isInt64(BigInt(text))) throw new Error('not an int');
    return BigInt(text);
  }),
  celFunc('double', [STRING], DOUBLE, (text) => {
    if (!decimalNumber.test(text)) throw new Error('not a double');
    return Number(text.replace(/Inf$/, 'Infinity'));
  }),
  celFunc('duration', [STRING], duration, (text) => {
    const ns = text.includes('d') ? null : parseDuration(text);
    if (ns === null) throw new Error('not a duration');
    return durationMessage(ns);
  }),
  celFunc('timestamp', [INT], timestamp, (seconds) => {
    if (seconds < -62_135_596_800n || seconds > 253_402_300_799n) throw new Error('timestamp out of range');
    return timestampMessage(seconds * 1_000_000_000n);
  }),
  celFunc('string', [timestamp], STRING, (t) => formatTime(nsOf(t.message))),
  celFunc('string', [duration], STRING, (d) => `${secondsOf(nsOf(d.message))}s`),
];

function secondsOf(ns: bigint): string {
  const size = ns < 0n ? -ns : ns;
  const fraction = (size % 1_000_000_000n).toString().padStart(9, '0').replace(/0+$/, '');
  return `${ns < 0n ? '-' : ''}${size / 1_000_000_000n}${fraction === '' ? '' : `.${fraction}`}`;
}

/** RE2, unanchored; a pattern is compiled once. */
function regexFunctions(): readonly CelFunc[] {
  const compiled = new Map<string, RE2JS>();
  const matches = (text: string, pattern: string): boolean => {
    const known = compiled.get(pattern) ?? RE2JS.compile(pattern);
    if (compiled.size < patternsMax) compiled.set(pattern, known);
    return known.test(text);
  };
  return [
    celFunc('matches', [STRING, STRING], BOOL, matches),
    celMethod('matches', STRING, [STRING], BOOL, function (pattern) {
      return matches(this, pattern);
    }),
  ];
}
