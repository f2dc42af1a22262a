import type { Table } from '../../src/model/table.ts';
import { must } from './oracle.ts';

export type DeviceGrant = { readonly epoch: number; readonly n: number };

const above = (a: DeviceGrant, b: DeviceGrant): boolean => a.epoch > b.epoch || (a.epoch === b.epoch && a.n > b.n);
const equal = (a: DeviceGrant | null, b: DeviceGrant): boolean => a !== null && a.epoch === b.epoch && a.n === b.n;

/** An executable model of a device that several adapters can write to: it obeys the highest grant that it was given, and outlives them. */
export function createDevice() {
  let table: Table = [];
  let revision = 0;
  let master: DeviceGrant | null = null;
  return {
    readback: (): Table => table,
    revision: (): number => revision,
    master: (): DeviceGrant | null => master,
    takeMastership: (grant: DeviceGrant): 'taken' | 'superseded' => {
      if (master !== null && above(master, grant)) return 'superseded';
      master = grant;
      return 'taken';
    },
    /** False: under another's grant; nothing changed. */
    write: (grant: DeviceGrant | null, next: Table, of: number): boolean => {
      if (grant === null || !equal(master, grant)) return false;
      must(of >= revision, `the device goes back from revision ${revision} to ${of}`);
      table = next;
      revision = of;
      return true;
    },
  };
}
export type Device = ReturnType<typeof createDevice>;
