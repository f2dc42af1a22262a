import type { AuditEntry } from '../../model/audit.ts';
import type { Inventory } from '../../model/inventory.ts';
import type { Line } from '../../model/record.ts';
import type { Override, OverrideMode } from '../../model/override.ts';
import type { RevisionRow } from '../../model/revision.ts';
import type { Alert } from '../../model/alert.ts';
import type { Entry, Op, Table } from '../../model/table.ts';
import type { TargetInfo } from '../../model/target.ts';
import type { Before, Judge, Resumed } from '../decide/judge.ts';
import type { Intent } from '../decide/types.ts';
import type { Watchlist } from '../observe/observe.ts';
import type { GuardState } from '../plan/plan.ts';
import type { Instant, Lead, LeadEffect, LeadInput } from '../publish/types.ts';
import type { CompiledRule } from '../rule/types.ts';

export type Input =
  /** In the order read; what a recording holds. */
  | { readonly kind: 'line'; readonly line: Line }
  /** A rule is saved, changed or, as the loop starts, read. */
  | { readonly kind: 'rule'; readonly compiled: CompiledRule; readonly resume: readonly Resumed[]; readonly reverted?: Before['reverted'] }
  /** A person lets go on what is latched or was reverted; `key` null: every key of the rule. */
  | { readonly kind: 'resume'; readonly rule: string; readonly key: string | null; readonly author: string; readonly reason: string }
  | { readonly kind: 'removed'; readonly rule: string }
  /** `isNew`: a person has just set it; else it is one that is in the record. */
  | { readonly kind: 'override'; readonly override: Override; readonly isNew: boolean }
  | { readonly kind: 'lift'; readonly ids: readonly string[]; readonly author: string; readonly reason: string }
  | { readonly kind: 'inventory'; readonly inventory: Inventory }
  | Exclude<LeadInput, { readonly kind: 'wanted' | 'override' | 'lift' }>;

/** What a person, the timeline and the traces see of a decision's way. `at` in ms since the epoch with a fraction. */
export type LoopEvent = {
  readonly at: number;
  readonly kind:
    | 'change'
    | 'decided'
    | 'published'
    | 'accepted'
    | 'rejected'
    | 'observed'
    | 'refused'
    | 'shadow'
    | 'rule'
    | 'target'
    | 'behind'
    | 'expected'
    | 'resumed'
    | 'override'
    | 'notify';
  readonly rule: string | null;
  readonly revision: number | null;
  readonly key: string | null;
  readonly target: string | null;
  readonly text: string;
  readonly data: Readonly<Record<string, unknown>>;
};

export type Effect =
  | Exclude<LeadEffect, { readonly kind: 'commit' | 'settled' | 'target' | 'delivery' | 'ended' | 'over' }>
  /** One transaction: these revisions and what led to them; then `committed` or `failed`. */
  | {
      readonly kind: 'commit';
      readonly epoch: number;
      readonly rows: readonly RevisionRow[];
      readonly audit: readonly AuditEntry[];
    }
  | { readonly kind: 'notify'; readonly alert: Alert }
  | { readonly kind: 'audit'; readonly entries: readonly AuditEntry[] }
  | { readonly kind: 'event'; readonly event: LoopEvent };

/** A planned change that is not committed yet. */
export type Decision = { readonly number: number; readonly audit: readonly AuditEntry[] };

/** A rule that a person holds still: planned by these intents, whatever is judged meanwhile. */
export type Frozen = { readonly mode: OverrideMode; readonly compiled: CompiledRule; readonly intents: readonly Intent[] };

/** One revision on its way to a target. */
export type Sent = {
  readonly revision: number;
  readonly hash: string;
  readonly ops: readonly Op[];
  readonly puts: readonly Entry[];
  /** Entries in it by rule: what the timeline counts. */
  readonly counts: Readonly<Record<string, number>>;
};

/** Revisions of one target that wait for an ack; more, and the oldest are forgotten. */
export const sentMax = 256;

/** Owned and changed in place by step(); nothing else writes it. */
export type Loop = {
  readonly judge: Judge;
  readonly lead: Lead;
  readonly rules: Map<string, CompiledRule>;
  /** As the file says. */
  inventory: Inventory;
  /** With what targets announce: what the plan reads. */
  known: Inventory;
  targets: Map<string, TargetInfo>;
  /** What was planned last for each target, committed or on its way there. */
  tables: Map<string, Table>;
  guards: GuardState;
  decisions: Decision[];
  /** The last decision in the commit under way. */
  committing: number;
  sent: Map<string, Sent[]>;
  readonly watchlist: Watchlist;
  /** Why an entry stands where it does, by entry id. */
  reasons: Map<string, string>;
  /** Why a key of a rule ceased to ask, by rule and key; until the next plan. */
  ends: Map<string, string>;
  /** What was refused or lost at the last plan, so that it is told once. */
  told: ReadonlySet<string>;
  /** Rules under an override, as they stood when it came. */
  readonly frozen: Map<string, Frozen>;
  /** What each rule asked for before it last began to ask for something else: what a revert goes back to. */
  readonly asked: Map<string, { readonly now: readonly Intent[]; readonly before: readonly Intent[] | null }>;
  shadow: ReadonlyMap<string, Table>;
  /** Something changed that may change a table. */
  dirty: boolean;
  planDueMs: number;
  wanted: number;
};

export type Turn = {
  readonly loop: Loop;
  readonly now: Instant;
  /** With a fraction. */ readonly wallMs: number;
  readonly out: Effect[];
  readonly audit: AuditEntry[];
};
