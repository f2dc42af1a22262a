import type { FlyRecord } from '../../model/record.ts';
import { scalarOf } from '../cel/value.ts';
import { addKept } from '../window/keep.ts';
import { find } from './keyindex.ts';
import { keyOf } from './key.ts';
import { openKey, recordsMax } from './run.ts';
import type { RuleRun } from './run.ts';

/** Adds a record to a rule of its stream: `where`, `by` and each aggregate's argument are evaluated once, here, and kept. */
export function admit(run: RuleRun, record: FlyRecord): void {
  const { counters, compiled, layout, nextNs } = run;
  if (run.isOver || nextNs === null || run.when === null) return;
  if (!run.seesAllReporters && (record.reporter.side ?? 'destination') !== 'destination') return;
  const taken = run.where === null ? true : run.where(record);
  if (taken === null) counters.whereErrors++;
  if (taken !== true) return;
  const columns = run.columns.map((column) => column(record));
  const values = columns.filter((value) => value !== null);
  if (values.length < columns.length) {
    counters.keyErrors++;
    return;
  }
  counters.records++;
  const { time } = record;
  // Everything read is earlier than the next instant, so a window that ends there or later holds it only from this time on.
  if (time < nextNs - layout.longestNs) {
    counters.droppedLate++;
    return;
  }
  if (time < nextNs - compiled.rule.everyNs && run.startNs !== null && nextNs - compiled.rule.everyNs > run.startNs) counters.late++;
  const key = find(run.index, values) ?? openKey(run, keyOf(compiled.columns, values));
  if (key === null) {
    counters.keysOver++;
    return;
  }
  if (run.kept >= recordsMax) {
    counters.recordsOver++;
    const blindUntilNs = time + layout.longestNs;
    if (run.blindUntilNs === null || run.blindUntilNs < blindUntilNs) run.blindUntilNs = blindUntilNs;
    return;
  }
  const kept = run.arguments.map((argument) => {
    const value = argument(record);
    if (value === null) counters.argumentErrors++;
    return value === null ? null : scalarOf(value);
  });
  const before = key.windows.records.length;
  addKept(key.windows, { time, values: kept });
  run.kept += key.windows.records.length - before;
}
