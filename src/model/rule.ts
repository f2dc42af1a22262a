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

export type Num = { readonly kind: 'literal'; readonly value: number } | { readonly kind: 'cel'; readonly cel: CelText };

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
  /** null: a standing intent. */
  readonly when: CelText | null;
  readonly forNs: bigint;
  /** null: !(when), judged with minimum.until. */
  readonly until: CelText | null;
  readonly keepFiringForNs: bigint;
  readonly leaseNs: bigint;
  readonly leaseMaxNs: bigint;
  readonly cooldownNs: bigint;
  /** ns since the epoch. */
  readonly expiresNs: bigint | null;
  readonly warmup: 'none' | 'window';
  readonly priority: number;
  /** null: any kind. */
  readonly targets: readonly string[] | null;
  readonly then: readonly RuleAction[];
  readonly guard: Guard;
  readonly mode: Mode;
};

/** What a rule says of a key at an instant. */
export type Verdict = 'holds' | 'clear' | 'unknown';
export type KeyState = 'clear' | 'pending' | 'firing' | 'clearing';

/** A value that CEL can hold and a key column can be; durations and timestamps as ns. */
export type Value = string | number | bigint | boolean | { readonly durationNs: bigint } | { readonly timeNs: bigint };
