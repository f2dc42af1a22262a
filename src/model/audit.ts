/** One line of the record of what was decided and done (design.md section 8). */
export type AuditKind =
  'engine' | 'rule' | 'verdict' | 'intent' | 'guard' | 'plan' | 'diff' | 'delivery' | 'ack' | 'observed' | 'effect' | 'target' | 'operator';

export type AuditEntry = {
  /** Total order; 0 until stored. */
  readonly id: number;
  /** ms since the epoch, UTC, with a fraction. */
  readonly at: number;
  readonly kind: AuditKind;
  readonly target: string | null;
  readonly rule: string | null;
  readonly revision: number | null;
  readonly key: string | null;
  /** Ids of the entries it is about. */
  readonly entries: readonly string[];
  /** JSON, at most 64 KiB. */
  readonly body: Readonly<Record<string, unknown>>;
};
