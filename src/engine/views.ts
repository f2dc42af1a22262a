import type { Override } from '../model/override.ts';
import type { Problem } from '../model/problem.ts';
import type { KeyState, Verdict } from '../model/rule.ts';
import type { Quarantined } from '../model/revision.ts';
import type { Table } from '../model/table.ts';
import type { LeadView } from './leading.ts';
import type { LoopEvent } from '../core/loop/types.ts';

/** What the engine shows of itself: the bodies of its HTTP API. Times are ms since the epoch, UTC. */

/** `confirmed`: targets that have said they stand under it; of a rule's or an owner's: those that have accepted their newest table. */
export type OverrideView = Override & { readonly confirmed: readonly string[]; readonly unconfirmed: readonly string[] };

export type DeliveryState = 'none' | 'sent' | 'accepted' | 'rejected' | 'observed';

export type TargetView = {
  readonly name: string;
  readonly kind: string;
  /** Committed by the engine. */
  readonly revision: number;
  /** Last acknowledged by the target. */
  readonly acked: number;
  readonly state: DeliveryState;
  /** By an engine that does not lead: 0, whatever stands there; its `tables` say. */
  readonly entries: number;
  readonly sees: readonly string[];
  readonly address: string | null;
  /** When its adapter was last heard; null: never since this engine started. */
  readonly heardAt: number | null;
  /** Entries that it has refused: it gets its tables without them. */
  readonly quarantine: readonly Quarantined[];
  /** Versions of the protocol that its adapter announced; null: it has not. */
  readonly speaks: { readonly min: number; readonly max: number } | null;
};

export type SourceView = {
  readonly name: string;
  readonly state: 'live' | 'stale';
  readonly records: number;
  readonly dropped: number;
  readonly heardAt: number;
};

export type KeyView = { readonly key: string; readonly state: KeyState; readonly verdict: Verdict; readonly sinceAt: number };

export type RuleView = {
  readonly name: string;
  readonly revision: number;
  readonly mode: string;
  readonly owner: string;
  readonly why: string;
  /** Keys that are not clear, at most 100. */
  readonly keys: readonly KeyView[];
  readonly counters: Readonly<Record<string, number>>;
};

export type StatusView = {
  readonly version: string;
  readonly pid: number;
  readonly startedAt: number;
  readonly epoch: number;
  readonly lead: LeadView;
  readonly bus: {
    readonly kind: string;
    readonly address: string;
    readonly connected: boolean;
    readonly dropped: number;
    /** What it keeps (protocol.md section 7): JetStream, or why nothing. */ readonly cache: string;
  };
  readonly database: { readonly kind: string; readonly address: string; readonly version: string; readonly up: boolean };
  readonly records: Readonly<Record<string, number>>;
  /** Where the engine's own traces and metrics go; null: nowhere. */
  readonly telemetry: string | null;
  readonly sources: readonly SourceView[];
  readonly targets: readonly TargetView[];
  readonly rules: readonly RuleView[];
  readonly overrides: readonly OverrideView[];
  /** Everything that is not as it should be; empty when all is well. */
  readonly problems: readonly Problem[];
};

export type { LeadView } from './leading.ts';

export type TableView = { readonly target: string; readonly revision: number; readonly hash: string; readonly entries: Table };

/** One step of a decision's way, as the timeline shows it; `seq` rises by one within one engine process, from the time it started at in µs. */
export type EventView = LoopEvent & { readonly seq: number };

export type { Why as WhyView } from '../core/audit/why.ts';

export type RuleRevisionView = {
  readonly name: string;
  readonly revision: number;
  readonly text: string | null;
  readonly author: string;
  readonly reason: string;
  readonly at: number;
};
