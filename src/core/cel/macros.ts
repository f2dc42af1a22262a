import type { Expr, Expr_Comprehension } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { celMacroDepthMax } from './bounds.ts';
import { bool, dyn, emptyList, emptyMap, int, list, show } from './kinds.ts';
import { ticked } from './problem.ts';
import { childrenOf } from './tree.ts';
import type { CelType } from './types.ts';
import { report, startOf } from './walk.ts';
import type { Walk } from './walk.ts';

/** The macros that the parser turns into a comprehension, and how they are written. */
export const macroForms: ReadonlyMap<string, string> = new Map([
  ['all', 'list.all(x, condition)'],
  ['exists', 'list.exists(x, condition)'],
  ['exists_one', 'list.exists_one(x, condition)'],
  ['map', 'list.map(x, value) or list.map(x, condition, value)'],
  ['filter', 'list.filter(x, condition)'],
]);

/** The type of an expanded macro. What the author wrote is checked; what the parser added around it is only typed. */
export function macroType(expr: Expr, loop: Expr_Comprehension, walk: Walk): CelType | null {
  const name = walk.parsed.macros.get(expr.id) ?? 'macro';
  const { iterRange, iterVar } = loop;
  if (iterRange === undefined) return null;
  const range = walk.visit(iterRange, walk);
  const depth = walk.macros.depth + 1;
  if (depth > celMacroDepthMax) return tooDear(expr, walk, `macros are nested more than ${celMacroDepthMax} deep`);
  if (range !== null && range.kind !== 'list' && range.kind !== 'map' && range.kind !== 'dyn') {
    const what = `\`${name}\` needs a list or a map, not ${show(range)}`;
    return report(walk, startOf(walk, expr), { code: 'E-CEL-TYPE', what, todo: `write ${macroForms.get(name) ?? name}` });
  }
  if (walk.env.roots.has(iterVar) && walk.env.dialect !== 'declared') {
    return report(walk, startOf(walk, expr), {
      code: 'E-CEL-NAME',
      what: `the variable ${ticked(iterVar)} would hide what it names here`,
      todo: 'choose another name',
    });
  }
  if (range === null || !(range.kind === 'list' || range.kind === 'map' || range.kind === 'dyn')) return null;
  const unsaid = walk.env.dialect === 'declared' && (range === emptyList || range === emptyMap);
  const element = unsaid ? dyn : range.kind === 'map' ? range.key : range.kind === 'list' ? range.of : dyn;
  const within: Walk = { ...walk, variables: [[iterVar, element], ...walk.variables], macros: { depth } };
  const { conditions, value } = writtenParts(name, loop);
  let sound = true;
  for (const condition of conditions) {
    const type = within.visit(condition, within);
    if (type !== null && type.kind !== 'bool' && type.kind !== 'dyn') {
      const what = `the condition of \`${name}\` is ${show(type)}, not bool`;
      report(walk, startOf(walk, condition), { code: 'E-CEL-TYPE', what, todo: 'compare it with something' });
    }
    sound &&= type?.kind === 'bool' || type?.kind === 'dyn';
  }
  const of = value === null ? null : within.visit(value, within);
  if (!sound || (value !== null && of === null)) return null;
  const collected = of === null ? null : list(of);
  const result = collected ?? bool;
  for (const part of childrenOf(expr)) typeAdded(part, collected ?? (name.startsWith('exists') && isCount(loop) ? int : bool), walk);
  return result;
}

const isCount = ({ accuInit }: Expr_Comprehension): boolean =>
  accuInit?.exprKind.case === 'constExpr' && accuInit.exprKind.value.constantKind.case === 'int64Value';

const tooDear = (expr: Expr, walk: Walk, what: string): null =>
  report(walk, startOf(walk, expr), { code: 'E-CEL-COST', what, todo: 'make it simpler' });

/** The conditions and the collected value inside the parser's expansion (CEL specification, macros). */
export function writtenParts(
  name: string,
  { loopStep }: Expr_Comprehension,
): { readonly conditions: readonly Expr[]; readonly value: Expr | null } {
  const args = loopStep?.exprKind.case === 'callExpr' ? loopStep.exprKind.value.args : [];
  const [first, second] = args;
  const picks = loopStep?.exprKind.case === 'callExpr' && loopStep.exprKind.value.function === '_?_:_';
  if (name === 'map' || name === 'filter') {
    const sum = picks ? second : loopStep;
    const added = sum?.exprKind.case === 'callExpr' ? sum.exprKind.value.args[1] : undefined;
    const value = added?.exprKind.case === 'listExpr' ? (added.exprKind.value.elements[0] ?? null) : null;
    return { conditions: picks && first !== undefined ? [first] : [], value };
  }
  const condition = picks ? first : second;
  return { conditions: condition === undefined ? [] : [condition], value: null };
}

/** Types the nodes that the parser added: the accumulator and what joins it. */
function typeAdded(expr: Expr, accumulator: CelType, walk: Walk): void {
  if (walk.types.has(expr.id)) return;
  const { exprKind } = expr;
  for (const child of childrenOf(expr)) typeAdded(child, accumulator, walk);
  const joins = exprKind.case === 'callExpr' && ['_+_', '_?_:_'].includes(exprKind.value.function);
  const isAccumulator = exprKind.case === 'identExpr' || exprKind.case === 'listExpr' || joins;
  const counts = exprKind.case === 'constExpr' && exprKind.value.constantKind.case === 'int64Value';
  walk.types.set(expr.id, isAccumulator ? accumulator : counts ? int : bool);
}
