import type { Value } from '../../model/rule.ts';
import { isInt64 } from '../cel/value.ts';
import type { Scalar } from '../cel/value.ts';
import { divideRounded } from '../../model/duration.ts';
import { nearestRank, preciseSum, ratio, rootOver } from './exact.ts';
import { countIn } from './keep.ts';
import type { KeyWindows, Series } from './keep.ts';
import type { Slot } from './layout.ts';
import type { Life } from './liveness.ts';
import { sortedAt } from './sorted.ts';

/** What an aggregate over a window depends on besides the records in it. */
export type Reading = {
  readonly life: Life;
  /** `minimum.count`, or `minimum.until` where `until` judges. */
  readonly least: number;
};

/** More than 5 % of the records erred: one in twenty. */
const errorShare = 20;
const second = 1_000_000_000n;

/** A plain aggregate (all of rules.md section 2 but peers) over a key's window; null: without value, which CEL sees as unknown. */
export function readAggregate(slot: Slot, windows: KeyWindows, { life, least }: Reading): Value | null {
  if (life.status === 'stale') return null;
  const n = countIn(windows, slot.window);
  if (slot.name === 'absent') return n > 0 ? false : (life.liveThroughout[slot.window] ?? false) ? true : null;
  const series = slot.series === null ? undefined : windows.series[slot.series];
  if (series !== undefined && series.errors * errorShare > n) return null;
  const good = n - (series?.errors ?? 0);
  switch (slot.name) {
    case 'count':
    case 'rate':
    case 'sum':
    case 'distinct':
      return life.status !== 'live' || (life.staleIn[slot.window] ?? false) ? null : readTotal(slot, windows, { series, good });
    default:
      return n < least || good === 0 || series === undefined ? null : readShape(slot, windows, { series, good });
  }
}

type Found<S> = { readonly series: S; /** Records whose argument did not err. */ readonly good: number };

/** Those that are 0 over no records. */
function readTotal(slot: Slot, windows: KeyWindows, { series, good }: Found<Series | undefined>): Value | null {
  if (slot.name === 'distinct') return BigInt(series?.distinct?.size ?? 0);
  if (slot.name === 'count') return BigInt(series === undefined ? good : series.trues);
  const windowNs = windows.layout.windows[slot.window] ?? second;
  if (series?.layout.keeps.has('doubles')) {
    const sum = preciseSum(doublesOf(windows, series));
    return slot.name === 'sum' ? number(sum) : number(sum / (Number(windowNs) / 1e9));
  }
  if (slot.name === 'sum') return whole(series?.sum ?? 0n, slot.argumentKind);
  const total = series === undefined ? BigInt(good) : series.sum;
  // A rate of durations is seconds a second: the ns of both cancel.
  return slot.argumentKind === 'duration' ? ratio(total, windowNs) : ratio(total * second, windowNs);
}

/** Those that need records. */
function readShape(slot: Slot, windows: KeyWindows, { series, good }: Found<Series>): Value | null {
  const count = BigInt(good);
  switch (slot.name) {
    case 'ratio':
      return series.trues / good;
    case 'min':
      return wrapped(at(series, 0), slot.argumentKind);
    case 'max':
      return wrapped(at(series, good - 1), slot.argumentKind);
    case 'quantile':
      return slot.q === null ? null : wrapped(at(series, nearestRank(slot.q, good) - 1), slot.argumentKind);
    case 'mean':
      if (series.layout.keeps.has('doubles')) return number(preciseSum(doublesOf(windows, series)) / good);
      return slot.argumentKind === 'int' ? ratio(series.sum, count) : wrapped(divideRounded(series.sum, count), slot.argumentKind);
    case 'stddev': {
      if (series.layout.keeps.has('doubles')) return number(deviation(doublesOf(windows, series)));
      // Exact: the variance of n whole numbers is (n Σx² − (Σx)²) / n².
      const scaled = count * series.squares - series.sum * series.sum;
      return slot.argumentKind === 'int' ? Math.sqrt(ratio(scaled, count * count)) : { durationNs: rootOver(scaled, count) };
    }
    default:
      return null;
  }
}

function at(series: Series, index: number): Scalar {
  if (series.sorted === null) throw new Error('flyball: broken invariant: a series without the order it needs');
  return sortedAt(series.sorted, index);
}

/** The numbers of a window in order of time and arrival, errors left out. Summed anew each time: what is added and taken away again leaves a trace in doubles. */
function doublesOf(windows: KeyWindows, { layout }: Series): readonly number[] {
  const numbers: number[] = [];
  for (let i = windows.starts[layout.window] ?? 0; i < windows.records.length; i++) {
    const value = windows.records[i]?.values[layout.argument];
    if (typeof value === 'number') numbers.push(value);
  }
  return numbers;
}

function deviation(numbers: readonly number[]): number {
  const mean = preciseSum(numbers) / numbers.length;
  return Math.sqrt(preciseSum(numbers.map((x) => (x - mean) ** 2)) / numbers.length);
}

const number = (value: number): number | null => (Number.isNaN(value) ? null : value);

/** A total as the type of what was summed; beyond int64 it is CEL's overflow. */
function whole(sum: bigint, kind: Slot['argumentKind']): Value | null {
  return isInt64(sum) ? wrapped(sum, kind) : null;
}

/** Gives a scalar its type back. */
export function wrapped(value: Scalar, kind: Slot['argumentKind']): Value {
  if (typeof value !== 'bigint') return value;
  return kind === 'duration' ? { durationNs: value } : kind === 'timestamp' ? { timeNs: value } : value;
}
