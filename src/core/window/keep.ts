import type { Scalar } from '../cel/value.ts';
import { addSorted, createSorted, removeSorted, search } from './sorted.ts';
import type { Sorted } from './sorted.ts';
import type { Layout, SeriesLayout } from './layout.ts';

/** One record as a rule keeps it: its time and, for each argument of the layout, the value or null where it erred. */
export type Kept = { readonly time: bigint; readonly values: readonly (Scalar | null)[] };

/** What is known of one argument over one window, kept up to date as records enter and leave. */
export type Series = {
  readonly layout: SeriesLayout;
  errors: number;
  trues: number;
  sum: bigint;
  squares: bigint;
  readonly sorted: Sorted | null;
  readonly distinct: Map<Scalar, number> | null;
};

/** The records of one key, ordered by time and arrival, and where each window of the layout begins among them. */
export type KeyWindows = {
  readonly layout: Layout;
  readonly records: Kept[];
  /** For each window the index of its first record; all later records are in it, because none is as late as the instant. */
  readonly starts: number[];
  /** For each window the time at which it began at the last instant; null before the first. */
  readonly froms: (bigint | null)[];
  readonly series: readonly Series[];
  /** Rises with every record that enters or leaves any window. */
  version: number;
};

/** Records before the first window that are let lie before the list is cut. */
const slackMax = 1024;

export function createWindows(layout: Layout): KeyWindows {
  return {
    layout,
    records: [],
    starts: layout.windows.map(() => 0),
    froms: layout.windows.map(() => null),
    series: layout.series.map((s) => ({
      layout: s,
      errors: 0,
      trues: 0,
      sum: 0n,
      squares: 0n,
      sorted: s.keeps.has('sorted') ? createSorted() : null,
      distinct: s.keeps.has('distinct') ? new Map() : null,
    })),
    version: 0,
  };
}

/** Adds a record, also a late one: it enters exactly the windows that, at the next instant, may still hold its time. */
export function addKept(windows: KeyWindows, kept: Kept): void {
  const { records, starts, froms } = windows;
  const last = records.at(-1);
  if (last === undefined || last.time <= kept.time) records.push(kept);
  else
    records.splice(
      search(records.length, (i) => (records[i]?.time ?? kept.time) > kept.time),
      0,
      kept,
    );
  froms.forEach((from, window) => {
    if (from === null || kept.time >= from) change(windows, window, kept, 1);
    else starts[window] = (starts[window] ?? 0) + 1;
  });
}

/** Moves every window to the instant `t`: what it then holds is t − window ≤ time < t. */
export function slideTo(windows: KeyWindows, t: bigint): void {
  const { layout, records, starts, froms } = windows;
  layout.windows.forEach((lengthNs, window) => {
    const from = t - lengthNs;
    froms[window] = from;
    for (let i = starts[window] ?? 0; ; i++) {
      const first = records[i];
      if (first === undefined || first.time >= from) {
        starts[window] = i;
        return;
      }
      change(windows, window, first, -1);
    }
  });
  dropUnheld(windows);
}

/** How many records a window holds. */
export const countIn = (windows: KeyWindows, window: number): number => windows.records.length - (windows.starts[window] ?? 0);

/** The first record of a window, which leaves it next. */
export const firstIn = (windows: KeyWindows, window: number): Kept | undefined => windows.records[windows.starts[window] ?? 0];

/** Whether no window holds a record. */
export const isEmpty = (windows: KeyWindows): boolean => windows.starts.every((start) => start === windows.records.length);

function change(windows: KeyWindows, window: number, kept: Kept, by: 1 | -1): void {
  windows.version++;
  for (const series of windows.series) {
    if (series.layout.window === window) changeSeries(series, kept.values[series.layout.argument] ?? null, by);
  }
}

function changeSeries(series: Series, value: Scalar | null, by: 1 | -1): void {
  if (value === null) {
    series.errors += by;
    return;
  }
  if (value === true) series.trues += by;
  if (typeof value === 'bigint' && series.layout.keeps.has('sum')) {
    series.sum += by > 0 ? value : -value;
    series.squares += by > 0 ? value * value : -value * value;
  }
  if (series.sorted !== null) (by > 0 ? addSorted : removeSorted)(series.sorted, value);
  if (series.distinct !== null) {
    const times = (series.distinct.get(value) ?? 0) + by;
    if (times === 0) series.distinct.delete(value);
    else series.distinct.set(value, times);
  }
}

function dropUnheld({ records, starts }: KeyWindows): void {
  const unheld = Math.min(...starts);
  if (unheld < records.length && unheld < slackMax) return;
  if (unheld === 0) return;
  records.splice(0, unheld);
  starts.forEach((start, window) => (starts[window] = start - unheld));
}
