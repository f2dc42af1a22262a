import type { FlyRecord } from '../../model/record.ts';
import { floorDivide } from '../../model/time.ts';
import type { Scalar } from '../cel/value.ts';
import { grownInts } from './keep/keeper.ts';
import type { Rows } from './keep/keeper.ts';
import { openKey, touch } from './keys.ts';
import { findKey } from './index.ts';
import type { Pane, Selection, Window } from './selection.ts';
import { search } from './sorted.ts';

/** Adds a record: `where`, `by` and each argument are evaluated once, here. */
export function admit(selection: Selection, record: FlyRecord, streamTimeNs: bigint): void {
  const { counters, where, keys } = selection;
  if (!selection.seesAllReporters && (record.reporter.side ?? 'destination') !== 'destination') return;
  if (where !== null) {
    const taken = where(record);
    if (taken === undefined) counters.whereErrors++;
    if (taken !== true) return;
  }
  const values = keyOf(selection, record);
  if (values === null) {
    counters.keyErrors++;
    return;
  }
  counters.records++;
  const { time } = record;
  if (selection.nextNs === null || streamTimeNs >= selection.nextNs) follow(selection, streamTimeNs);
  let { open } = selection;
  // Most records are of the open pane: then nothing of what follows about late ones can be.
  const isNow = open !== null && time >= open.startNs && time < open.endNs;
  if (!isNow) {
    if (time < selection.dropBeforeNs) {
      counters.droppedLate++;
      return;
    }
    if (time < selection.lateBeforeNs) counters.late++;
  }
  if (selection.cells >= selection.cellsRoom) {
    counters.recordsOver++;
    const blindUntilNs = time + selection.heldNs;
    if (selection.blindUntilNs === null || selection.blindUntilNs < blindUntilNs) selection.blindUntilNs = blindUntilNs;
    return;
  }
  const known = findKey(keys.index, values);
  const id = known >= 0 ? known : openKey(selection, values, record);
  if (id < 0) {
    counters.keysOver++;
    return;
  }
  if (!isNow || open === null) {
    open = paneAt(selection, time);
    if (selection.reachedNs !== null && open.endNs <= selection.reachedNs) return addLate(selection, open, id, record);
    if (time >= selection.lateBeforeNs) selection.open = open;
  }
  addValues(selection, open, id, rowOf(selection, open, id), record);
}

/** Stream time has passed an instant. */
function follow(selection: Selection, streamTimeNs: bigint): void {
  const { everyNs, heldNs } = selection;
  const nextNs = (floorDivide(streamTimeNs, everyNs) + 1n) * everyNs;
  const lastNs = nextNs - everyNs;
  selection.nextNs = nextNs;
  selection.open = null;
  selection.dropBeforeNs = nextNs - heldNs;
  selection.startNs ??= streamTimeNs;
  // Before its start a selection judged nothing.
  selection.lateBeforeNs = lastNs > selection.startNs ? lastNs : selection.dropBeforeNs;
}

/** The key's columns; null: one of them erred or is absent. */
function keyOf({ columns, columnCount, key }: Selection, record: FlyRecord): readonly Scalar[] | null {
  columns(record, key);
  for (let i = 0; i < columnCount; i++) if (key[i] === undefined) return null;
  return key as readonly Scalar[];
}

/** The pane of this time, made where there is none. */
function paneAt(selection: Selection, time: bigint): Pane {
  const { panes } = selection;
  const last = panes.at(-1);
  if (last !== undefined && time < last.endNs && time >= last.startNs) return last;
  const startNs = floorDivide(time, selection.grainNs) * selection.grainNs;
  const at = search(panes.length, (i) => panes[i]!.startNs > startNs);
  const found = panes[at - 1];
  if (found?.startNs === startNs) return found;
  const pane = createPane(selection, startNs);
  panes.splice(at, 0, pane);
  for (const window of selection.windows) makeRoom(window, at, pane);
  return pane;
}

