import type { Override, OverrideMode } from '../../model/override.ts';
import type { Table } from '../../model/table.ts';
import type { Capabilities, Sees } from '../../model/target.ts';
import type { Leaves } from '../publish/bytes.ts';
import type {
  AckResult,
  Closed,
  Diff,
  Grant,
  Head,
  Instance,
  Lift,
  OverrideMessage,
  Proof,
  RejectedEntry,
  Snapshot,
} from '../publish/messages.ts';
import type { Verify } from '../publish/proof.ts';
import type { DownChannel } from '../publish/subjects.ts';
import type { EngineClock } from './clock.ts';

/** A table as the engine published it; never edited, so that base and hash never move. */
export type Held = {
  readonly epoch: number;
  readonly revision: number;
  readonly hash: string;
  readonly entries: Table;
  readonly proof: Proof;
  /** Taken from storage because nobody answered (protocol.md section 5.10). */
  readonly provisional: boolean;
};

/** An override that is over for good: whatever brings it again comes late. `at`: engine time at which it was learned. */
export type Lifted = { readonly id: string; readonly at: number };

export type Ended = { readonly id: string; readonly until: number };

/** What an adapter keeps on disk (protocol.md section 5). */
export type HoldFile = {
  readonly v: 1;
  readonly target: string;
  readonly adapter: string;
  readonly boot: number;
  /** The highest epoch verified in any head, diff or snapshot; 0: none. */
  readonly fence: number;
  readonly held: Held | null;
  /** By id, then until. */
  readonly ended: readonly Ended[];
  /** Those not lifted; what is past its `until` counts no more. */
  readonly overrides: readonly Override[];
  readonly lifted: readonly Lifted[];
  /** What the overrides come to; null: nothing. */
  readonly mode: OverrideMode | null;
  /** After a freeze: engine time until which leases wait for a fresh snapshot. */
  readonly graceUntil: number | null;
  readonly keySet: null;
  /** The last held tables that had other entries than the one after, newest first. */
  readonly older: readonly Held[];
  /** Engine time in ms at the last save. */
  readonly time: number;
};

/** `closed`: deny everything at admit until something is held. */
export type OnEmpty = 'closed' | 'open';

export type HoldOptions = {
  readonly target: string;
  readonly instance: Instance;
  /** What decodeFile read, else null. */
  readonly file: HoldFile | null;
  readonly kind: string;
  readonly capabilities: Capabilities;
  readonly sees: Sees;
  readonly address: string | null;
  readonly onEmpty: OnEmpty;
  readonly verify: Verify;
  /** Nonces (unpredictable) and jitter; seeded in a simulation. */
  readonly draw: { readonly hex: (bytes: number) => string; readonly integer: (below: number) => number };
  readonly wallMs: number;
  readonly monoMs: number;
};

export type SignedInput = { readonly payload: Uint8Array; readonly key: string; readonly signature: string };

/** By a person, at the adapter's own socket; `ids` null: all of them. */
export type Asked =
  { readonly kind: 'override'; readonly override: Override } | { readonly kind: 'lift'; readonly ids: readonly string[] | null };

export type Input =
  /** First of all, once. */
  | { readonly kind: 'start' }
  | ({ readonly kind: 'message'; readonly channel: DownChannel } & SignedInput)
  /** A snapshot from storage, for when nobody answers. */
  | ({ readonly kind: 'stored' } & SignedInput)
  | Asked
  | { readonly kind: 'tick' }
  /** The bus is there (again): whatever was said meanwhile is lost. */
  | { readonly kind: 'connected' }
  /** Answer to the last `save`. */
  | { readonly kind: 'saved'; readonly ok: boolean }
  /** Answer to the last `apply`. */
  | { readonly kind: 'applied'; readonly rejected: readonly RejectedEntry[] | null }
  /** Something beside the table changed what it means at the device (the inventory). */
  | { readonly kind: 'reapply' }
  /** What stands behind the device is not what was announced: it is announced anew. */
  | { readonly kind: 'sees'; readonly sees: Sees };

