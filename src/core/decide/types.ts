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
  /** Why the state changed when no condition did: the lease ended, the rule expired, a person resumed it. */
  readonly reason: 'lease' | 'expires' | 'resume' | null;
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

/** What a rule has to tell besides changes of state. */
export type News =
  /** What a key asks for is another than before, though its state is the same. */
  | { readonly kind: 'asks'; readonly key: string }
  /** The time of `expect` is over. */
  | { readonly kind: 'expected'; readonly key: string; readonly outcome: 'met' | 'kept' | 'reverted' }
  /** `notify`: a key began to fire, or is clear. */
  | {
      readonly kind: 'notify';
      readonly key: string;
      readonly state: 'firing' | 'resolved';
      readonly sinceNs: bigint;
      readonly summary: string;
    };

/** News with whose they are. */
export type Told = { readonly timeNs: bigint; readonly rule: string; readonly revision: number; readonly news: News };
