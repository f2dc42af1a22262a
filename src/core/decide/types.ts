import type { KeyState, RuleAction, Value, Verdict } from '../../model/rule.ts';

/** A key: its columns in the rule's order. */
export type Key = ReadonlyMap<string, Value>;

/** A change of state or verdict at one instant, as replay prints it. */
export type Change = {
  readonly timeNs: bigint;
  readonly rule: string;
  readonly revision: number;
  readonly key: Key;
  /** Canonical JSON of the key, e.g. {"destination.instance":"c3"}. */
  readonly keyText: string;
  readonly from: KeyState;
  readonly to: KeyState;
  readonly verdict: Verdict;
  readonly verdictBefore: Verdict;
  /** Why the state changed when no condition did: the lease ended, the rule expired. */
  readonly reason: 'lease' | 'expires' | null;
  /** Outermost aggregates of `when`, then `until`, by their text; null: without value. */
  readonly values: ReadonlyMap<string, Value | null>;
};

/** An action whose CEL<a> parts were read when its intent began. Percentages 0 … 100, rates a second. */
export type ResolvedAction = {
  readonly action: RuleAction;
  /** By the same paths as CompiledAction.cel, literals included: "percent", "rate", "burst", "value", "weights.v1". */
  readonly values: ReadonlyMap<string, Value>;
};

/** An intent in force: a key that is firing or clearing. */
export type Intent = {
  readonly rule: string;
  readonly revision: number;
  readonly key: Key;
  readonly keyText: string;
  /** The instant it began to fire. */
  readonly sinceNs: bigint;
  /** Where its lease ends unless renewed; null for a standing rule. */
  readonly leaseEndNs: bigint | null;
  /** Latest known value of guard.order; null without one. */
  readonly order: number | null;
  readonly actions: readonly ResolvedAction[];
  /** What was seen when it began. */
  readonly values: ReadonlyMap<string, Value | null>;
};
