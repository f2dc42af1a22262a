/**
 * The table: what is in force, as one list of entries in normal form (design.md section 3). Everything here is JSON whose numbers are
 * safe integers (protocol.md section 2): shares in parts per million, times in ms, rates in thousandths.
 */

export type Stage = 'admit' | 'police' | 'steer' | 'edit';
export const stages: readonly Stage[] = ['admit', 'police', 'steer', 'edit'];

export type Scalar = string | number | boolean;

/** What one attribute must be. Only `present: false` holds for an absent attribute. Lists are sorted and without repeats. */
export type Test =
  | { readonly present: boolean }
  | { readonly in: readonly Scalar[] }
  | { readonly notIn: readonly Scalar[] }
  /** Integers, both ends included. */
  | { readonly range: readonly [number, number] }
  /** An address inside (or, with `not`, outside) a canonical prefix, e.g. "10.0.0.0/8". */
  | { readonly cidr: string; readonly not?: true }
  | { readonly prefix: string; readonly not?: true }
  | { readonly suffix: string; readonly not?: true }
  | { readonly contains: string; readonly not?: true }
  /** RE2 syntax, unanchored, as CEL's matches(). */
  | { readonly regex: string; readonly not?: true };

/**
 * One conjunction. Keys are attribute paths ("destination.service", 'request.headers["x-tenant"]'), in code point order; every test of
 * every key must hold. {} matches everything.
 */
export type Match = Readonly<Record<string, readonly Test[]>>;

/** What a share is taken over. */
export type Group = 'instance' | 'version' | 'zone' | 'region' | 'node' | 'service';

export type Action =
  | { readonly kind: 'allow' }
  | { readonly kind: 'deny'; readonly ppm: number; readonly status: number; readonly grpcStatus: number }
  | { readonly kind: 'respond'; readonly status: number; readonly body: string; readonly headers: Readonly<Record<string, string>> }
  | {
      readonly kind: 'limit';
      /** Thousandths of a token (request, byte) a second. */
      readonly rateMilli: number;
      readonly burst: number;
      readonly unit: 'requests' | 'bytes';
      readonly per: readonly string[];
      readonly scope: 'local' | 'global';
    }
  | {
      readonly kind: 'split';
      readonly on: 'version' | 'zone' | 'service';
      /** Shares that sum to 1,000,000. */
      readonly ppm: Readonly<Record<string, number>>;
      readonly sticky: string | null;
    }
  | { readonly kind: 'route'; readonly to: string }
  /** Takes `ppm` of its share of traffic away from each instance whose `on` is `value`; void while fewer than `floorPpm` of the ready instances would stay. */
  | {
      readonly kind: 'avoid';
      readonly on: Exclude<Group, 'service'>;
      readonly value: string;
      readonly ppm: number;
      readonly floorPpm: number;
    }
  | { readonly kind: 'mirror'; readonly to: string; readonly ppm: number }
  | {
      readonly kind: 'set';
      readonly set: Readonly<Record<string, string>>;
      readonly remove: readonly string[];
      readonly dscp: number | null;
    };

export type ActionKind = Action['kind'];

export const stageOf: Readonly<Record<ActionKind, Stage>> = {
  allow: 'admit',
  deny: 'admit',
  respond: 'admit',
  limit: 'police',
  split: 'steer',
  route: 'steer',
  avoid: 'steer',
  mirror: 'steer',
  set: 'edit',
};

export type Owner = {
  readonly rule: string;
  readonly revision: number;
  /** The key's columns as canonical JSON, e.g. {"destination.instance":"c3"}; "{}" for a standing rule. */
  readonly key: string;
};

export type Entry = {
  /** 32 hex digits of a SHA-256 over everything but `until`: the same intent gives the same id, renewed or not. */
  readonly id: string;
  readonly stage: Stage;
  /** 0 … 1000, higher wins. */
  readonly priority: number;
  readonly match: Match;
  readonly action: Action;
  readonly owner: Owner;
  /** Index of the action in the rule's `then`. Entries equal in owner and part are alternatives of one action: one bucket, one draw. */
  readonly part: number;
  /** Engine time in ms, UTC, at which it ends by itself; null = standing. */
  readonly until: number | null;
};

/** Entries ordered by id, each id once. */
export type Table = readonly Entry[];

/** The tag that an enforcing engine puts on what an entry touched. */
export const tagOf = (owner: Owner): string => `${owner.rule}@${owner.revision}`;

/** At most one operation an entry, ids ascending (protocol.md section 2). */
export type Op =
  | { readonly op: 'put'; readonly id: string; readonly entry: Entry }
  | { readonly op: 'renew'; readonly id: string; readonly until: number | null }
  | { readonly op: 'drop'; readonly id: string };
