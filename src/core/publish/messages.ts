import { fail, ok } from '../../model/problem.ts';
import type { Override } from '../../model/override.ts';
import type { Result } from '../../model/problem.ts';
import type { Op, Table } from '../../model/table.ts';
import type { Capabilities, Sees } from '../../model/target.ts';
import type { SignedKind } from './subjects.ts';
import { shapes } from './shapes.ts';
import type { ackResults } from './shapes.ts';

/** The messages of protocol.md section 3. Times are ms since the epoch, UTC, integers; hashes 64 hex digits. */
type Common = { readonly v: 1; readonly target: string; /** The sender's engine time. */ readonly at: number };

/** One life of one adapter process: `boot` rises at every start. */
export type Instance = { readonly adapter: string; readonly boot: number };

/** Which adapter process may write; `n` counts within the epoch. */
export type Grant = { readonly epoch: number; readonly n: number; readonly instance: Instance };

/** A signed message of the engine, word for word: shows what an adapter holds. */
export type Proof = {
  readonly kind: 'diff' | 'head' | 'snapshot';
  readonly key: string;
  readonly signature: string;
  /** The signed bytes, which are canonical JSON, as text. */
  readonly payload: string;
};

/** Overrides of the target and ids of lifted ones. Key sets are not built yet; their field is, so that the format stays. */
type Above = { readonly overrides: readonly Override[]; readonly lifted: readonly string[]; readonly keySet: object | null };

export type Diff = Common & {
  readonly epoch: number;
  readonly revision: number;
  /** Number of the global table it renders. */
  readonly table: number;
  readonly base: number;
  readonly baseHash: string;
  readonly ops: readonly Op[];
  /** Of the table after it. */
  readonly hash: string;
  readonly issued: number;
};

export type Head = Common &
  Above & {
    /** Of the present term, also when the revision is an older term's. */
    readonly epoch: number;
    readonly revision: number;
    readonly hash: string;
    readonly issued: number;
    readonly grant: Grant | null;
  };

/** `part` 0 of `parts` is signed; with more parts it holds their hashes in `hashes` and no entries. */
export type Snapshot = Common &
  Above & {
    readonly nonce: string;
    readonly instance: Instance;
    readonly grant: Grant;
    readonly epoch: number;
    readonly revision: number;
    readonly hash: string;
    readonly issued: number;
    readonly entries: Table;
    readonly part: number;
    readonly parts: number;
    readonly hashes: readonly string[];
  };

export type Closed = Common & { readonly instance: Instance };

/** A new override, from any engine, without epoch; `target` may be `all`. Too old, or lifted, and it is nothing. */
export type OverrideMessage = Common & { readonly override: Override };

/** From the leader, after its commit. */
export type Lift = Common & { readonly epoch: number; readonly lifted: readonly string[] };

/** The adapter's view of engine time; `contact`: an answer to a nonce has set it. */
export type ClockView = { readonly time: number; readonly contact: boolean };

type FromAdapter = Common & {
  readonly instance: Instance;
  /** Shows the revision and hash held; null when nothing is, or when the proof is too long and the next head will replace it. */
  readonly held: Proof | null;
  /** Active at the target, whoever set them. */
  readonly overrides: readonly Override[];
  readonly clock: ClockView;
  /** Messages refused since this instance started, counted by reason. */
  readonly refused: Readonly<Record<string, number>>;
};

export type Announce = FromAdapter & {
  readonly nonce: string;
  /** Of the target. */
  readonly kind: string;
  readonly capabilities: Capabilities;
  readonly sees: Sees;
  readonly speaks: { readonly min: number; readonly max: number };
  /** Where the target listens; null: nowhere. */
  readonly address: string | null;
  /** What it holds came from storage, not from an answer. */
  readonly provisional: boolean;
};

export type AckResult = (typeof ackResults)[number];

export type RejectedEntry = { readonly id: string; readonly code: string; readonly text: string };

/** About one message: its epoch, revision and hash, and what became of it. */
export type Ack = FromAdapter & {
  readonly epoch: number;
  readonly revision: number;
  readonly hash: string;
  readonly result: AckResult;
  readonly entries: readonly RejectedEntry[];
  /** Ids of held entries whose lease ended at the target. */
  readonly ended: readonly string[];
};

export type Message =
  | { readonly kind: 'diff'; readonly message: Diff }
  | { readonly kind: 'head'; readonly message: Head }
  | { readonly kind: 'snapshot'; readonly message: Snapshot }
  | { readonly kind: 'closed'; readonly message: Closed }
  | { readonly kind: 'override'; readonly message: OverrideMessage }
  | { readonly kind: 'lift'; readonly message: Lift };

/**
 * A parsed payload as the message of this kind. `E-MESSAGE` says what is wrong and where; an unknown operation, stage, match test or action
 * is named and refuses the whole message, unknown fields are ignored (protocol.md section 10).
 * @param value from parsePayload, already verified.
 */
export function decodeSigned(kind: SignedKind, value: unknown): Result<Message> {
  const wrong = shapes[kind](value, '');
  if (wrong !== null) return refuse(kind, wrong);
  // The check above is the proof that TypeScript cannot follow.
  if (kind === 'diff') return ok({ kind, message: value as Diff });
  if (kind === 'head') return ok({ kind, message: value as Head });
  if (kind === 'snapshot') return ok({ kind, message: value as Snapshot });
  if (kind === 'override') return ok({ kind, message: value as OverrideMessage });
  if (kind === 'lift') return ok({ kind, message: value as Lift });
  return ok({ kind, message: value as Closed });
}

/** As decodeSigned, for what adapters send: evidence, never authority. */
export function decodeAnnounce(value: unknown): Result<Announce> {
  const wrong = shapes.announce(value, '');
  return wrong === null ? ok(value as Announce) : refuse('announce', wrong);
}

export function decodeAck(value: unknown): Result<Ack> {
  const wrong = shapes.ack(value, '');
  return wrong === null ? ok(value as Ack) : refuse('ack', wrong);
}

export const sameInstance = (a: Instance, b: Instance): boolean => a.adapter === b.adapter && a.boot === b.boot;

/** Grants are ordered by epoch, then n. */
export const grantAbove = (a: Grant, b: Grant): boolean => a.epoch > b.epoch || (a.epoch === b.epoch && a.n > b.n);

const refuse = (kind: string, what: string) =>
  fail({ code: 'E-MESSAGE' as const, what, at: kind, todo: 'nothing was changed; upgrade whichever side is older' });
