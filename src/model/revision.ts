import type { Table } from './table.ts';

/** A target's place in the record: its newest committed table (protocol.md section 1). */
export type TargetRow = {
  readonly name: string;
  /** 0: enrolled, nothing committed yet. */
  readonly revision: number;
  readonly hash: string;
  /** The epoch of that revision. */
  readonly epoch: number;
  readonly entries: Table;
  readonly enrolled: boolean;
  /** Left out: it has refused nothing. */
  readonly quarantine?: Quarantine;
};

/** Entries that a target has refused, and gets no more until they or its capabilities change (protocol.md section 5.6). */
export type Quarantine = {
  /** SHA-256 of the capabilities under which it refused them. */
  readonly capabilities: string;
  readonly entries: readonly Quarantined[];
};

export type Quarantined = {
  readonly id: string;
  readonly code: string;
  readonly text: string;
  /** Refused with this revision, at this time in ms. */
  readonly revision: number;
  readonly at: number;
};

/** One target's next revision, signed: exactly what goes out. */
export type RevisionRow = {
  readonly target: string;
  readonly revision: number;
  readonly epoch: number;
  /** Number of the global table it renders. */
  readonly table: number;
  readonly base: number;
  readonly baseHash: string;
  readonly hash: string;
  /** The whole table after it, for snapshots and history. */
  readonly entries: Table;
  readonly bytes: Uint8Array;
  readonly keyId: string;
  readonly signature: string;
  readonly at: number;
};
