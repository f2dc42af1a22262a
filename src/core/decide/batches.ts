import { recordAt, timeAt } from '../../model/batch.ts';
import type { Batch, Column } from '../../model/batch.ts';
import { layoutOf } from '../cel/compile/columns.ts';
import { admit } from '../window/admit.ts';
import { createIntake, createScratch, stretchMax, takeStretch } from '../window/intake.ts';
import type { Intake, Scratch } from '../window/intake.ts';
import { sawRecord } from '../window/liveness.ts';
import type { Selection } from '../window/selection.ts';
import { readLine } from './judge.ts';
import type { Judge } from './judge.ts';
import type { Change } from './types.ts';

/** Reads batches into a judge; what it remembers between them is only how to be quick. */
export type BatchReader = {
  readonly judge: Judge;
  readonly intakes: WeakMap<Selection, Map<string, { readonly series: number; readonly intake: Intake | null }>>;
  readonly scratch: Scratch;
};

export const createBatchReader = (judge: Judge): BatchReader => ({ judge, intakes: new WeakMap(), scratch: createScratch() });

/** Says what `readLine` says of the batch's records one after the other. */
export function readBatch(reader: BatchReader, batch: Batch): readonly Change[] {
  const { judge } = reader;
  const { ticks, size } = batch;
  const columns = [...batch.columns.values()];
  const print = layoutText(batch);
  const changes: Change[] = [];
  for (let from = 0; from < size;) {
    const due = tickOf(batch, judge.dueNs);
    if (judge.streamTimeNs === null || ticks[from]! >= due) {
      // A record moves time as a tick does.
      for (const change of readLine(judge, { stream: 'tick', time: timeAt(batch, from) })) changes.push(change);
      sawRecord(judge.life[batch.stream], timeAt(batch, from));
    }
    const next = tickOf(batch, judge.dueNs);
    let [to, greatest] = [from, 0];
    for (; to < size; to++) {
      const tick = ticks[to]!;
      if (tick >= next) break;
      if (tick > greatest) greatest = tick;
    }
    readLine(judge, { stream: 'tick', time: batch.baseNs + BigInt(greatest) * BigInt(batch.tickNs) });
    sawRecord(judge.life[batch.stream], timeAt(batch, from));
    for (const { selection } of judge.selections[batch.stream]) take(reader, selection, { batch, columns, print, from, to });
    from = to;
  }
  return changes;
}

type Run = {
  readonly batch: Batch;
  readonly columns: readonly Column[];
  readonly print: string;
  readonly from: number;
  readonly to: number;
};

/** Takes records between two instants, in stretches that lie in the open pane. */
function take(reader: BatchReader, selection: Selection, { batch, columns, print, from, to }: Run): void {
  const { judge, scratch } = reader;
  const { ticks } = batch;
  const intake = intakeOf(reader, selection, batch, print);
  const streamTimeNs = judge.streamTimeNs ?? timeAt(batch, from);
  let i = from;
  while (i < to) {
    const { open, nextNs } = selection;
    let end = i;
    if (intake !== null && open !== null && nextNs !== null && streamTimeNs < nextNs) {
      const [least, most] = [tickOf(batch, open.startNs), tickOf(batch, open.endNs)];
      const last = Math.min(to, i + stretchMax);
      while (end < last && ticks[end]! >= least && ticks[end]! < most) end++;
    }
    if (intake === null || end === i) admit(selection, recordAt(batch, i++), streamTimeNs);
    else takeStretch(selection, intake, { batch, columns, from: i, to: end, streamTimeNs }, scratch);
    i = Math.max(i, end);
  }
}

/** The least tick that is not before this time; null: none is due. */
function tickOf({ baseNs, tickNs }: Batch, timeNs: bigint | null): number {
  if (timeNs === null) return Infinity;
  const apart = timeNs - baseNs;
  return apart <= 0n ? 0 : Number((apart + BigInt(tickNs) - 1n) / BigInt(tickNs));
}

const layoutText = ({ columns }: Batch): string =>
  [...columns].map(([path, { kind, present }]) => `${path} ${kind} ${present === null}`).join();

/** Layouts that a selection knows at once; one more, and all are forgotten. */
const layoutsMax = 8;

function intakeOf({ intakes }: BatchReader, selection: Selection, batch: Batch, print: string): Intake | null {
  let known = intakes.get(selection);
  if (known === undefined) intakes.set(selection, (known = new Map()));
  const series = selection.series.length;
  const found = known.get(print);
  if (found !== undefined && found.series === series) return found.intake;
  if (known.size >= layoutsMax) known.clear();
  const intake = createIntake(selection, layoutOf(batch));
  known.set(print, { series, intake });
  return intake;
}
