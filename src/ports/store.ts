import type { AuditEntry, AuditKind } from '../model/audit.ts';
import type { Override } from '../model/override.ts';
import type { Problem, Result } from '../model/problem.ts';
import type { RevisionRow, TargetRow } from '../model/revision.ts';

export type { AuditEntry, AuditKind, RevisionRow, TargetRow };

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
};

/** What people have put above the tables, and what was lifted of it within `liftedKeepMs`. */
export type Overrides = { readonly active: readonly Override[]; readonly lifted: readonly string[] };

export interface Store {
  /** What it is, as shown on the screen: {"kind": "embedded" | "external", "address": host:port/database, "version": …}. */
  readonly about: { readonly kind: 'embedded' | 'external'; readonly address: string; readonly version: string };
  /** protocol.md section 1: max(stored + 1, nowMs) + draw; refused when the clocks disagree by more than skewMaxMs. */
  readonly takeEpoch: (options: {
    readonly holder: string;
    readonly nowMs: number;
    /** 0 … 63. */
    readonly draw: number;
    readonly skewMaxMs: number;
  }) => Promise<Result<number>>;
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
  /** A new immutable revision with its audit entry; `text: null` removes the rule. An unchanged text makes none and returns the present one. */
  readonly saveRule: (save: {
    readonly name: string;
    readonly text: string | null;
    readonly author: string;
    readonly reason: string;
    readonly at: number;
  }) => Promise<{ readonly revision: RuleRevision; readonly changed: boolean }>;
  /** Oldest first; `name` null: all rules. */
  readonly ruleHistory: (name: string | null) => Promise<readonly RuleRevision[]>;
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
