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
