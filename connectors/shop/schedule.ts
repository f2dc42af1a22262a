/** Arrivals at an even rate, reached along a straight line over the first `rampMs`: cold processes meet a trickle, not a backlog. */
export type Schedule = { readonly ratePerS: number; readonly rampMs: number };

/** How many arrivals are due by `elapsedMs` after the start; the first, number 0, is due at once. */
export function dueBy({ ratePerS, rampMs }: Schedule, elapsedMs: number): number {
  const perMs = ratePerS / 1_000;
  const area = elapsedMs < rampMs ? (perMs * elapsedMs * elapsedMs) / (2 * rampMs) : perMs * (elapsedMs - rampMs / 2);
  return Math.floor(area) + 1;
}

/** When arrival `n` is due, in ms after the start. */
export function dueAt({ ratePerS, rampMs }: Schedule, n: number): number {
  const perMs = ratePerS / 1_000;
  return n < (perMs * rampMs) / 2 ? Math.sqrt((2 * rampMs * n) / perMs) : n / perMs + rampMs / 2;
}
