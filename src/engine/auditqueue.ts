import type { AuditEntry } from '../model/audit.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store } from '../ports/store.ts';

/** Entries kept while the database is away; then the newest are dropped and counted. What a commit needs goes with the commit, not here. */
export const auditQueueMax = 50_000;
const batchMax = 1_000;
const retryMs = 500;

export type AuditQueue = {
  readonly add: (entries: readonly AuditEntry[]) => void;
  readonly dropped: () => number;
  /** Writes what is left, once; what cannot be written then is said. */
  readonly stop: () => Promise<void>;
};

/** Writes acknowledgements, observations and verdicts behind the loop's back, in order. */
export function createAuditQueue({
  store,
  clock,
  say,
}: {
  readonly store: Store;
  readonly clock: Clock;
  readonly say: (line: string) => void;
}): AuditQueue {
  let queue: AuditEntry[] = [];
  let dropped = 0;
  let writing: Promise<void> | null = null;
  let stopped = false;

  const write = async (): Promise<void> => {
    while (queue.length > 0) {
      const batch = queue.slice(0, batchMax);
      try {
        await store.append(batch);
        queue = queue.slice(batch.length);
      } catch (error) {
        if (stopped) return say(`${queue.length} audit entries are lost: ${error instanceof Error ? error.message : String(error)}`);
        await new Promise<void>((resolve) => clock.after(retryMs, resolve));
      }
    }
  };
  const start = (): void => {
    writing ??= write().finally(() => {
      writing = null;
    });
  };
  return {
    add: (entries) => {
      const room = auditQueueMax - queue.length;
      queue.push(...entries.slice(0, Math.max(0, room)));
      dropped += Math.max(0, entries.length - room);
      start();
    },
    dropped: () => dropped,
    stop: async () => {
      stopped = true;
      start();
      await writing;
    },
  };
}
