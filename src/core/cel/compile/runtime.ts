import { compareText } from '../../../model/order.ts';
import { isInt64 } from '../value.ts';
import type { Raw } from './code.ts';

/** Thrown by running code where numbers stop being exact: the record is then judged by the plain evaluator. */
export const inexact: Error = new Error('an int beyond 2^53');

const timeMinNs = -62_135_596_800_000_000_000n;
const timeMaxNs = 253_402_300_799_999_999_999n;

/** What emitted code calls. */
export const runtime = {
  compareText,
  /** An int that a number holds exactly; never -0. */
  whole: (x: number): number => {
    if (x > Number.MAX_SAFE_INTEGER || x < -Number.MAX_SAFE_INTEGER) throw inexact;
    return x + 0;
  },
  /** Truncating division of ints (CEL specification, overloads divide_int64 and modulo_int64). */
  divide: (a: number, b: number): number | undefined => (b === 0 ? undefined : (a - (a % b)) / b + 0),
  modulo: (a: number, b: number): number | undefined => (b === 0 ? undefined : (a % b) + 0),
  duration: (ns: bigint): bigint | undefined => (isInt64(ns) ? ns : undefined),
  time: (ns: bigint): bigint | undefined => (ns < timeMinNs || ns > timeMaxNs ? undefined : ns),
  /** double(int) rounds beyond 2^53, int(double) leaves the safe range: both are for the plain evaluator. */
  truncate: (x: number): number | undefined => {
    if (Number.isNaN(x) || Math.abs(x) > 2 ** 63) return undefined;
    return runtime.whole(Math.trunc(x));
  },
  /** A double that is a value: no NaN, and one zero. */
  plain: (x: number | undefined): number | undefined => (x === undefined || Number.isNaN(x) ? undefined : x + 0),
  /** A bigint as a number where that is exact. */
  whenExact: (x: bigint | undefined): number | bigint | undefined => {
    if (x === undefined) return undefined;
    const number = Number(x);
    return Number.isSafeInteger(number) ? number : x;
  },
  /** An int64 as a number. */
  number: (x: bigint | undefined): number | undefined => (x === undefined ? undefined : runtime.whole(Number(x))),
  /** Code points. */
  size: (text: string): number => {
    let n = text.length;
    // Most text has no surrogates, which the regular expression finds three times as fast.
    if (n > 8 && !surrogate.test(text)) return n;
    for (let i = 1; i < text.length; i++) {
      if (isLow(text.charCodeAt(i)) && isHigh(text.charCodeAt(i - 1))) {
        n--;
        i++;
      }
    }
    return n;
  },
  clamp: <T extends number | bigint>(x: T, lo: T, hi: T): T => (x < lo ? lo : x > hi ? hi : x),
  equal,
  /** A value among others by CEL's equality. */
  among: (list: readonly Raw[], value: Raw): boolean => list.some((element) => equal(element, value)),
  /** A list or map literal, undefined when a part of it is. */
  list: (elements: readonly (Raw | undefined)[]): readonly Raw[] | undefined =>
    elements.includes(undefined) ? undefined : (elements as readonly Raw[]),
  map: (entries: readonly (readonly [Raw | undefined, Raw | undefined])[]): ReadonlyMap<Raw, Raw> | undefined => {
    const map = new Map<Raw, Raw>();
    for (const [key, value] of entries) {
      if (key === undefined || value === undefined || map.has(key)) return undefined;
      map.set(key, value);
    }
    return map;
  },
  /** Calls what may refuse its arguments by throwing; our own bail-out is no refusal. */
  attempt: <T>(run: () => T): T | undefined => {
    try {
      return run();
    } catch (error) {
      if (error === inexact) throw error;
      return undefined;
    }
  },
};

const surrogate = /[\ud800-\udbff]/;
const isHigh = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;
const isLow = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff;

function equal(a: Raw, b: Raw): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((x: Raw, i) => equal(x, b[i] as Raw));
  if (!(a instanceof Map) || !(b instanceof Map) || a.size !== b.size) return false;
  for (const [key, value] of a as ReadonlyMap<Raw, Raw>) {
    const other = (b as ReadonlyMap<Raw, Raw>).get(key);
    if (other === undefined || !equal(value, other)) return false;
  }
  return true;
}
