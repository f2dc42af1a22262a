import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import type { Aggregate, CelType, Checked, PlainName } from '../cel/types.ts';
import { readDecimal } from './exact.ts';
import type { Decimal } from './exact.ts';
import type { KeeperKind } from './keep/kinds.ts';

/** What an aggregate asks of a selection, before it has one. */
export type SlotSpec = {
  /** Two specs with one `id` are the same aggregate, in any rule. */
  readonly id: string;
  readonly name: PlainName;
  readonly type: CelType;
  readonly argument: Checked | null;
  readonly fingerprint: string | null;
  readonly kinds: readonly KeeperKind[];
  readonly windowNs: bigint;
  readonly lagNs: bigint;
  readonly q: Decimal | null;
  readonly least: number;
  readonly cuts: readonly number[];
};

/** Where a rule says how an aggregate is read. */
export type SpecContext = {
  /** The window of the set that it looks at. */
  readonly windowNs: bigint;
  /** How long before the instant its window ends. */
  readonly lagNs: bigint;
  /** `minimum.count`, or `minimum.until`. */
  readonly least: number;
  readonly cuts: readonly number[];
};

/** A plain aggregate that calls itself `name`. */
export function specOf(name: PlainName, { type, argument, q, ...aggregate }: Aggregate, context: SpecContext): SlotSpec {
  const { least, lagNs, cuts } = context;
  const print = argument === null ? null : fingerprint(argument.expr);
  const windowNs = aggregate.windowNs ?? context.windowNs;
  return {
    id: idOf({ name, q, windowNs, lagNs, print, least }),
    name,
    type,
    argument,
    fingerprint: print,
    kinds: argument === null ? [] : kindsOf(name, argument.type.kind === 'double'),
    windowNs,
    lagNs,
    q: q === null ? null : readDecimal(q),
    least,
    // A variable that is compared may be any aggregate; only a quantile is cut.
    cuts: name === 'quantile' ? cuts : [],
  };
}

type Identity = {
  readonly name: string;
  readonly q: string | null;
  readonly windowNs: bigint;
  readonly lagNs: bigint;
  readonly print: string | null;
  readonly least: number;
};
const idOf = ({ name, q, windowNs, lagNs, print, least }: Identity): string =>
  [name, q ?? '', windowNs, lagNs, print ?? '', least].join('|');

/** The same aggregate over a window that ends earlier; compared with nothing. */
export function earlierBy(spec: SlotSpec, lagNs: bigint): SlotSpec {
  const { name, windowNs, fingerprint: print, least } = spec;
  const q = spec.q === null ? null : `${spec.q.numerator}/${spec.q.denominator}`;
  return { ...spec, id: `earlier|${idOf({ name, q, windowNs, lagNs, print, least })}`, lagNs, cuts: [] };
}

function kindsOf(name: PlainName, isDouble: boolean): readonly KeeperKind[] {
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
