import type { Inventory } from '../model/inventory.ts';
import type { Table } from '../model/table.ts';
import type { Capabilities, Sees } from '../model/target.ts';

export type Applied =
  | { readonly result: 'accepted' }
  /** Of a shared device: another adapter has taken it. Nothing changed. */
  | { readonly result: 'superseded' }
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
  /** Where other adapters can write to the device, or it outlives this one; none: it is ours alone. */
  readonly shared?: Shared;
  readonly stop: () => Promise<void>;
}

/** Who may write to a device that is shared: the highest grant (protocol.md section 5.9). */
export interface Shared {
  /**
   * Makes this grant the device's, for every later `apply`; higher is a higher epoch, then a higher n. `superseded`: it has a higher one.
   * Throws when the device cannot be asked.
   */
  readonly takeMastership: (grant: { readonly epoch: number; readonly n: number }) => Promise<'taken' | 'superseded'>;
}
