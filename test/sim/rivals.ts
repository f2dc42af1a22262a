import { leaderLeaseMs, leaseMarginMs } from '../../src/core/limits.ts';
import { must } from './oracle.ts';

/** Clocks of two engines that run apart by at most this much. */
export const driftMax = 1e-4;

export type Umpire = {
  /** An engine's life sends a head or a snapshot of this epoch. */
  readonly sent: (by: string, epoch: number) => void;
  /** The record took a beat, or a take, that this life asked for at `askedMs`. */
  readonly renewed: (by: string, askedMs: number) => void;
  /** The record gave the lease to `by`; `from` had it, and did not give it back. */
  readonly taken: (by: string, from: string) => void;
  readonly restored: () => void;
};

/** What protocol.md section 4 says of several engines, written apart from the code: it sees the record and what is sent. */
export function createUmpire(now: () => number): Umpire {
  const byEpoch = new Map<string, string>();
  const askedMs = new Map<string, number>();
  let highest = 0;
  let restoredMs = Number.NEGATIVE_INFINITY;
  let lastMs = Number.NEGATIVE_INFINITY;
  const nameOf = (life: string): string => life.split('/')[0] ?? '';
  return {
    sent: (by, epoch) => {
      const other = byEpoch.get(String(epoch));
      must(other === undefined || other === by, `${by} speaks in epoch ${epoch}, which is ${other}'s`);
      byEpoch.set(String(epoch), by);
      const since = now() - (askedMs.get(by) ?? Number.NEGATIVE_INFINITY);
      const most = (leaderLeaseMs - leaseMarginMs) * (1 + driftMax) + 1;
      must(since <= most, `${by} speaks ${since} ms after it asked for the lease that it has`);
      // A record that was restored may name a former leader, who takes it at once: the present one finds out by its next beat.
      must(epoch >= highest || now() - restoredMs < 2 * leaderLeaseMs, `${by} speaks in epoch ${epoch}, though ${highest} was heard`);
      highest = Math.max(highest, epoch);
    },
    renewed: (by, asked) => {
      // Whatever the epoch: in doubt it speaks in the last one that it has loaded, while it has the next.
      askedMs.set(by, Math.max(asked, askedMs.get(by) ?? asked));
      lastMs = now();
    },
    taken: (by, from) => {
      const still = now() - lastMs;
      const isRivals = from !== '' && from !== nameOf(by);
      const least = (leaderLeaseMs + leaseMarginMs) * (1 - driftMax) - 1;
      must(
        !isRivals || restoredMs > lastMs - 2 * leaderLeaseMs || still >= least,
        `${by} takes over ${still} ms after the last beat of ${from}`,
      );
    },
    restored: () => {
      restoredMs = now();
      highest = 0;
    },
  };
}
