import type { Override } from '../../model/override.ts';
import type { RevisionRow, TargetRow } from '../../model/revision.ts';
import type { Table } from '../../model/table.ts';
import type { TargetInfo } from '../../model/target.ts';
import type { Leaves } from './bytes.ts';
import type { AckResult, Announce, Grant, Instance, RejectedEntry } from './messages.ts';
import type { Proven, Verify } from './proof.ts';
import type { DownChannel, SignedKind } from './subjects.ts';

export type LeadOptions = {
  readonly keyId: string;
  /** Ed25519 over signedBytes(kind, payload), base64url. */
  readonly sign: (kind: SignedKind, payload: Uint8Array) => string;
  readonly verify: Verify;
};

/** One instant on both clocks, in ms: the monotonic one for waiting, the wall clock (cut to whole ms) for what is said. */
export type Instant = { readonly monoMs: number; readonly wallMs: number };

export type LeadInput =
  /** What the store holds, read after `epoch` was taken. First of all; and again after each `reload` effect, with a new epoch. */
  | {
      readonly kind: 'loaded';
      readonly epoch: number;
      readonly targets: readonly TargetRow[];
      readonly table: number;
      /** In outbox order. */
      readonly unsent: readonly { readonly id: number; readonly row: RevisionRow }[];
    }
  /** From the bus; `target` is the subject's. */
  | { readonly kind: 'announce' | 'ack'; readonly target: string; readonly payload: Uint8Array }
  /** The tables that shall be in force, by target; targets that are not named stay as they are. Numbers rise by one from 1. */
  | { readonly kind: 'wanted'; readonly number: number; readonly tables: ReadonlyMap<string, Table> }
  /** Answer to `commit`. `outbox`: ids of the new outbox rows if known, marked when they are sent. */
  | { readonly kind: 'committed'; readonly outbox: readonly number[] }
  | { readonly kind: 'failed'; readonly why: 'stale' | 'unknown' | 'down' }
  /** Answer to `enrol`; null: it failed, and is asked for again at the next announce. */
  | { readonly kind: 'enrolled'; readonly target: string; readonly row: TargetRow | null }
  /** Answer to `lookup`: the hash of that revision in the record, null: the record does not have it. */
  | { readonly kind: 'history'; readonly target: string; readonly revision: number; readonly hash: string | null }
  /** A person's, from the store or just made; lifted ones once that is committed. */
  | { readonly kind: 'override'; readonly override: Override }
  | { readonly kind: 'lift'; readonly ids: readonly string[] }
  /** The bus is there (again). */
  | { readonly kind: 'connected' }
  | { readonly kind: 'tick' };

export type DeliveryState = 'none' | 'sent' | 'accepted' | 'rejected';

export type LeadEffect =
  | {
      readonly kind: 'send';
      readonly channel: DownChannel;
      /** Or `all`. */
      readonly target: string;
      readonly payload: Uint8Array;
      readonly keyId: string;
      readonly signature: string;
    }
  /** Commit these in one transaction, then give `committed` or `failed`. Carries out the wanted numbers `first` … `last` (none yet when last < first: the rest follows). */
  | {
      readonly kind: 'commit';
      readonly epoch: number;
      readonly first: number;
      readonly last: number;
      readonly table: number;
      readonly rows: readonly RevisionRow[];
    }
  /** The wanted numbers up to `last` changed nothing at any target. */
  | { readonly kind: 'settled'; readonly first: number; readonly last: number }
  /** Take a new epoch, load, give `loaded`; nothing is committed before. */
  | { readonly kind: 'reload'; readonly why: 'stale' | 'unknown' | 'down' }
  | { readonly kind: 'enrol'; readonly target: string }
  | { readonly kind: 'mark'; readonly outbox: readonly number[] }
  /** A target came, or what it announces changed: the planner may use it. */
  | { readonly kind: 'target'; readonly info: TargetInfo; readonly address: string | null; readonly instance: Instance }
  /** What became of one revision at one target; each change once. `observed` is not the protocol's to say. */
  | {
      readonly kind: 'delivery';
      readonly target: string;
      readonly revision: number;
      readonly hash: string;
      readonly state: 'sent' | 'accepted' | 'rejected';
      readonly instance: Instance | null;
      readonly entries: readonly RejectedEntry[];
    }
  /** Held entries whose lease ended at the target by itself, all of them; given when they change. */
  | { readonly kind: 'ended'; readonly target: string; readonly revision: number; readonly ids: readonly string[] }
  /** Ask the record for the hash of this revision, give `history`. */
  | { readonly kind: 'lookup'; readonly target: string; readonly revision: number }
  /** A target proved, with our own signature, what our history lacks: nothing more is committed (protocol.md section 7). */
  | { readonly kind: 'behind'; readonly target: string; readonly proven: Proven; readonly own: Committed; readonly epoch: number }
  /** Set at an adapter's own socket: to be recorded. */
  | { readonly kind: 'learned'; readonly override: Override }
  /** Its time is over. */
  | { readonly kind: 'over'; readonly override: Override }
  /** Refused, or out of order; counted by reason. */
  | { readonly kind: 'report'; readonly reason: string; readonly target: string; readonly what: string; readonly count: number };

/** What the record says of a target. */
export type Committed = { readonly epoch: number; readonly revision: number; readonly hash: string; readonly entries: Table };

/** One target as the engine sees it; owned by step(). */
export type LeadTarget = {
  readonly name: string;
  /** null until it is enrolled. */
  row: Committed | null;
  info: TargetInfo | null;
  address: string | null;
  grant: Grant | null;
  /** Boot of the adapters that were closed: they never get the grant back. */
  closed: Map<string, number>;
  /** The announce to answer. */
  pending: Announce | null;
  enrolling: boolean;
  /** Monotonic ms of its last announce or ack; null: never. */
  heardMs: number | null;
  /** Wall clock of the same. */
  heardAt: number | null;
  headDueMs: number;
  state: DeliveryState;
  /** The newest revision that it has accepted. */
  acked: number;
  /** What was told of `told.revision`. */
  told: { readonly revision: number; readonly result: AckResult } | null;
  ended: string;
  /** The newest diff, to be sent again while no ack comes. */
  last: RevisionRow | null;
  sends: number;
  resendDueMs: number;
  /** Hashes of the revisions of this process' time. */
  recent: Map<number, string>;
  lookup: Proven | null;
  /** Ids of the overrides that it said stand above its table. */
  overrides: ReadonlySet<string>;
  readonly leaves: Leaves;
};

/** Owned and changed in place by step(). */
export type Lead = {
  readonly options: LeadOptions;
  epoch: number;
  /** The number of the newest global table. */
  table: number;
  /** Loaded, and no commit's outcome is in doubt. */
  ready: boolean;
  targets: Map<string, LeadTarget>;
  wanted: { readonly number: number; readonly tables: ReadonlyMap<string, Table> } | null;
  /** The last wanted number that was committed or settled. */
  done: number;
  commit: { readonly rows: readonly RevisionRow[]; readonly last: number; readonly table: number } | null;
  /** Grants given in this epoch. */
  grants: number;
  /** Snapshots sent since the last tick. */
  answers: number;
  /** By target, what it proved; not empty: nothing more is committed. */
  behind: Map<string, Proven>;
  /** By id; those of rules and owners too. */
  readonly overrides: Map<string, Override>;
  /** Ids, with the wall clock at which they were lifted. */
  readonly lifted: Map<string, number>;
  counts: Map<string, number>;
};

export type LeadTurn = { readonly lead: Lead; readonly now: Instant; readonly out: LeadEffect[] };
