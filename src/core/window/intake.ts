import type { Batch, Column, TextColumn } from '../../model/batch.ts';
import { recordAt } from '../../model/batch.ts';
import { compileLane, compileSieve } from '../cel/compile/columns.ts';
import type { Lane, Layout, Sieve } from '../cel/compile/columns.ts';
import { isInexact } from '../cel/compile/program.ts';
import { dottedName } from '../cel/tree.ts';
import type { Scalar } from '../cel/value.ts';
import { admit, rowOf } from './admit.ts';
import { findKey } from './index.ts';
import { grownInts } from './keep/keeper.ts';
import { codeRoom, createCodes, idOf, remember } from './codes.ts';
import type { Codes } from './codes.ts';
import type { Pane, Selection } from './selection.ts';

/** How a selection takes batches of one layout: record by record as `admit` does, but column by column. */
export type Intake = {
  readonly series: number;
  readonly sieve: Sieve | null;
  /** Places of the key's columns among the batch's. */
  readonly keyed: readonly number[];
  readonly codes: Codes;
  readonly lanes: readonly Lane[];
};

/** Records taken at once: what they need meanwhile stays in the processor's cache. */
export const stretchMax = 2_048;

/** Room for one stretch; shared by all selections. */
export type Scratch = {
  readonly at: Int32Array;
  readonly ids: Int32Array;
  readonly rows: Int32Array;
  readonly numbers: Float64Array[];
  readonly scalars: (Scalar | undefined)[][];
};

export const createScratch = (): Scratch => ({
  at: new Int32Array(stretchMax),
  ids: new Int32Array(stretchMax),
  rows: new Int32Array(stretchMax),
  numbers: [],
  scalars: [],
});

/** null: this selection takes such batches record by record, because a key column is no text of the batch, or a constant is beyond 2^53. */
export function createIntake(selection: Selection, layout: Layout): Intake | null {
  const { asks, stream, seesAllReporters, series } = selection;
  const keyed = asks.columns.map(({ expr }) =>
    layout.findIndex(({ path, kind, hasAbsent }) => kind === 'text' && !hasAbsent && path === dottedName(expr)),
  );
  const destinationOnly = !seesAllReporters && layout.some(({ path }) => path === 'reporter.side');
  const needsSieve = destinationOnly || asks.where.length > 0;
  const sieve = needsSieve ? compileSieve(asks.where, layout, { stream, destinationOnly }) : null;
  const lanes = series.flatMap(({ argument }) => compileLane(argument, layout, stream) ?? []);
  if (keyed.includes(-1) || (needsSieve && sieve === null) || lanes.length < series.length) return null;
  return { series: series.length, sieve, keyed, codes: createCodes(), lanes };
}

export type Stretch = {
  readonly batch: Batch;
  readonly columns: readonly Column[];
  readonly from: number;
  readonly to: number;
  readonly streamTimeNs: bigint;
};

/** Takes the records `from` … `to` − 1, at most `stretchMax`, all of the time of the pane that is open. */
export function takeStretch(selection: Selection, intake: Intake, stretch: Stretch, scratch: Scratch): void {
  const { batch, columns, from, to } = stretch;
  const { at, ids, rows } = scratch;
  const { sieve, keyed, codes, lanes } = intake;
  let n = to - from;
  fill(at, from, n);
  const one = (j: number): void => admit(selection, recordAt(batch, at[j]!), stretch.streamTimeNs);
  const all = (): void => {
    for (let j = 0; j < n; j++) one(j);
  };
  const texts = keyed.map((place) => columns[place] as Column & TextColumn);
  if (!codeRoom(codes, texts, selection.keys.closed)) return all();
  const tally = { whereErrors: 0 };
  try {
    if (sieve !== null) n = sieve(batch, columns, at, n, tally);
  } catch (error) {
    if (!isInexact(error)) throw error;
    n = to - from;
    fill(at, from, n);
    return all();
  }
  selection.counters.whereErrors += tally.whereErrors;
  if (selection.cells + n * (1 + 2 * selection.keepers.length) >= selection.cellsRoom) return all();
  n = findIds(selection, { codes, texts, at, ids, n }, one);
  try {
    lanes.forEach((lane, i) => {
      if (lane.kind === 'numbers') lane.put(batch, columns, at, n, (scratch.numbers[i] ??= new Float64Array(stretchMax)));
      else lane.put(batch, columns, at, n, (scratch.scalars[i] ??= []));
    });
  } catch (error) {
    if (!isInexact(error)) throw error;
    return all();
  }
  const { open } = selection;
  if (open === null) throw new Error('flyball: broken invariant: a stretch without an open pane');
  selection.counters.records += n;
  findRows(selection, open, { ids, rows, n });
  lanes.forEach((lane, i) => keepLane(selection, open, { lane, i, n }, scratch));
}