function createPane(selection: Selection, startNs: bigint): Pane {
  const endNs = startNs + selection.grainNs;
  const number = nextNumber(selection);
  const spare = selection.spare.pop();
  if (spare === undefined || spare.columns.length < selection.keepers.length) {
    const rows: Rows = { size: 0, keys: new Int32Array(16), counts: new Int32Array(16) };
    const columns = selection.keepers.map(({ keeper }) => keeper.newColumn());
    return { number, startNs, endNs, rows, errors: selection.series.map(() => null), columns, cells: 0, isPacked: false };
  }
  selection.keepers.forEach(({ keeper }, k) => keeper.clear(spare.columns[k]));
  spare.errors.fill(null);
  spare.rows.size = 0;
  return Object.assign(spare, { number, startNs, endNs, cells: 0, isPacked: false });
}

/** A pane that is put among those of a window is in it if its time is, though it is empty yet. */
function makeRoom(window: Window, at: number, { startNs, endNs }: Pane): void {
  const { fromNs, toNs } = window;
  if (fromNs === null || toNs === null) return;
  if (startNs < fromNs) window.first++;
  if (endNs <= toNs) window.end++;
  else if (at < window.end) throw new Error('flyball: broken invariant: a window holds a pane beyond its end');
}

/** Pane numbers only tell the panes of one selection apart. */
const nextNumber = ({ counters }: Selection): number => counters.records % 2 ** 31;

/** The row of a key in a pane that no window holds yet. */
export function rowOf(selection: Selection, pane: Pane, id: number): number {
  const { keys } = selection;
  if (keys.rowPane[id] === pane.number) {
    const row = keys.row[id]!;
    pane.rows.counts[row]!++;
    return row;
  }
  const row = pushRow(selection, pane, id);
  keys.rowPane[id] = pane.number;
  keys.row[id] = row;
  return row;
}

function pushRow(selection: Selection, pane: Pane, id: number): number {
  const { rows } = pane;
  const row = rows.size++;
  selection.keys.held[id]!++;
  selection.cells++;
  pane.cells++;
  if (row >= rows.keys.length) {
    rows.keys = grownInts(rows.keys, row + 1);
    rows.counts = grownInts(rows.counts, row + 1);
  }
  rows.keys[row] = id;
  rows.counts[row] = 1;
  return row;
}

function addValues(selection: Selection, pane: Pane, id: number, row: number, record: FlyRecord): void {
  const { series, keepers, values } = selection;
  let cells = 0;
  selection.measures(record, values);
  for (let i = 0; i < series.length; i++) {
    const one = series[i]!;
    const value = values[i];
    if (value === undefined) {
      selection.counters.argumentErrors++;
      const errors = grownInts(pane.errors[i] ?? new Int32Array(0), row + 1);
      errors[row]!++;
      pane.errors[i] = errors;
      continue;
    }
    for (const k of one.keepers) {
      const { keeper } = keepers[k]!;
      keeper.add(pane.columns[k], row, id, value);
      cells += keeper.cells;
    }
  }
  pane.cells += cells;
  selection.cells += cells;
}

/** A record of a pane that has passed: a row of its own, which enters at once the windows that hold the pane. */
function addLate(selection: Selection, pane: Pane, id: number, record: FlyRecord): void {
  const { series, keepers, windows, values } = selection;
  const row = pushRow(selection, pane, id);
  addValues(selection, pane, id, row, record);
  windows.forEach((window, w) => {
    const { fromNs, toNs } = window;
    if (fromNs === null || toNs === null || pane.startNs < fromNs || pane.endNs > toNs) return;
    window.counts[id]!++;
    for (const [i, one] of series.entries()) {
      const errors = one.errors[w];
      if (errors === undefined) continue;
      const value = values[i];
      if (value === undefined) errors[id]!++;
      else for (const k of one.keepers) if (keepers[k]!.windows.has(w)) keepers[k]!.keeper.late(w, id, value);
    }
  });
  touch(selection, id);
}
