import type { Problem } from '../model/problem.ts';
import type { RevisionRow } from '../model/revision.ts';

/** One step of a decision's way, as the loop tells it (LoopEvent in src/core/loop/types.ts is one). `at` in ms since the epoch, UTC. */
export type LoopStep = {
  readonly at: number;
  readonly kind: string;
  readonly rule: string | null;
  readonly revision: number | null;
  readonly key: string | null;
  readonly target: string | null;
  readonly text: string;
  readonly data: Readonly<Record<string, unknown>>;
};

/** What is only read when somebody asks: counts since the engine started. */
export type Readings = {
  /** When the loop last finished a turn, ms since the epoch. Stands still when the loop does. */
  readonly aliveAt: number;
  /** What was given up, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Records taken in, by the target that reported them. */
  readonly records: Readonly<Record<string, number>>;
  readonly targets: readonly { readonly name: string; readonly revision: number; readonly acked: number }[];
};

/** What the engine tells of itself to whoever watches it. Nothing here waits, and nothing here throws. */
export interface Telemetry {
  /** Where it goes, without credentials, as shown on the screen: "traces, metrics to http://collector:4318". */
  readonly about: string;
  readonly event: (step: LoopStep) => void;
  /** These revisions are about to be committed. */
  readonly planned: (rows: readonly Pick<RevisionRow, 'target' | 'revision' | 'entries'>[], at: number) => void;
  /** Where the gauges and counters read; asked at each export, at most once. */
  readonly observe: (read: () => Readings) => void;
  /** What is wrong with the export now; null: nothing. */
  readonly problem: () => Problem | null;
  /** Sends what is left, for at most a second. */
  readonly stop: () => Promise<void>;
}