export type HoldStatus = {
  /** null: nothing held. */
  readonly revision: number | null;
  readonly hash: string | null;
  readonly fence: number;
  readonly provisional: boolean;
  /** The device forwards by the held table; until then `onEmpty` says what it does. */
  readonly ready: boolean;
  readonly onEmpty: OnEmpty;
  /** What overrides make of it. */
  readonly mode: OverrideMode | null;
  readonly overrides: readonly Override[];
};

export type Effect =
  | { readonly kind: 'send'; readonly channel: 'announce' | 'ack'; readonly payload: Uint8Array }
  /** Write this durably, then give `saved`. At most one save or apply is under way. */
  | { readonly kind: 'save'; readonly file: HoldFile }
  /** Switch the device whole, then give `applied`. `revision` is the table's own; null: what onEmpty asks for. */
  | { readonly kind: 'apply'; readonly table: Table; readonly revision: number | null }
  | { readonly kind: 'report'; readonly reason: string; readonly what: string; /** So far. */ readonly count: number }
  | { readonly kind: 'status'; readonly status: HoldStatus }
  /** Another instance has the grant: write nothing more, exit 3, start again after 30 s. */
  | { readonly kind: 'stop'; readonly reason: 'superseded' };

/** The message an ack is about. */
export type About = { readonly epoch: number; readonly revision: number; readonly hash: string };

/** One change of file or device, carried out one at a time: save, then apply, then tell. */
export type Job = {
  readonly why: 'start' | 'adopt' | 'end' | 'note' | 'reapply' | 'override';
  readonly next: HoldFile;
  readonly phase: 'save' | 'apply' | 'undo';
  readonly about: About | null;
  /** What the device did not take; set in `undo`. */
  readonly rejected: readonly RejectedEntry[];
  readonly sinceMs: number;
};

export type Verified = (
  | { readonly kind: 'diff'; readonly message: Diff }
  | { readonly kind: 'head'; readonly message: Head }
  | { readonly kind: 'snapshot'; readonly message: Snapshot }
  | { readonly kind: 'closed'; readonly message: Closed }
  | { readonly kind: 'override'; readonly message: OverrideMessage }
  | { readonly kind: 'lift'; readonly message: Lift }
) & { readonly proof: Proof; /** Monotonic ms at which it came. */ readonly atMs: number };

/** The asking for a snapshot: `dueMs` null while nothing is wanted. */
export type Ask = { readonly nonce: string | null; readonly sentMs: number; readonly attempt: number; readonly dueMs: number | null };

/** Owned and changed in place by step(); nothing else writes it. */
export type Hold = {
  readonly options: HoldOptions;
  /** As last told by the device; at first that of the options. */
  sees: Sees;
  /** What is held and in force; on disk too, unless `dirty`. */
  file: HoldFile;
  dirty: boolean;
  dirtyDueMs: number;
  /** Overrides came or went since the last job. */
  overridden: boolean;
  job: Job | null;
  queue: Verified[];
  /** What people asked for here while a job was under way. */
  asked: Asked[];
  clock: EngineClock;
  ask: Ask;
  grant: Grant | null;
  /** When a head or snapshot was last verified. */
  heardMs: number;
  /** `issued` of that head or snapshot, and the newest of any message: what is older than that was overtaken. */
  heardIssued: number;
  issued: number;
  stored: Verified | null;
  readonly startMs: number;
  /** The device forwards by file.held. */
  inForce: boolean;
  /** When the device is to be given its table again; null: it has it. */
  applyDueMs: number | null;
  /** The revision that the device did not take last, so that its head does not make us ask again. */
  refused: (About & { readonly entries: readonly RejectedEntry[] }) | null;
  /** When the last answer of each kind to a head was sent. */
  answeredMs: Map<AckResult, number>;
  /** When `accepted` was last sent. */
  acceptedMs: number;
  counts: Map<string, number>;
  readonly leaves: Leaves;
  slowSaid: boolean;
  stopped: boolean;
  status: HoldStatus | null;
};

/** One call of step: the state, the instant, and what comes out. */
export type Turn = { readonly hold: Hold; readonly nowMs: number; readonly out: Effect[] };