function fill(at: Int32Array, from: number, n: number): void {
  for (let j = 0; j < n; j++) at[j] = from + j;
}

/** The rows of the keys in the open pane, each with one record more. */
function findRows(
  selection: Selection,
  pane: Pane,
  { ids, rows, n }: { readonly ids: Int32Array; readonly rows: Int32Array; readonly n: number },
): void {
  const { row, rowPane } = selection.keys;
  const { number } = pane;
  let { counts } = pane.rows;
  for (let j = 0; j < n; j++) {
    const id = ids[j]!;
    if (rowPane[id] === number) {
      const known = row[id]!;
      rows[j] = known;
      counts[known]!++;
    } else {
      rows[j] = rowOf(selection, pane, id);
      ({ counts } = pane.rows);
    }
  }
}

type Finding = {
  readonly codes: Codes;
  readonly texts: readonly TextColumn[];
  readonly at: Int32Array;
  readonly ids: Int32Array;
  readonly n: number;
};

/** The numbers of the keys. A record whose key is new is taken by itself, and is no more among those `at`; gives how many are left. */
function findIds(selection: Selection, { codes, texts, at, ids, n }: Finding, one: (j: number) => void): number {
  let m = 0;
  if (idOf(codes, texts, at, ids, n)) return n;
  for (let j = 0; j < n; j++) {
    if (ids[j]! < 0) {
      // It may have come since it was looked for.
      const values = texts.map(({ names, codes: of }) => names[of[at[j]!]!]!);
      const known = findKey(selection.keys.index, values);
      if (known < 0) {
        one(j);
        remember(codes, texts, at[j]!, findKey(selection.keys.index, values));
        continue;
      }
      ids[j] = known;
      remember(codes, texts, at[j]!, known);
    }
    at[m] = at[j]!;
    ids[m++] = ids[j]!;
  }
  return m;
}

/** What one argument says of the stretch goes to its keepers. */
function keepLane(
  selection: Selection,
  pane: Pane,
  { lane, i, n }: { readonly lane: Lane; readonly i: number; readonly n: number },
  scratch: Scratch,
): void {
  const { ids, rows } = scratch;
  const { keepers: places, argument } = selection.series[i]!;
  const numbers = scratch.numbers[i];
  const scalars = scratch.scalars[i];
  const isNumbers = lane.kind === 'numbers' && numbers !== undefined;
  const isBool = argument.type.kind === 'bool';
  let errors = 0;
  for (let j = 0; j < n; j++) {
    if (isNumbers ? !Number.isNaN(numbers[j]!) : scalars![j] !== undefined) continue;
    errors++;
    const row = rows[j]!;
    const column = grownInts(pane.errors[i] ?? new Int32Array(0), row + 1);
    column[row]!++;
    pane.errors[i] = column;
  }
  selection.counters.argumentErrors += errors;
  for (const k of places) {
    const { keeper } = selection.keepers[k]!;
    const column = pane.columns[k];
    const cells = keeper.cells * (n - errors);
    pane.cells += cells;
    selection.cells += cells;
    if (isNumbers && keeper.addAll !== null) {
      keeper.addAll(column, { n, rows, keys: ids, values: numbers, room: pane.rows.size, hasErrors: errors > 0 });
      continue;
    }
    for (let j = 0; j < n; j++) {
      const value = isNumbers ? scalarOf(numbers[j]!, isBool) : scalars![j];
      if (value !== undefined) keeper.add(column, rows[j]!, ids[j]!, value);
    }
  }
}

const scalarOf = (x: number, isBool: boolean): Scalar | undefined => (Number.isNaN(x) ? undefined : isBool ? x === 1 : x);
