import type { Expr, Expr_Call } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { bool, emptyList, emptyMap, list, show, showAll } from './kinds.ts';
import { literalProblem } from './literals.ts';
import type { Literal } from './literals.ts';
import { macroForms } from './macros.ts';
import { isColumnEntry } from './names.ts';
import { overloadHint } from './hints.ts';
import { resultOf, shared, symbolOf } from './operators.ts';
import { ticked } from './problem.ts';
import { fits, functionNames, overloadsOf, refusedFunctions, shown } from './signatures.ts';
import type { Signature } from './signatures.ts';
import { didYouMean } from './suggest.ts';
import { constantString, dottedName } from './tree.ts';
import type { CelType } from './types.ts';
import { markOf, report, startOf } from './walk.ts';
import type { Walk } from './walk.ts';
import { aggregateNames, aggregateType, isAggregateCall } from './aggregates.ts';

/** The type of an operator or function call. */
export function callType(expr: Expr, call: Expr_Call, walk: Walk): CelType | null {
  const { function: name, args } = call;
  switch (name) {
    case '_&&_':
    case '_||_':
    case '!_':
      return logicType(name, args, walk);
    case '_?_:_':
      return conditionalType(args, walk);
    case '-_':
      return negatedType(expr, args, walk);
    default:
      if (symbolOf(name) !== undefined) return binaryType(expr, call, walk);
      if (isAggregateCall(call, walk)) return aggregateType(expr, call, walk);
      return namedType(expr, call, walk);
  }
}

function logicType(name: string, args: readonly Expr[], walk: Walk): CelType {
  const symbol = name.replaceAll('_', '');
  for (const arg of args) {
    const type = walk.visit(arg, walk);
    if (type === null || type.kind === 'bool') continue;
    const todo = type.kind === 'struct' ? 'name one of its attributes' : 'compare it with something';
    report(walk, startOf(walk, arg), { code: 'E-CEL-TYPE', what: `${ticked(symbol)} needs bool, not ${show(type)}`, todo });
  }
  return bool;
}

function conditionalType([condition, yes, no]: readonly Expr[], walk: Walk): CelType | null {
  if (condition === undefined || yes === undefined || no === undefined) return null;
  const test = walk.visit(condition, walk);
  if (test !== null && test.kind !== 'bool') {
    report(walk, startOf(walk, condition), {
      code: 'E-CEL-TYPE',
      what: `the condition before \`?\` is ${show(test)}, not bool`,
      todo: 'compare it',
    });
  }
  const one = walk.visit(yes, walk);
  const other = walk.visit(no, walk);
  if (one === null || other === null) return one ?? other;
  const type = one.kind === 'struct' ? null : shared(one, other);
  if (type === null) {
    const hint = overloadHint('==', { expr: yes, type: one }, { expr: no, type: other }, walk);
    const what = `the branches differ: ${showAll([one, other])}`;
    return report(walk, hint.offset ?? startOf(walk, no), { code: 'E-CEL-TYPE', what, todo: hint.todo });
  }
  return settle([yes, no], type, walk);
}

function negatedType(expr: Expr, [arg]: readonly Expr[], walk: Walk): CelType | null {
  const type = arg === undefined ? null : walk.visit(arg, walk);
  if (type === null || type.kind === 'int' || type.kind === 'double') return type;
  const todo = type.kind === 'duration' ? 'write -1.0 * …' : 'negate a number';
  return report(walk, startOf(walk, expr), { code: 'E-CEL-TYPE', what: `no \`-\` for (${show(type)})`, todo });
}

function binaryType(expr: Expr, { function: name, args }: Expr_Call, walk: Walk): CelType | null {
  const [left, right] = args;
  const symbol = symbolOf(name);
  if (left === undefined || right === undefined || symbol === undefined) return null;
  const one = walk.visit(left, walk);
  const other = walk.visit(right, walk);
  if (one === null || other === null) return ['==', '!=', '<', '<=', '>', '>=', 'in'].includes(symbol) ? bool : null;
  const result = resultOf(symbol, one, other);
  if (result === null) {
    const hint = overloadHint(symbol, { expr: left, type: one }, { expr: right, type: other }, walk);
    const what = `no ${ticked(symbol)} for ${showAll([one, other])}`;
    return report(walk, hint.offset ?? markOf(walk, expr), { code: 'E-CEL-TYPE', what, todo: hint.todo });
  }
  if (symbol === 'in') {
    if (other === emptyList) walk.types.set(right.id, list(one));
    return bool;
  }
  if (symbol === '[]') return indexed(expr, { of: left, by: right }, result, walk);
  settle([left, right], shared(one, other), walk);
  return symbol === '+' ? (shared(one, other) ?? result) : result;
}

/** An index into an entry of the key must be one that `by` names. */
function indexed(expr: Expr, { of, by }: { readonly of: Expr; readonly by: Expr }, result: CelType, walk: Walk): CelType | null {
  const path = walk.types.get(of.id)?.kind === 'map' ? dottedName(of) : null;
  return path === null || isColumnEntry({ path, entry: constantString(by) ?? '', offset: startOf(walk, expr) }, walk) ? result : null;
}

