import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import type { Aggregate, AggregateName, Checked, CelType } from '../cel/types.ts';
import { readDecimal } from './exact.ts';
import type { Decimal } from './exact.ts';

/** What a series keeps of its values besides how many erred. */
export type Keeping = 'trues' | 'sum' | 'doubles' | 'sorted' | 'distinct';

/** The values of one argument over one window: what several aggregates share. */
export type SeriesLayout = { readonly argument: number; readonly window: number; readonly keeps: ReadonlySet<Keeping> };

/** Where an aggregate finds what it needs. */
export type Slot = {
  readonly name: AggregateName;
  readonly type: CelType;
  readonly argumentKind: CelType['kind'] | null;
  /** Index into `windows`. */
  readonly window: number;
  /** Index into `series`; null where there is no argument. */
  readonly series: number | null;
  readonly q: Decimal | null;
  /** The plain aggregate inside peers(a). */
  readonly inner: Slot | null;
  /** Two slots with one `id` are the same aggregate. */
  readonly id: string;
};

/** All that one rule keeps for each of its keys: distinct arguments, distinct windows, and the series over both. */
export type Layout = {
  readonly arguments: readonly Checked[];
  /** In ns; the rule's own is the first. */
  readonly windows: readonly bigint[];
  readonly longestNs: bigint;
  readonly series: readonly SeriesLayout[];
  /** The slot of an aggregate handed to layoutOf. */
  readonly slotOf: (aggregate: Aggregate) => Slot;
};

const keepingOf: Readonly<Record<AggregateName, 'trues' | 'numbers' | 'sorted' | 'distinct' | 'none'>> = {
  count: 'trues',
  ratio: 'trues',
  rate: 'numbers',
  sum: 'numbers',
  mean: 'numbers',
  stddev: 'numbers',
  min: 'sorted',
  max: 'sorted',
  quantile: 'sorted',
  distinct: 'distinct',
  absent: 'none',
  peers: 'none',
};

/** Lays out the aggregates of a rule, whose own window counts even where no aggregate looks at it. */
export function layoutOf(aggregates: readonly Aggregate[], windowNs: bigint): Layout {
  const args: Checked[] = [];
  const windows = [windowNs];
  const series: { argument: number; window: number; keeps: Set<Keeping> }[] = [];
  const fingerprints: string[] = [];

  const argumentIndex = (checked: Checked): number => {
    const at = indexOrPush(fingerprints, fingerprint(checked.expr));
    args[at] ??= checked;
    return at;
  };
  const seriesIndex = (checked: Checked, window: number, name: AggregateName): number => {
    const argument = argumentIndex(checked);
    let at = series.findIndex((s) => s.argument === argument && s.window === window);
    if (at < 0) at = series.push({ argument, window, keeps: new Set() }) - 1;
    const keeps = keepingOf[name];
    if (keeps !== 'none') series[at]?.keeps.add(keeps === 'numbers' ? (checked.type.kind === 'double' ? 'doubles' : 'sum') : keeps);
    return at;
  };
  const slotOf = (a: Aggregate): Slot => {
    const inner = a.inner === null ? null : slotOf(a.inner);
    const window = inner?.window ?? indexOrPush(windows, a.windowNs ?? windowNs);
    const index = a.argument === null || inner !== null ? null : seriesIndex(a.argument, window, a.name);
    const q = a.q === null ? null : readDecimal(a.q);
    const id = [a.name, window, index, a.q, inner?.id].join('|');
    return { name: a.name, type: a.type, argumentKind: a.argument?.type.kind ?? null, window, series: index, q, inner, id };
  };
  const slots = new Map(aggregates.map((a) => [a, slotOf(a)]));
  return {
    arguments: args,
    windows,
    longestNs: windows.reduce((a, b) => (a > b ? a : b)),
    series,
    slotOf: (a) => slots.get(a) ?? slotOf(a),
  };
}

function indexOrPush<T>(list: T[], item: T): number {
  const at = list.indexOf(item);
  return at < 0 ? list.push(item) - 1 : at;
}

/** The same text for the same expression, whatever its ids and wherever it stands. */
function fingerprint(expr: Expr): string {
  return JSON.stringify(expr, (name, value: unknown) => (name === 'id' ? undefined : typeof value === 'bigint' ? `${value}n` : value));
}
