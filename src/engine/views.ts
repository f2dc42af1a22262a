import type { Problem } from '../model/problem.ts';
import type { KeyState, Verdict } from '../model/rule.ts';
import type { Table } from '../model/table.ts';

/** What the engine shows of itself: the bodies of its HTTP API. Times are ms since the epoch, UTC. */

export type DeliveryState = 'none' | 'sent' | 'accepted' | 'rejected' | 'observed';

export type TargetView = {
  readonly name: string;
  readonly kind: string;
  /** Committed by the engine. */
  readonly revision: number;
  /** Last acknowledged by the target. */
  readonly acked: number;
  readonly state: DeliveryState;
  readonly entries: number;
  readonly sees: readonly string[];
  readonly address: string | null;
  /** When its adapter was last heard; null: never since this engine started. */
  readonly heardAt: number | null;
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
  readonly bus: { readonly kind: string; readonly address: string; readonly connected: boolean; readonly dropped: number };
  readonly database: { readonly kind: string; readonly address: string; readonly version: string; readonly up: boolean };
  readonly records: Readonly<Record<string, number>>;
  readonly sources: readonly SourceView[];
  readonly targets: readonly TargetView[];
  readonly rules: readonly RuleView[];
  /** Everything that is not as it should be; empty when all is well. */
  readonly problems: readonly Problem[];
};

export type TableView = { readonly target: string; readonly revision: number; readonly hash: string; readonly entries: Table };

/** One step of a decision's way, as `why` and the timeline show it. */
export type EventView = {
  readonly seq: number;
  readonly at: number;
  readonly kind:
    | 'crossed'
    | 'decided'
    | 'published'
    | 'accepted'
    | 'rejected'
    | 'observed'
    | 'withdrawn'
    | 'cleared'
    | 'shadow'
    | 'refused'
    | 'rule'
    | 'target';
  readonly rule: string | null;
  readonly revision: number | null;
  readonly key: string | null;
  readonly target: string | null;
  readonly text: string;
};

/** The whole chain behind one entry, from what was seen to what it did; `missing` says which links the record does not hold. */
export type WhyView = {
  readonly entry: string;
  readonly inForce: boolean;
  readonly summary: string;
  readonly rule: { readonly name: string; readonly revision: number; readonly line: number; readonly text: string } | null;
  readonly key: string | null;
  readonly decision: { readonly at: number; readonly instant: string; readonly values: Readonly<Record<string, unknown>> } | null;
  readonly placement: { readonly target: string; readonly reason: string } | null;
  readonly diff: {
    readonly at: number;
    readonly target: string;
    readonly revision: number;
    readonly table: number;
    readonly hash: string;
    readonly op: string;
  } | null;
  readonly acknowledgement: { readonly at: number; readonly result: string; readonly instance: string } | null;
  readonly observed: { readonly at: number; readonly afterMs: number; readonly request: Readonly<Record<string, unknown>> } | null;
  readonly ended: { readonly at: number; readonly why: string; readonly revision: number } | null;
  readonly missing: readonly string[];
};

export type RuleRevisionView = {
  readonly name: string;
  readonly revision: number;
  readonly text: string | null;
  readonly author: string;
  readonly reason: string;
  readonly at: number;
};
