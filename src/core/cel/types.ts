import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import type { Stream } from '../../model/record.ts';

/** A CEL type without `dyn`: every expression of a rule has one of these. `struct` is a fixed set of attributes, e.g. `destination`. */
export type CelType =
  | { readonly kind: 'bool' | 'int' | 'uint' | 'double' | 'string' | 'bytes' | 'null' | 'duration' | 'timestamp' | 'ip' | 'cidr' }
  | { readonly kind: 'list'; readonly of: CelType }
  | { readonly kind: 'map'; readonly key: CelType; readonly value: CelType }
  | { readonly kind: 'struct'; readonly name: string };

/**
 * `CEL<r>` sees one record; `CEL<a>` aggregates, key, now; `CEL<m>` what an engine knows before the fact, and key. `declared`: plain CEL
 * over variables that someone else declares, as the conformance suite and the benchmarks do.
 */
export type Dialect = 'record' | 'aggregate' | 'match' | 'declared';

/** Expr ids are unique within one text; positions are offsets in code points into it. */
export type Checked = {
  readonly text: string;
  readonly dialect: Dialect;
  readonly expr: Expr;
  readonly type: CelType;
  /** The type of every node, by Expr id. */
  readonly types: ReadonlyMap<bigint, CelType>;
  readonly positions: ReadonlyMap<bigint, number>;
  /** The macro (all, exists, …) behind each comprehension, by its Expr id. */
  readonly macros: ReadonlyMap<bigint, string>;
  /** Outermost aggregate calls of a CEL<a>, in order of appearance; empty in other dialects. */
  readonly aggregates: readonly Aggregate[];
};

/** Aggregates over the records of one window. */
export type PlainName = 'count' | 'rate' | 'sum' | 'distinct' | 'absent' | 'ratio' | 'mean' | 'min' | 'max' | 'stddev' | 'quantile';
/** Those that compare one plain aggregate with its like: at other keys, or in earlier windows. */
export type ComparedName = 'peers' | 'share' | 'rank' | 'baseline' | 'zscore';
export type AggregateName = PlainName | ComparedName | 'burn_rate' | 'firing' | 'param' | 'variable';

/** What a CEL<a> is given for a key at an instant: an aggregate call, or a name of the rule's own. p50(x) … p99(x) are `quantile` with their q. */
export type Aggregate = {
  /** The Expr id of the node: what the evaluator replaces by the value. */
  readonly id: bigint;
  /** As written, runs of white space outside literals one blank: the name under which `values` shows it. */
  readonly text: string;
  readonly name: AggregateName;
  /** The set of `select` whose records it looks at; null: the rule's own. */
  readonly set: string | null;
  /** The record expression (a predicate for count and ratio), type-checked as CEL<r>; null where there is none (count(), rate(), absent()). */
  readonly argument: Checked | null;
  /** The plain aggregate that is compared; of burn_rate: the ratio of what is good. */
  readonly inner: Aggregate | null;
  /** Decimal text of q as written, e.g. "0.99"; null unless a quantile. */
  readonly q: string | null;
  /** The optional last argument; null: the window of its set. */
  readonly windowNs: bigint | null;
  /** How far baseline and zscore look back; null for others. */
  readonly spanNs: bigint | null;
  /** The rule that firing() asks for, or the name of a param or variable; null for others. */
  readonly of: string | null;
  /** firing("rule", key): only at keys equal in the columns that both rules have. */
  readonly byKey: boolean;
  readonly type: CelType;
};

export type StreamOf = Stream;
