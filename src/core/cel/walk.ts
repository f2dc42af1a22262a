import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import type { Problem } from '../../model/problem.ts';
import { celProblemsFoundMax } from './bounds.ts';
import type { Environment } from './declare.ts';
import type { Parsed } from './parse.ts';
import type { CelProblem } from './problem.ts';
import type { Aggregate, CelType } from './types.ts';

/** One pass over a tree: what is known at this node, and what was found so far. Null as a type means: already reported. */
export type Walk = {
  readonly parsed: Parsed;
  readonly env: Environment;
  /** Variables of the macros around this node, innermost first. */
  readonly variables: readonly (readonly [name: string, type: CelType])[];
  /** How many macros are around it. */
  readonly macros: { readonly depth: number };
  /** The aggregate whose argument this is, else null. */
  readonly inside: string | null;
  readonly types: Map<bigint, CelType>;
  readonly problems: CelProblem[];
  readonly aggregates: Aggregate[];
  /** Types a node and everything below it. */
  readonly visit: (expr: Expr, walk: Walk) => CelType | null;
};

type Words = { readonly code: Problem['code']; readonly what: string; readonly todo: string };

/** Notes a problem and types the node as already reported. Words that cost a search are given as a function: past the bound no one reads them. */
export function report(walk: Walk, offset: number, problem: Words | (() => Words)): null {
  if (walk.problems.length < celProblemsFoundMax) walk.problems.push({ ...(typeof problem === 'function' ? problem() : problem), offset });
  return null;
}

/** Where the text of a node begins. */
export const startOf = (walk: Walk, expr: Expr): number => walk.parsed.starts.get(expr.id) ?? 0;

/** Where its operator, dot, bracket or name stands. */
export const markOf = (walk: Walk, expr: Expr): number => walk.parsed.marks.get(expr.id) ?? 0;

export const variableNamed = (walk: Walk, name: string): CelType | undefined => walk.variables.find(([own]) => own === name)?.[1];
