import type { Line } from '../model/record.ts';

export type SourceHealth = {
  readonly live: boolean;
  readonly records: number;
  /** Counted by reason, e.g. {"queue-full": 3}. */
  readonly dropped: Readonly<Record<string, number>>;
};

/** Telemetry up. Lines come batched, at most `recordsPerBatchMax` a call, at most 20 ms old. */
export interface Source {
  readonly start: (emit: (lines: readonly Line[]) => void) => Promise<void>;
  readonly health: () => SourceHealth;
  readonly stop: () => Promise<void>;
}
