const unitNs: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['us', 1_000n],
  ['µs', 1_000n],
  ['μs', 1_000n],
  ['ms', 1_000_000n],
  ['s', 1_000_000_000n],
  ['m', 60_000_000_000n],
  ['h', 3_600_000_000_000n],
  ['d', 86_400_000_000_000n],
]);
const int64Max = 2n ** 63n - 1n;
const textMax = 128;
/** What machines write; a double holds fifteen digits. */
const nanoseconds = /^\d{1,15}ns$/;
const part = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h|d)/y;

/**
 * A duration as text: Go's form ("12.5ms", "1h30m", "-1.5s", "0") and the days of rules.md section 2 ("7d"), in ns.
 * A fraction of a nanosecond is rounded to the nearest, halves away from zero. null: not a duration, or beyond ±2^63 ns (292 years).
 */
export function parseDuration(text: string): bigint | null {
  if (nanoseconds.test(text)) return BigInt(Number(text.slice(0, -2)));
  if (text.length > textMax) return null;
  const negative = text.startsWith('-');
  const body = negative || text.startsWith('+') ? text.slice(1) : text;
  if (body === '0') return 0n;
  if (body === '') return null;
  let scaled = 0n;
  let denominator = 1n;
  for (let at = 0; at < body.length; at = part.lastIndex) {
    part.lastIndex = at;
    const m = part.exec(body);
    if (m === null) return null;
    const [whole = '', fraction = ''] = (m[1] ?? '').split('.');
    const scale = 10n ** BigInt(fraction.length);
    const value = BigInt(`0${whole}${fraction}`) * (unitNs.get(m[2] ?? '') ?? 0n);
    scaled = scaled * scale + value * denominator;
    denominator *= scale;
  }
  const ns = divideRounded(negative ? -scaled : scaled, denominator);
  return ns > int64Max || ns < -int64Max ? null : ns;
}

/** The nearest whole quotient, halves away from zero; `b` > 0. */
export function divideRounded(a: bigint, b: bigint): bigint {
  const magnitude = ((a < 0n ? -a : a) * 2n + b) / (2n * b);
  return a < 0n ? -magnitude : magnitude;
}
