import type { LoopEvent } from '../core/loop/types.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventView } from './views.ts';

/** Events kept for whoever asks; older ones are in the audit. */
export const eventsMax = 10_000;
const answerMax = 1_000;
const waitersMax = 100;

export type Ring = {
  readonly add: (event: LoopEvent) => void;
  /** Events after `seq`, at most 1,000; waits up to `waitMs` for the first. All of them, if `seq` is of another engine's life. */
  readonly after: (seq: number, waitMs: number) => Promise<readonly EventView[]>;
};

/** The newest events, each with its number. */
export function createRing(clock: Clock): Ring {
  const events: EventView[] = [];
  // Two lives never give the same number, so a reader need not know that another engine answers.
  const first = Math.floor(clock.now()) * 1_000;
  let seq = first;
  const waiters = new Set<() => void>();
  const since = (after: number): readonly EventView[] => events.filter((e) => e.seq > (after > seq ? first : after)).slice(0, answerMax);
  return {
    add: (event) => {
      seq += 1;
      events.push({ seq, ...event });
      if (events.length > 2 * eventsMax) events.splice(0, events.length - eventsMax);
      for (const wake of waiters) wake();
    },
    after: async (after, waitMs) => {
      if ((seq > after && events.length > 0) || after > seq || waitMs === 0 || waiters.size >= waitersMax) return since(after);
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          waiters.delete(wake);
          cancel();
          resolve();
        };
        const cancel = clock.after(waitMs, wake);
        waiters.add(wake);
      });
      return since(after);
    },
  };
}
