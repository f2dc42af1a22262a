import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import type { Environment } from './declare.ts';
import { ticked } from './problem.ts';
import { didYouMean } from './suggest.ts';
import { variableNamed } from './walk.ts';
import type { Walk } from './walk.ts';

/** The set of `select` that stands before `.ratio(…)`; null: it is no set. */
export function setNamed(target: Expr, walk: Walk): string | null {
  const name = target.exprKind.case === 'identExpr' ? target.exprKind.value.name : null;
  return name !== null && walk.env.sets.has(name) && variableNamed(walk, name) === undefined ? name : null;
}

/** A name before an aggregate that no one declared: it was meant to be a set. */
export function undeclaredSet(
  name: string,
  { sets }: Environment,
): { readonly code: 'E-CEL-NAME'; readonly what: string; readonly todo: string } {
  const names = [...sets.keys()];
  const has = names.length === 0 ? 'this rule has no `select`' : `in select: ${names.join(', ')}`;
  return { code: 'E-CEL-NAME', what: `undeclared ${ticked(name)} (${has})`, todo: didYouMean(name, names, 'declare it under `select`') };
}
