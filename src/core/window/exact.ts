/** A decimal as written, e.g. 0.99 = 99 / 100: what a quantile is must not depend on the nearest double. */
export type Decimal = { readonly numerator: bigint; readonly denominator: bigint };

/** Reads "0.99", ".5", "1", "99e-2"; null for anything else. */
export function readDecimal(text: string): Decimal | null {
  const m = /^(\d*)\.?(\d*)(?:[eE]([+-]?\d{1,3}))?$/.exec(text);
  const [, whole = '', fraction = '', exponent = '0'] = m ?? [];
  if (m === null || whole + fraction === '') return null;
  const power = Number(exponent) - fraction.length;
  const digits = BigInt(whole + fraction);
  return power >= 0
    ? { numerator: digits * 10n ** BigInt(power), denominator: 1n }
    : { numerator: digits, denominator: 10n ** BigInt(-power) };
}

const quickMax = 2n ** 50n;

/** Nearest rank, counted from 1: max(1, ceil(q · n)), never above n (rules.md section 3.6). */
export function nearestRank(q: Decimal, n: number): number {
  const quick = Number(q.numerator) * n;
  // Below 2^50 the quotient of two whole numbers is never rounded onto one that it does not reach.
  if (quick < 2 ** 50 && q.denominator < quickMax) return Math.min(n, Math.max(1, Math.ceil(quick / Number(q.denominator))));
  const product = q.numerator * BigInt(n);
  const rank = Number((product + q.denominator - 1n) / q.denominator);
  return Math.min(n, Math.max(1, rank));
}

/** a / b as the nearest double; `b` > 0. Rounds once even where a or b is beyond 2^53. */
export function ratio(a: bigint, b: bigint): number {
  if (isSafe(a) && isSafe(b)) return Number(a) / Number(b);
  const size = a < 0n ? -a : a;
  // At least 64 significant bits of quotient; a last bit that stands for the rest keeps ties from being rounded twice.
  const shift = BigInt(Math.max(0, 64 + bitsOf(b) - bitsOf(size)));
  const scaled = size << shift;
  const quotient = (scaled / b) | (scaled % b === 0n ? 0n : 1n);
  // In two steps, for 2 ** shift alone may be beyond the greatest double.
  const half = Math.floor(Number(shift) / 2);
  const value = Number(quotient) / 2 ** half / 2 ** (Number(shift) - half);
  return a < 0n ? -value : value;
}

/** √n / d rounded to the nearest whole number, halves away from zero; n ≥ 0, d > 0. */
export function rootOver(n: bigint, d: bigint): bigint {
  return (rootFloor(4n * n) / d + 1n) / 2n;
}

function rootFloor(n: bigint): bigint {
  if (n < 2n) return n;
  let x = 1n << BigInt((bitsOf(n) + 1) >> 1);
  for (let y = (x + n / x) >> 1n; y < x; y = (x + n / x) >> 1n) x = y;
  return x;
}

const isSafe = (value: bigint): boolean => value <= 9007199254740991n && value >= -9007199254740991n;
const bitsOf = (size: bigint): number => size.toString(2).length;
