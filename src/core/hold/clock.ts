import { roundTripMaxMs, skewMaxMs } from '../limits.ts';

/** Engine time = own monotonic clock + `theta` (protocol.md section 5.8). `contact`: an answer to a nonce has set it. */
export type EngineClock = { readonly theta: number; readonly contact: boolean };

export type Reading = {
  readonly issued: number;
  /** Monotonic ms at receipt. */
  readonly atMs: number;
  /** For an answer to our own nonce: from asking to receipt, in ms. Only such a message is known to be fresh. */
  readonly roundTripMs: number | null;
};

/** Before first contact: the wall clock, not below the last engine time on disk. */
export const startClock = (wallMs: number, monoMs: number, lastMs: number): EngineClock => ({
  theta: Math.max(wallMs, lastMs) - monoMs,
  contact: false,
});

/** ms since the epoch, UTC, an integer. */
export const engineTime = (clock: EngineClock, monoMs: number): number => Math.floor(monoMs + clock.theta);

/**
 * Follows one verified message: theta is the greatest (issued − monotonic at receipt), lowered only by an answer that took ≤ 1 s. A step
 * over `skewMaxMs` is ignored, except by the first fresh answer: until then theta was only the wall clock's guess.
 * @returns `skewed`: how far off the message was, in ms, when it was ignored or came as a surprise; else null.
 */
export function readTime(
  clock: EngineClock,
  { issued, atMs, roundTripMs }: Reading,
): { readonly clock: EngineClock; readonly skewed: number | null } {
  const measured = issued - atMs;
  const by = measured - clock.theta;
  const far = Math.abs(by) > skewMaxMs;
  const quick = roundTripMs !== null && roundTripMs <= roundTripMaxMs;
  if (!clock.contact) {
    if (quick) return { clock: { theta: measured, contact: true }, skewed: far ? by : null };
    // Late or not, an answer to our nonce was issued after we asked: engine time cannot be less.
    const raise = by > 0 && (roundTripMs !== null || !far);
    return { clock: raise ? { theta: measured, contact: false } : clock, skewed: null };
  }
  if (by > 0) return far ? { clock, skewed: by } : { clock: { theta: measured, contact: true }, skewed: null };
  if (!quick) return { clock, skewed: null };
  return far ? { clock, skewed: by } : { clock: { theta: measured, contact: true }, skewed: null };
}
