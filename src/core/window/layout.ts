import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import type { Aggregate, AggregateName, CelType, Checked } from '../cel/types.ts';
import { readDecimal } from './exact.ts';
import type { Decimal } from './exact.ts';
import type { KeeperKind } from './keep/kinds.ts';

/** What an aggregate asks of a selection, before it has one. */
export type SlotSpec = {
  /** Two specs with one `id` are the same aggregate, in any rule. */
  readonly id: string;
  readonly name: AggregateName;
  readonly type: CelType;
  readonly argument: Checked | null;
  readonly fingerprint: string | null;
  readonly kinds: readonly KeeperKind[];
  readonly windowNs: bigint;
  readonly lagNs: bigint;
  readonly q: Decimal | null;
  readonly inner: SlotSpec | null;
  readonly least: number;
  readonly leastPeers: number;
  readonly cuts: readonly number[];
};

/** Where a rule says how an aggregate is read. */
export type SpecContext = {
  /** The rule's window. */
  readonly windowNs: bigint;
  /** `minimum.count`, or `minimum.until`. */
  readonly least: number;
  readonly leastPeers: number;
  readonly cuts: ReadonlyMap<bigint, readonly number[]>;
};

export function specOf(aggregate: Aggregate, context: SpecContext): SlotSpec {
  const { name, type, argument, q } = aggregate;
  const inner = aggregate.inner === null ? null : specOf(aggregate.inner, context);
  const print = argument === null ? null : fingerprint(argument.expr);
  const windowNs = inner?.windowNs ?? aggregate.windowNs ?? context.windowNs;
  const isDouble = argument?.type.kind === 'double';
  const { least, leastPeers } = context;
  return {
    id: [name, q ?? '', windowNs, print ?? '', least, inner === null ? '' : `${leastPeers} ${inner.id}`].join('|'),
    name,
    type,
    argument,
    fingerprint: print,
    kinds: argument === null ? [] : kindsOf(name, isDouble),
    windowNs,
    lagNs: 0n,
    q: q === null ? null : readDecimal(q),
    inner,
    least,
    leastPeers,
    cuts: context.cuts.get(aggregate.id) ?? [],
  };
}

function kindsOf(name: AggregateName, isDouble: boolean): readonly KeeperKind[] {
  switch (name) {
    case 'count':
    case 'ratio':
      return ['trues'];
    case 'rate':
    case 'sum':
    case 'mean':
      return [isDouble ? 'doubles' : 'sums'];
    case 'stddev':
      return isDouble ? ['spread'] : ['sums', 'squares'];
    case 'min':
    case 'max':
      return ['extremes'];
    case 'quantile':
      return ['quantiles'];
    case 'distinct':
      return ['distinct'];
    default:
      return [];
  }
}

/** The same text for the same expression, whatever its ids and wherever it stands. */
export function fingerprint(expr: Expr): string {
  return JSON.stringify(expr, (name, value: unknown) => (name === 'id' ? undefined : typeof value === 'bigint' ? `${value}n` : value));
}

/** The greatest length of which both are multiples. */
export function commonGrain(a: bigint, b: bigint): bigint {
  let [x, y] = [a, b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}
