import { announceMaxMs, announceMinMs } from '../limits.ts';
import type { Ask, Hold } from './types.ts';

export const noAsk: Ask = { nonce: null, sentMs: Number.NEGATIVE_INFINITY, attempt: 0, dueMs: null };

/**
 * Wants a snapshot; goes on asking until one comes. Nothing when that is so already.
 * @param spreadMs up to so much later, drawn: where many adapters want one at the same moment.
 */
export function want(hold: Hold, nowMs: number, spreadMs = 0): void {
  // What is asked for is on its way in parts.
  if (hold.ask.dueMs !== null || hold.parts.answer !== null) return;
  const spread = spreadMs === 0 ? 0 : hold.options.draw.integer(spreadMs);
  hold.ask = { ...hold.ask, attempt: 0, dueMs: Math.max(nowMs + spread, hold.ask.sentMs + announceMinMs) };
}

/** Forgets how often it asked: the bus was away, so nobody has heard. */
export function wantAnew(hold: Hold, nowMs: number, spreadMs: number): void {
  hold.ask = { ...hold.ask, dueMs: null };
  want(hold, nowMs, spreadMs);
}

/** The snapshot came; its nonce is used up. */
export function answered(hold: Hold): void {
  hold.ask = { ...hold.ask, nonce: null, attempt: 0, dueMs: null };
}

/** True when an announce with a new nonce is to go out now; then `hold.ask.nonce` is that one, the one before is void. */
export function askDue(hold: Hold, nowMs: number): boolean {
  if (hold.ask.dueMs === null || nowMs < hold.ask.dueMs) return false;
  const { attempt } = hold.ask;
  const backoff = Math.min(announceMaxMs, announceMinMs * 2 ** Math.min(attempt, 10));
  // Half of it is drawn, so that many adapters do not ask in step; never under the least.
  const wait = Math.max(announceMinMs, Math.ceil(backoff / 2) + hold.options.draw.integer(Math.ceil(backoff / 2) + 1));
  hold.ask = { nonce: hold.options.draw.hex(16), sentMs: nowMs, attempt: attempt + 1, dueMs: nowMs + wait };
  return true;
}
