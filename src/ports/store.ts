import type { AuditEntry, AuditKind } from '../model/audit.ts';
import type { LeaderRow } from '../model/leader.ts';
import type { Override } from '../model/override.ts';
import type { Problem } from '../model/problem.ts';
import type { Quarantine, RevisionRow, TargetRow } from '../model/revision.ts';

export type { AuditEntry, AuditKind, LeaderRow, RevisionRow, TargetRow };

/** Postgres is the record (protocol.md section 4): rules, table revisions, outbox and audit. */

export type RuleRevision = {
  readonly name: string;
  /** From 1, dense per rule; never edited. */
  readonly revision: number;
  /** The rule.yaml as saved; null: the revision that removed the rule. */
  readonly text: string | null;
  readonly author: string;
  readonly reason: string;
  /** ms since the epoch, UTC. */
  readonly at: number;
};

export type Commit = {
  readonly holder: string;
  readonly epoch: number;
  readonly revisions: readonly RevisionRow[];
  readonly audit: readonly AuditEntry[];
};

export type OutboxRow = { readonly id: number; readonly row: RevisionRow };

export type Loaded = {
  /** The newest revision of each rule, removed ones included. */
  readonly rules: readonly RuleRevision[];
  readonly targets: readonly TargetRow[];
  /** The greatest table number used; 0 if none. */
  readonly table: number;
  readonly unsent: readonly OutboxRow[];
  /** The epoch in which a person accepted this history over a newer one; 0: never. */
  readonly adopted: number;
};

/** What people have put above the tables, and what was lifted of it within `liftedKeepMs`. */
export type Overrides = { readonly active: readonly Override[]; readonly lifted: readonly string[] };
/** A target by the record. */
export type Place = Pick<TargetRow, 'name' | 'revision' | 'hash' | 'epoch'>;

export type Taken =
  | { readonly epoch: number }
  /** The row is not what it was to be: nothing is taken. */
  | { readonly refused: LeaderRow }
  /** `unknown`: it may have been taken. */
  | { readonly failed: 'down' | 'unknown' | 'clock'; readonly problem: Problem };

export interface Store {
  /** What it is, as shown on the screen: {"kind": "embedded" | "external", "address": host:port/database, "version": …}. */
  readonly about: { readonly kind: 'embedded' | 'external'; readonly address: string; readonly version: string };
  /** Who leads, at this moment. */
  readonly leader: () => Promise<LeaderRow>;
  /** One more sign of life. `lost`: the row is another's, or another epoch's. */
  readonly beat: (of: { readonly holder: string; readonly epoch: number; readonly address: string }) => Promise<'held' | 'lost'>;
  /** Gives the lease back, if it is still ours: whoever waits takes it at once. */
  readonly release: (of: { readonly holder: string; readonly epoch: number }) => Promise<void>;
  /**
   * protocol.md section 1: max(stored + 1, nowMs, floor + 1) + draw, if the row is still what the caller saw; `clock` when the clocks
   * disagree by more than skewMaxMs. `adopts`: with it a person accepts the history that is stored.
   */
  readonly takeEpoch: (options: {
    readonly holder: string;
    readonly address: string;
    /** `beat` null: whatever it is by now. */
    readonly over: { readonly epoch: number; readonly beat: number | null };
    readonly floor: number;
    readonly adopts: boolean;
    readonly nowMs: number;
    /** 0 … 63. */
    readonly draw: number;
    readonly skewMaxMs: number;
  }) => Promise<Taken>;
  readonly load: () => Promise<Loaded>;
  /** One transaction: leader check, audit, target rows, revisions, outbox. `stale`: another engine leads, or a base does not fit. `unknown`: the outcome could not be learned. */
  readonly commit: (commit: Commit) => Promise<'committed' | { readonly failed: 'stale' | 'unknown' | 'down'; readonly problem: Problem }>;
  readonly markSent: (ids: readonly number[]) => Promise<void>;
  /** As markSent, for revisions of a commit that was just sent. */
  readonly markRevisionsSent: (rows: readonly Pick<RevisionRow, 'target' | 'revision'>[]) => Promise<void>;
  /** Once for each id; one that is lifted stays lifted. */
  readonly saveOverrides: (overrides: readonly Override[]) => Promise<void>;
  readonly liftOverrides: (ids: readonly string[], atMs: number) => Promise<void>;
  readonly overrides: (nowMs: number) => Promise<Overrides>;
  /** The hash of one revision of a target; null: the record does not have it. */
  readonly revisionHash: (target: string, revision: number) => Promise<string | null>;
  readonly enrol: (target: string) => Promise<TargetRow>;
  /**
   * A new immutable revision with its audit entry; `text: null` removes the rule. An unchanged text makes none and returns the present one.
   * `as`: only while this engine leads in this epoch (rejects with E-STANDBY), or the leader would not know of it.
   */
  readonly saveRule: (save: {
    readonly as?: { readonly holder: string; readonly epoch: number };
    readonly name: string;
    readonly text: string | null;
    readonly author: string;
    readonly reason: string;
    readonly at: number;
  }) => Promise<{ readonly revision: RuleRevision; readonly changed: boolean }>;
  /** Oldest first; `name` null: all rules. */
  readonly ruleHistory: (name: string | null) => Promise<readonly RuleRevision[]>;
  /** Where each target is by the record, without its entries. */
  readonly places: () => Promise<readonly Place[]>;
  /** What the target refuses; null: nothing. Not in an epoch that has ended. */
  readonly quarantine: (of: {
    readonly holder: string;
    readonly epoch: number;
    readonly target: string;
    readonly quarantine: Quarantine | null;
  }) => Promise<void>;
  /** The rows that `target` got, newest first, at most `limit` ≤ 1,000. */
  readonly revisions: (target: string, limit: number) => Promise<readonly RevisionRow[]>;
  readonly append: (audit: readonly AuditEntry[]) => Promise<void>;
  /** Oldest first; any combination of filters; at most `limit` ≤ 10,000 (the newest that many). */
  readonly audit: (filter: {
    readonly entry?: string;
    readonly rule?: string;
    readonly key?: string;
    readonly target?: string;
    readonly kinds?: readonly AuditKind[];
    readonly sinceId?: number;
    readonly limit: number;
  }) => Promise<readonly AuditEntry[]>;
  /** False while the database does not answer; `watch` tells of changes. */
  readonly up: () => boolean;
  readonly watch: (handler: (up: boolean) => void) => () => void;
  readonly close: () => Promise<void>;
}
