import type { LeaderRow } from '../../model/leader.ts';

/** What the row must still be when a new epoch is taken; `beat` null: whatever it is. */
export type Over = { readonly epoch: number; readonly beat: number | null };

/** What went before a term. `ours`: our own term, and nobody else's since; else since when its holder gave no sign of life (own monotonic ms). */
export type Since = 'ours' | { readonly stillMs: number };

export type SteppedDown = 'lapsed' | 'lost' | 'clock';

export type LeaseInput =
  /** Answer to `look`; null: none came. */
  | { readonly kind: 'row'; readonly row: LeaderRow | null }
  /** Answer to `beat`. `lost`: the row is another's, or another epoch's. */
  | { readonly kind: 'beaten'; readonly outcome: 'held' | 'lost' | 'down' }
  /** Answers to `take`: the epoch; or the row, which is not what it was; or none. */
  | { readonly kind: 'taken'; readonly epoch: number }
  | { readonly kind: 'refused'; readonly row: LeaderRow }
  | { readonly kind: 'untaken'; readonly why: 'down' | 'unknown' | 'clock' }
  /** A new epoch, above `floor`, is needed before the next commit. `adopts`: a person accepts the history that the record has. */
  | { readonly kind: 'doubt'; readonly floor: number; readonly adopts: boolean }
  | { readonly kind: 'tick' };

export type LeaseEffect =
  | { readonly kind: 'look' }
  | { readonly kind: 'beat'; readonly epoch: number }
  | { readonly kind: 'take'; readonly over: Over; readonly floor: number; readonly adopts: boolean }
  /** Load what the record holds, then lead in this epoch, until `untilMs` of our monotonic clock. Also when we led before. */
  | { readonly kind: 'lead'; readonly epoch: number; readonly untilMs: number; readonly since: Since }
  | { readonly kind: 'extend'; readonly untilMs: number }
  | { readonly kind: 'step-down'; readonly why: SteppedDown };

/** Owned and changed in place by step(). Times on the own monotonic clock, ms. */
export type Lease = {
  /** Names this engine. */
  readonly holder: string;
  role: 'standby' | 'leader';
  /** The highest that we ever had; 0: none. */
  epoch: number;
  /** Until when we call ourselves leader. */
  untilMs: number;
  /** Whatever stands under our name is ours: at the start, and after a take without answer. */
  claims: boolean;
  /** The row as last seen by a standby, and since when it is so. */
  seen: { readonly row: LeaderRow; readonly sinceMs: number } | null;
  /** Not null: a new epoch is to be taken though we lead. */
  doubt: { readonly floor: number; readonly adopts: boolean } | null;
  reading: boolean;
  writing: { readonly epoch: number; readonly sentMs: number } | null;
  taking: { readonly sentMs: number; readonly since: Since } | null;
  readDueMs: number;
  writeDueMs: number;
  takeDueMs: number;
};

export type LeaseTurn = { readonly lease: Lease; readonly nowMs: number; readonly out: LeaseEffect[] };
