import { RE2JS } from '@bufbuild/re2';
import { parseAddress, parsePrefix } from '../../model/address.ts';
import { readDuration } from '../../model/units.ts';
import { celPatternMax, celPatternStepsMax } from './bounds.ts';
import { patternSteps } from './pattern.ts';
import { ticked } from './problem.ts';

/** Why a constant argument can never be right. `argument` counts from 0, a receiver left out. */
export type LiteralProblem = { readonly argument: number; readonly what: string; readonly todo: string };

/** A constant argument: the text of a string, the value of an int; null where it is computed. */
export type Literal = string | bigint | null;

/** Checks the constants in a call whose overload is known, so that no rule is saved that can only err. */
export function literalProblem(name: string, args: readonly Literal[]): LiteralProblem | null {
  const [first, second] = args;
  const text = typeof first === 'string' ? first : null;
  switch (name) {
    case 'd':
      return text === null ? null : fromUnit(text);
    case 'duration':
      return text === null || isCelDuration(text)
        ? null
        : at(0, `${ticked(text)} is not a duration`, 'write duration("1h30m") or duration("250ms")');
    case 'timestamp':
      return text === null || isTimestamp(text) ? null : at(0, `${ticked(text)} is not a time`, 'write timestamp("2026-01-31T12:00:00Z")');
    case 'int':
    case 'double':
      return text === null || isNumber(name, text) ? null : at(0, `${ticked(text)} is not a number`, `write ${name}("5")`);
    case 'bool':
      return text === null || /^(?:true|True|TRUE|t|1|false|False|FALSE|f|0)$/.test(text)
        ? null
        : at(0, `${ticked(text)} is not a bool`, 'write true or false');
    case 'ip':
    case 'containsIP':
      return text === null || parseAddress(text) !== undefined
        ? null
        : at(0, `${ticked(text)} is not an IP address`, 'write "10.0.0.1" or "2001:db8::1"');
    case 'cidr':
    case 'containsCIDR':
      return text === null || parsePrefix(text) !== undefined
        ? null
        : at(0, `${ticked(text)} is not a prefix`, 'write "10.0.0.0/8" or "2001:db8::/32"');
    case 'subnet':
      return bits(args[1], 1, 32) ?? bits(args[2], 2, 128);
    case 'matches':
      return patternProblem(args.length === 1 ? { pattern: first, argument: 0 } : { pattern: second, argument: 1 });
    default:
      return name.startsWith('get') && text !== null && !isZone(text)
        ? at(0, `${ticked(text)} is not a time zone`, 'write "Europe/Berlin", "UTC" or "+01:00"')
        : null;
  }
}

const at = (argument: number, what: string, todo: string): LiteralProblem => ({ argument, what, todo });

function fromUnit(text: string): LiteralProblem | null {
  const read = readDuration(text);
  return read.ok ? null : at(0, read.problem.what, read.problem.todo);
}

function bits(value: Literal | undefined, argument: number, most: number): LiteralProblem | null {
  if (typeof value !== 'bigint' || (value >= 0n && value <= BigInt(most))) return null;
  return at(argument, `${value} is no prefix length`, `write 0 to ${most}`);
}

/** Only constants, so that a record can never bring an expensive pattern; RE2 syntax, so that it runs in linear time everywhere. */
function patternProblem({
  pattern,
  argument,
}: {
  readonly pattern: Literal | undefined;
  readonly argument: number;
}): LiteralProblem | null {
  if (typeof pattern !== 'string') return at(argument, 'matches() needs a constant pattern', 'write the pattern as a string');
  if (pattern.length > celPatternMax)
    return at(argument, `the pattern is longer than ${celPatternMax} characters`, 'use startsWith, endsWith or a list');
  try {
    if (patternSteps(pattern, celPatternStepsMax) > celPatternStepsMax)
      return at(
        argument,
        `the pattern's repeats, written out, are more than ${celPatternStepsMax} steps`,
        'repeat less: {64} in {64} is 4,096',
      );
    RE2JS.compile(pattern);
    return null;
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : 'it cannot be compiled';
    return at(argument, `the pattern is not RE2: ${reason}`, 'see RE2 syntax; it has no look-around and no back-references');
  }
}

const celDuration = /^[-+]?(?:0|(?:(?:\d{1,18}(?:\.\d{0,18})?|\.\d{1,18})(?:h|ms|m|s|us|µs|ns))+)$/;
const celDurationSecondsMax = 315_576_000_000;

/** What CEL's duration() reads: Go's syntax, within ±10,000 years. */
function isCelDuration(text: string): boolean {
  if (!celDuration.test(text)) return false;
  const seconds = new Map([['h', 3600], ['m', 60], ['s', 1], ['ms', 1e-3], ['us', 1e-6], ['µs', 1e-6], ['ns', 1e-9]]); // prettier-ignore
  let total = 0;
  for (const [, count, unit = ''] of text.matchAll(/([\d.]+)([a-zµ]+)/g)) total += Number(count) * (seconds.get(unit) ?? NaN);
  return total <= celDurationSecondsMax;
}

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(?:Z|[+-](\d\d):(\d\d))$/;

/** RFC 3339 with a zone, years 1 to 9999, a day that the month has. */
export function isTimestamp(text: string): boolean {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, zoneHour = 0, zoneMinute = 0] =
    rfc3339
      .exec(text)
      ?.slice(1)
      .map((part) => Number(part ?? 0)) ?? [];
  if (year < 1 || month < 1 || month > 12 || day < 1) return false;
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const days = month === 2 ? (leap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;
  return day <= days && hour < 24 && minute < 60 && second < 60 && zoneHour < 24 && zoneMinute < 60;
}

function isNumber(name: string, text: string): boolean {
  if (name === 'double') return /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$|^[-+]?(?:Inf|Infinity|NaN)$/.test(text);
  return /^[-+]?\d{1,19}$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text);
}

/** An IANA name or a fixed offset, as CEL's getters take. */
function isZone(text: string): boolean {
  if (/^[-+]?\d\d:\d\d$/.test(text)) return true;
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{0,60}$/.test(text)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: text });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
