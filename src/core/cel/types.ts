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

export type AggregateName =
  'count' | 'rate' | 'sum' | 'distinct' | 'absent' | 'ratio' | 'mean' | 'min' | 'max' | 'stddev' | 'quantile' | 'peers';

/** One aggregate call inside a CEL<a>; p50(x) … p99(x) are `quantile` with their q. */
export type Aggregate = {
  /** The Expr id of the call: what the evaluator replaces by the value. */
  readonly id: bigint;
  /** As written, runs of white space outside literals one blank: the name under which `values` shows it. */
  readonly text: string;
  readonly name: AggregateName;
  /** The record expression (a predicate for count and ratio), type-checked as CEL<r>; null where there is none (count(), rate(), absent()). */
  readonly argument: Checked | null;
  /** The plain aggregate inside peers(a). */
  readonly inner: Aggregate | null;
  /** Decimal text of q as written, e.g. "0.99"; null unless a quantile. */
  readonly q: string | null;
  /** The optional last argument; null: the rule's own window. */
  readonly windowNs: bigint | null;
  readonly type: CelType;
};

export type StreamOf = Stream;
