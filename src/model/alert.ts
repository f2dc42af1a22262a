/** What people are told when a key of a rule begins to fire, and when it is clear. */
export type Alert = {
  readonly rule: string;
  readonly revision: number;
  readonly owner: string;
  readonly severity: 'page' | 'ticket' | 'info';
  /** Canonical JSON of the key. */
  readonly key: string;
  readonly summary: string;
  readonly why: string;
  readonly runbook: string | null;
  /** ms since the epoch, UTC. */
  readonly startedAt: number;
  /** null: it fires. */
  readonly endedAt: number | null;
};