/** Gives `[]` and `{}` the type that their neighbour has. */
function settle(exprs: readonly Expr[], type: CelType | null, walk: Walk): CelType | null {
  if (type !== null) for (const expr of exprs) if (isEmpty(walk.types.get(expr.id))) walk.types.set(expr.id, type);
  return type;
}

const isEmpty = (type: CelType | undefined): boolean => type === emptyList || type === emptyMap;

function namedType(expr: Expr, { function: name, target, args }: Expr_Call, walk: Walk): CelType | null {
  const nameAt = markOf(walk, expr);
  const refuse = (problem: { readonly what: string; readonly todo: string }, offset = startOf(walk, expr)): null =>
    report(walk, offset, { code: 'E-CEL-TYPE', ...problem });
  const refused = target === undefined ? refusedFunctions.get(name) : undefined;
  if (refused !== undefined) return refuse({ what: refused[0], todo: refused[1] });
  if (name === 'has' && target === undefined)
    return refuse({ what: 'has() takes one field', todo: 'write has(request.headers.x), or "x-y" in request.headers' });
  if (target !== undefined && macroForms.has(name))
    return refuse({ what: `\`${name}\` takes a name and an expression`, todo: `write ${macroForms.get(name)}` }, nameAt);
  const types = [...(target === undefined ? [] : [target]), ...args].map((arg) => walk.visit(arg, walk));
  const known = overloadsOf(name);
  if (known.length === 0)
    return report(walk, target === undefined ? nameAt : nameAt + 1, () => {
      return { code: 'E-CEL-NAME', what: `undeclared function ${ticked(name)}`, todo: meant(name, walk) };
    });
  const styled = known.filter((signature) => (signature.receiver === null) === (target === undefined));
  if (styled.length === 0)
    return refuse({ what: `${ticked(name)} is called differently`, todo: `write ${known.map(shown).join(' or ')}` }, nameAt);
  if (types.some((type) => type === null)) return onlyResult(styled);
  const given = types.filter((type) => type !== null);
  const chosen = styled.find((signature) => matches(signature, given));
  if (chosen === undefined)
    return noOverload({ name, expr, args: [...(target === undefined ? [] : [target]), ...args], types: given, styled }, walk);
  const problem = literalProblem(name, args.map(literalOf));
  if (problem === null) return chosen.result;
  report(walk, startOf(walk, args[problem.argument] ?? expr), { code: 'E-CEL-VALUE', what: problem.what, todo: problem.todo });
  return chosen.result;
}

const parametersOf = ({ receiver, args }: Signature): readonly string[] => (receiver === null ? args : [receiver, ...args]);

function matches(signature: Signature, types: readonly CelType[]): boolean {
  const parameters = parametersOf(signature);
  return parameters.length === types.length && parameters.every((parameter, i) => fits(parameter, types[i]!));
}

/** With a wrong argument the result is still known when every overload gives the same. */
const onlyResult = (overloads: readonly Signature[]): CelType | null =>
  overloads.every(({ result }) => result === overloads[0]?.result) ? (overloads[0]?.result ?? null) : null;

type Mismatch = {
  readonly name: string;
  readonly expr: Expr;
  /** The receiver first. */
  readonly args: readonly Expr[];
  readonly types: readonly CelType[];
  readonly styled: readonly Signature[];
};

function noOverload({ name, expr, args, types, styled }: Mismatch, walk: Walk): CelType | null {
  const ofLength = styled.filter((signature) => parametersOf(signature).length === types.length);
  const only = ofLength.length === 1 ? ofLength[0] : undefined;
  const wrong = only === undefined ? -1 : parametersOf(only).findIndex((parameter, i) => !fits(parameter, types[i]!));
  const offset = wrong >= 0 ? startOf(walk, args[wrong] ?? expr) : startOf(walk, expr);
  const forms = [...new Set((ofLength.length > 0 ? ofLength : styled).map(shown))];
  report(walk, offset, {
    code: 'E-CEL-TYPE',
    what: `no ${ticked(name)} for ${showAll(types)}`,
    todo: `write ${forms.slice(0, 4).join(' or ')}`,
  });
  return onlyResult(styled);
}

function literalOf(expr: Expr): Literal {
  if (expr.exprKind.case !== 'constExpr') return null;
  const { constantKind } = expr.exprKind.value;
  return constantKind.case === 'stringValue' || constantKind.case === 'int64Value' ? constantKind.value : null;
}

function meant(name: string, walk: Walk): string {
  const aggregates = walk.env.dialect === 'aggregate' ? [...aggregateNames] : [];
  return didYouMean(
    name,
    [...functionNames, ...macroForms.keys(), ...aggregates, 'has'],
    'see `functions` and `aggregates` in the rule reference',
  );
}
