/**
 * A rule as written, with every default filled in and every scalar typed by rules.md section 2; CEL stays text, with the place it came
 * from, until src/core/cel compiles it.
 */

/** CEL text and where its first character stands in the file (1-based), so that an error in it can point into the file. */
export type CelText = {
  readonly text: string;
  readonly line: number;
  readonly column: number;
  /** True when file columns equal text offsets on a line (plain or quoted without escapes); else errors point at the scalar's start. */
  readonly exact: boolean;
  /**
   * When not exact, where runs of the text (offsets in code points) stand in the file, ascending: a block scalar has one for each line.
   * Left out when the text cannot be found there (escapes).
   */
  readonly runs?: readonly { readonly offset: number; readonly line: number; readonly column: number }[];
};

export type Mode = 'shadow' | 'canary' | 'enforce';

export type Column = {
  /** "destination.instance" for an ATTR, else the column's own name. */
  readonly name: string;
  readonly cel: CelText;
  /** True when written as an attribute path: then key.<path> and, unless the engine cannot know it before the fact, part of the default match. */
  readonly attribute: boolean;
};

export type Num =
  | { readonly kind: 'literal'; readonly value: number }
  /** Read once, when the intent begins. */
  | { readonly kind: 'cel'; readonly cel: CelText }
  /** Read again every so often; null: unbounded on that side. */
  | { readonly kind: 'value'; readonly cel: CelText; readonly min: number | null; readonly max: number | null; readonly everyNs: bigint }
  /** Goes from `from` to `to` in steps, each only while the condition is true. */
  | {
      readonly kind: 'ramp';
      readonly from: number;
      readonly to: number;
      readonly step: number;
      readonly everyNs: bigint;
      readonly while: CelText;
    };

/** Where in the file something stands, 1-based. */
export type Place = { readonly line: number; readonly column: number };

export type RuleAction = { readonly place: Place; readonly match: CelText | null } & (
  | { readonly kind: 'allow' }
  | { readonly kind: 'deny'; readonly percent: Num; readonly status: number; readonly grpcStatus: number }
  | { readonly kind: 'respond'; readonly status: number; readonly body: string; readonly headers: Readonly<Record<string, string>> }
  | {
      readonly kind: 'limit';
      readonly rate: Num;
      readonly unit: 'requests' | 'bytes';
      /** null: rate × 1 s. */
      readonly burst: Num | null;
      readonly per: readonly string[];
      readonly scope: 'local' | 'global';
    }
  | {
      readonly kind: 'split';
      readonly on: 'version' | 'zone' | 'service';
      /** At most one value is 'rest'. */
      readonly weights: Readonly<Record<string, Num | 'rest'>>;
      readonly sticky: string | null;
    }
  | {
      readonly kind: 'avoid';
      readonly on: 'instance' | 'version' | 'zone' | 'region' | 'node';
      readonly value: CelText;
      /** 0 … 100. */
      readonly percent: Num;
    }
  | { readonly kind: 'route'; readonly to: string }
  | { readonly kind: 'mirror'; readonly to: string; readonly percent: Num }
  | {
      readonly kind: 'set';
      readonly set: Readonly<Record<string, string>>;
      readonly remove: readonly string[];
      readonly dscp: number | null;
    }
);

/** A further set of records, with the rule's own fields filled in where it has none. */
export type SelectSet = {
  readonly name: string;
  readonly over: 'rpc' | 'flow' | null;
  readonly where: CelText | null;
  /** Some of the rule's columns, in its order, each perhaps read from another attribute. */
  readonly by: readonly Column[];
  readonly windowNs: bigint;
  /** It reads the window that ended so long before. */
  readonly offsetNs: bigint;
  readonly minimum: Minimum;
};

/** params.NAME: one value for each key, all of one type. */
export type Param = {
  readonly name: string;
  readonly default: Value;
  /** By the text of the first key column. */
  readonly byKey: ReadonlyMap<string, Value>;
};

export type Slo = {
  /** CEL<r>: the record is good. */
  readonly good: CelText;
  /** 0 … 1, or a CEL<a> that says it. */
  readonly objective: number | CelText;
};

export type Variable = { readonly name: string; readonly cel: CelText };

/** At `within` after an intent began, `that` must be true; else it is withdrawn until a person resumes it, or only told of. */
export type Expectation = { readonly withinNs: bigint; readonly that: CelText; readonly else: 'revert' | 'keep' };

/** Told to people when a key begins to fire and when it is clear. */
export type Notify = {
  readonly severity: 'page' | 'ticket' | 'info';
  /** Text, and CEL<a> whose values stand in it. */
  readonly summary: readonly (string | CelText)[];
  readonly runbook: string | null;
};

export type Minimum = { readonly count: number; readonly until: number; readonly peers: number };

export type Guard = {
  /** 0 … 1: the least share of ready instances that must stay eligible. */
  readonly floor: number;
  readonly transitions: { readonly count: number; readonly perNs: bigint } | null;
  readonly keys: number;
  readonly order: CelText | null;
};

/** All durations in ns. */
export type Rule = {
  readonly name: string;
  readonly why: string;
  readonly owner: string;
  /** null only for a standing rule, which has no `when`. */
  readonly over: 'rpc' | 'flow' | null;
  readonly where: CelText | null;
  readonly by: readonly Column[];
  readonly windowNs: bigint;
  readonly everyNs: bigint;
  readonly minimum: Minimum;
  readonly keys: 'seen' | 'inventory';
  readonly select: readonly SelectSet[];
  readonly params: readonly Param[];
  readonly slo: Slo | null;
  /** Each may use those before it. */
  readonly variables: readonly Variable[];
  /** null: a standing intent. */
  readonly when: CelText | null;
  readonly forNs: bigint;
  /** null: !(when), judged with minimum.until. */
  readonly until: CelText | null;
  readonly keepFiringForNs: bigint;
  readonly leaseNs: bigint;
  readonly leaseMaxNs: bigint;
  readonly cooldownNs: bigint;
  /** Once firing, only a person ends it. */
  readonly latch: boolean;
  /** ns since the epoch. */
  readonly expiresNs: bigint | null;
  readonly warmup: 'none' | 'window';
  readonly priority: number;
  /** null: any kind. */
  readonly targets: readonly string[] | null;
  readonly then: readonly RuleAction[];
  readonly guard: Guard;
  readonly expect: Expectation | null;
  readonly notify: Notify | null;
  readonly mode: Mode;
};

/** What a rule says of a key at an instant. */
export type Verdict = 'holds' | 'clear' | 'unknown';
export type KeyState = 'clear' | 'pending' | 'firing' | 'clearing';

/** A value that CEL can hold and a key column can be; durations and timestamps as ns. */
export type Value = string | number | bigint | boolean | { readonly durationNs: bigint } | { readonly timeNs: bigint };
