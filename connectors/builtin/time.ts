/** A clock's ms, with a fraction, as ns. In two steps: ns since the epoch are beyond what a double holds exactly. */
export function nanoseconds(ms: number): bigint {
  const ns = ms * 1e6;
  if (ns < Number.MAX_SAFE_INTEGER) return BigInt(Math.round(ns));
  const whole = Math.floor(ms);
  return BigInt(whole) * 1_000_000n + BigInt(Math.round((ms - whole) * 1e6));
}
