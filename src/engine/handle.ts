import type { OverrideMode, OverrideScope } from '../model/override.ts';
import type { Problem, Result } from '../model/problem.ts';
import type { EventView, OverrideView, RuleRevisionView, StatusView, TableView, WhyView } from './views.ts';

export type Saved = { readonly revision: RuleRevisionView; readonly changed: boolean; readonly warnings: readonly Problem[] };

/** What a running engine answers; the HTTP API is this, spelled as routes. */
export interface EngineHandle {
  readonly status: () => StatusView;
  readonly tables: () => readonly TableView[];
  /** Chains for an entry's id (or its first digits), a rule's name, or a target's name: newest first, at most 50. */
  readonly why: (subject: string) => Promise<readonly WhyView[]>;
  readonly rules: () => Promise<readonly RuleRevisionView[]>;
  readonly history: (name: string) => Promise<readonly RuleRevisionView[]>;
  readonly saveRule: (save: {
    readonly text: string;
    readonly file: string;
    readonly author: string;
    readonly reason: string;
  }) => Promise<Result<Saved, readonly Problem[]>>;
  readonly removeRule: (remove: {
    readonly name: string;
    readonly author: string;
    readonly reason: string;
  }) => Promise<Result<Saved, readonly Problem[]>>;
  /** Lets the keys of a rule that are latched or were reverted go on; `key` null: all of them. Answers with their texts; E-RESUME-NONE. */
  readonly resume: (ask: {
    readonly rule: string;
    readonly key: string | null;
    readonly author: string;
    readonly reason: string;
  }) => Result<readonly string[]>;
  /** Freeze, revert or off: on its way at once. Problems: E-OVERRIDE-SCOPE, E-OVERRIDE-TIME. */
  readonly override: (ask: {
    /** 32 hex digits, of the one who asks, who may ask adapters too; null: drawn. */
    readonly id: string | null;
    readonly mode: OverrideMode;
    readonly scope: OverrideScope;
    readonly by: string;
    readonly reason: string;
    /** null: an hour. */
    readonly forMs: number | null;
  }) => Result<OverrideView>;
  readonly overrides: () => readonly OverrideView[];
  /** Committed first, then told. Problems: E-OVERRIDE-NONE, E-DB-DOWN. */
  readonly lift: (ask: {
    readonly ids: readonly string[];
    readonly author: string;
    readonly reason: string;
  }) => Promise<Result<readonly string[]>>;
  /** Events after `seq`, waiting up to `waitMs` ≤ 30,000 for the first; at most 1,000. */
  readonly events: (seq: number, waitMs: number) => Promise<readonly EventView[]>;
}
