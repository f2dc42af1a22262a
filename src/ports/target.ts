import type { Inventory } from '../model/inventory.ts';
import type { Table } from '../model/table.ts';
import type { Capabilities, Sees } from '../model/target.ts';

export type Applied =
  | { readonly result: 'accepted' }
  | {
      readonly result: 'rejected';
      readonly entries: readonly { readonly id: string; readonly code: string; readonly text: string }[];
    };

/** One enforcement point as its adapter drives it. */
export interface Target {
  readonly kind: string;
  readonly capabilities: Capabilities;
  /** Read again after each `apply`: another object is announced. */
  readonly sees: Sees;
  /** Switches to this table whole, or not at all. Called one at a time. */
  readonly apply: (table: Table, inventory: Inventory) => Promise<Applied>;
  /** What the device really forwards by now, read back. */
  readonly readback: () => Promise<Table>;
  readonly stop: () => Promise<void>;
}
