import type { Alert } from '../model/alert.ts';
import type { Clock } from '../ports/clock.ts';
import type { Notifier } from '../ports/notifier.ts';

const tellEveryMs = 30_000;
/** An alert that is not given again ends by itself: then the loop stands still, or nobody can be told. */
const endsAfterMs = 4 * tellEveryMs;

export type Heart = {
  /** The loop has finished a turn. */
  readonly beat: () => void;
  /** When it last did, ms since the epoch. */
  readonly lastAt: () => number;
};

/**
 * The dead man's signal: an alert that always fires, as long as the loop turns. It is given by the loop's own tick, not by a timer beside it:
 * whoever watches over it learns of a loop that hangs as of a process that is gone.
 */
export function createHeart(of: { readonly clock: Clock; readonly notifier: Notifier | null; readonly holder: string }): Heart {
  const { clock, notifier, holder } = of;
  const startedAt = clock.now();
  let lastAt = startedAt;
  let toldMs = Number.NEGATIVE_INFINITY;
  return {
    lastAt: () => lastAt,
    beat: () => {
      lastAt = clock.now();
      if (notifier === null || clock.monotonic() - toldMs < tellEveryMs) return;
      toldMs = clock.monotonic();
      notifier.notify(watchdog(holder, startedAt, lastAt + endsAfterMs));
    },
  };
}

const watchdog = (holder: string, startedAt: number, endedAt: number): Alert => ({
  rule: 'Watchdog',
  revision: 0,
  owner: 'flyball',
  severity: 'info',
  key: holder,
  summary: 'the loop turns: this alert always fires',
  why: 'when it does not, the engine is gone or its loop stands still, or alerts do not get through',
  runbook: null,
  startedAt,
  endedAt,
});
