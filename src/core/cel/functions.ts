import { celFunc, celMethod, CelScalar, objectType } from '@bufbuild/cel';
import type { CelFunc } from '@bufbuild/cel';
import type { Duration } from '@bufbuild/protobuf/wkt';
import { DurationSchema, TimestampSchema } from '@bufbuild/protobuf/wkt';
import { RE2JS } from '@bufbuild/re2';
import { compareText } from '../../model/order.ts';
import { formatTime } from '../../model/time.ts';
import { calendarFunctions } from './calendar.ts';
import * as library from './library.ts';
import { durationMessage, nsOf, timestampMessage } from './value.ts';

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

/** The value, or CEL's error: a function that throws is one. */
function sure<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the arguments have no result');
  return value;
}

const span = (ns: bigint | undefined): Duration => durationMessage(sure(ns));
const toNumber = (message: Duration): number => Number(nsOf(message));

const durationFunctions: readonly CelFunc[] = [
  celFunc('_*_', [DOUBLE, duration], duration, (factor, d) => span(library.scaled(factor * toNumber(d.message)))),
  celFunc('_*_', [duration, DOUBLE], duration, (d, factor) => span(library.scaled(toNumber(d.message) * factor))),
  celFunc('_/_', [duration, DOUBLE], duration, (d, divisor) => span(library.scaled(toNumber(d.message) / divisor))),
  celFunc('_/_', [duration, duration], DOUBLE, (a, b) => toNumber(a.message) / toNumber(b.message)),
  celFunc('d', [STRING], duration, (text) => span(library.quantity(text))),
];

const addressFunctions: readonly CelFunc[] = [
  celFunc('ip', [STRING], STRING, (text) => sure(library.ip(text))),
  celFunc('cidr', [STRING], STRING, (text) => sure(library.cidr(text))),
  celMethod('containsIP', STRING, [STRING], BOOL, function (text) {
    return sure(library.containsAddress(this, text));
  }),
  celMethod('containsCIDR', STRING, [STRING], BOOL, function (text) {
    return sure(library.containsPrefix(this, text));
  }),
  celFunc('subnet', [STRING, INT, INT], STRING, (text, v4Bits, v6Bits) => sure(library.subnet(text, Number(v4Bits), Number(v6Bits)))),
];

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

/** The library reads "" as 0 and "0x1f" as 31, takes timestamp(int) for ms, and lets duration("") and duration("1d") differ from Go's. */
const conversions: readonly CelFunc[] = [
  celFunc('int', [STRING], INT, (text) => sure(library.intFrom(text))),
  celFunc('double', [STRING], DOUBLE, (text) => sure(library.doubleFrom(text))),
  celFunc('duration', [STRING], duration, (text) => span(library.durationFrom(text))),
  celFunc('timestamp', [INT], timestamp, (seconds) => timestampMessage(sure(library.timeFromSeconds(seconds)))),
  celFunc('string', [timestamp], STRING, (t) => formatTime(nsOf(t.message))),
  celFunc('string', [duration], STRING, (d) => library.durationText(nsOf(d.message))),
];

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
