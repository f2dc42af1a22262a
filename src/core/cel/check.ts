import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { fail, ok } from '../../model/problem.ts';
import type { Result } from '../../model/problem.ts';
import { celProblemsMax } from './bounds.ts';
import { callType } from './calls.ts';
import { costProblem, staticCost } from './cost.ts';
import type { Environment } from './declare.ts';
import { bool, bytes, double, dyn, emptyList, emptyMap, int, list, map, nothing, showAll, string, uint } from './kinds.ts';
import { settled, unified } from './loose.ts';
import { macroType } from './macros.ts';
import { identType, selectType } from './names.ts';
import { shared } from './operators.ts';
import { parse } from './parse.ts';
import { qualifiedType } from './qualified.ts';
import type { CelProblem } from './problem.ts';
import type { Checked, CelType } from './types.ts';
import { report, startOf } from './walk.ts';
import type { Walk } from './walk.ts';

/**
 * Parses a CEL text and types every node of it, as cel-go's checker would, without `dyn`. All problems at once, by offset, at most
 * celProblemsMax: E-CEL-SYNTAX, E-CEL-COST, E-CEL-NAME, E-CEL-TYPE, E-CEL-VALUE, E-CEL-SCOPE, E-MATCH-AFTER, E-NOT-YET. Never throws.
 */
export function check(text: string, env: Environment): Result<Checked, readonly CelProblem[]> {
  const parsed = parse(text, env.dialect === 'declared');
  if (!parsed.ok) return fail([parsed.problem]);
  const walk: Walk = {
    parsed: parsed.value,
    env,
    variables: [],
    macros: { depth: 0 },
    inside: null,
    types: new Map(),
    problems: [],
    aggregates: [],
    visit,
  };
  const type = visit(parsed.value.expr, walk);
  if (walk.problems.length > 0) return fail(inOrder(walk.problems));
  if (type === null) return fail([{ code: 'E-CEL-TYPE', offset: 0, what: 'the expression has no type', todo: 'write it another way' }]);
  const { expr, starts, macros } = parsed.value;
  const aggregates = walk.aggregates.toSorted((a, b) => (starts.get(a.id) ?? 0) - (starts.get(b.id) ?? 0));
  const settledType = env.dialect === 'declared' ? settled(type) : type;
  const cost = staticCost({ expr, types: walk.types, macros });
  const dear = costProblem(cost, starts.get(expr.id) ?? 0);
  if (dear !== null) return fail([dear]);
  return ok({ text, dialect: env.dialect, expr, type: settledType, types: walk.types, positions: starts, macros, cost, aggregates });
}

function visit(expr: Expr, walk: Walk): CelType | null {
  const type = typeOf(expr, walk);
  if (type !== null) walk.types.set(expr.id, type);
  return type;
}

function typeOf(expr: Expr, walk: Walk): CelType | null {
  const { exprKind } = expr;
  const qualified = walk.env.declared === undefined ? null : qualifiedType(expr, walk);
  if (qualified !== null) return qualified;
  switch (exprKind.case) {
    case 'constExpr':
      return constantType(expr, walk);
    case 'identExpr':
      return identType(expr, exprKind.value.name, walk);
    case 'selectExpr':
      return selectType(expr, exprKind.value, walk);
    case 'callExpr':
      return callType(expr, exprKind.value, walk);
    case 'comprehensionExpr':
      return macroType(expr, exprKind.value, walk);
    case 'listExpr':
      return sharedType(exprKind.value.elements, walk, (of) => (of === null ? emptyList : list(of)));
    case 'structExpr':
      return mapType(expr, walk);
    default:
      return report(walk, startOf(walk, expr), { code: 'E-CEL-TYPE', what: 'this has no type', todo: 'write it another way' });
  }
}

function constantType(expr: Expr, walk: Walk): CelType | null {
  const kind = expr.exprKind.case === 'constExpr' ? expr.exprKind.value.constantKind : undefined;
  const refuse = (what: string, todo: string): null => report(walk, startOf(walk, expr), { code: 'E-CEL-TYPE', what, todo });
  switch (kind?.case) {
    case 'boolValue':
      return bool;
    case 'stringValue':
      return string;
    case 'nullValue':
      return nothing;
    case 'int64Value':
      if (BigInt.asIntN(64, kind.value) === kind.value) return int;
      return report(walk, startOf(walk, expr), {
        code: 'E-CEL-VALUE',
        what: 'the number does not fit an int',
        todo: 'write a double, as 1e19',
      });
    case 'doubleValue':
      if (Number.isFinite(kind.value)) return double;
      return report(walk, startOf(walk, expr), {
        code: 'E-CEL-VALUE',
        what: 'the number does not fit a double',
        todo: 'use a smaller one',
      });
    case 'uint64Value':
      if (walk.env.dialect === 'declared') return uint;
      return refuse('uint is not used in rules: attributes are int', 'leave the u out');
    case 'bytesValue':
      if (walk.env.dialect === 'declared') return bytes;
      return refuse('bytes are not used in rules', 'leave the b out');
    default:
      return refuse('this constant has no type', 'write it another way');
  }
}

/** The one type of all elements, wrapped; `[]` and `{}` among them take it too. */
function sharedType(elements: readonly Expr[], walk: Walk, wrap: (of: CelType | null) => CelType): CelType | null {
  const types = elements.map((element) => walk.visit(element, walk));
  let all: CelType | null = null;
  for (const [i, type] of types.entries()) {
    if (type === null) return null;
    const next: CelType | null =
      all === null ? type : (shared(all, type) ?? (walk.env.dialect === 'declared' ? (unified(all, type) ?? dyn) : null));
    if (next === null || type.kind === 'struct') {
      const offset = startOf(walk, elements[i] ?? elements[0]!);
      const what =
        type.kind === 'struct'
          ? `\`${type.name}\` is a group of attributes`
          : `elements of different types: ${showAll([all ?? type, type])}`;
      return report(walk, offset, { code: 'E-CEL-TYPE', what, todo: 'use values of one type' });
    }
    all = next;
  }
  if (all !== null) for (const element of elements) walk.types.set(element.id, all);
  return wrap(all);
}

function mapType(expr: Expr, walk: Walk): CelType | null {
  if (expr.exprKind.case !== 'structExpr') return null;
  const { entries, messageName } = expr.exprKind.value;
  if (messageName !== '') return report(walk, startOf(walk, expr), messageProblem);
  const keys = entries.flatMap((entry) => (entry.keyKind.case === 'mapKey' ? [entry.keyKind.value] : []));
  const key = sharedType(keys, walk, (of) => of ?? nothing);
  const value = sharedType(entries.flatMap((entry) => entry.value ?? []), walk, (of) => of ?? nothing); // prettier-ignore
  if (key === null || value === null) return null;
  if (entries.length === 0) return emptyMap;
  if (['string', 'int', 'bool'].includes(key.kind)) return map(key, value);
  if (walk.env.dialect === 'declared' && ['uint', 'dyn'].includes(key.kind)) return map(key, value);
  return report(walk, startOf(walk, keys[0] ?? expr), {
    code: 'E-CEL-TYPE',
    what: `a map has no ${key.kind} keys`,
    todo: 'use string keys',
  });
}

const messageProblem = { code: 'E-NOT-YET', what: 'messages cannot be built', todo: 'use attributes' } as const;

function inOrder(problems: readonly CelProblem[]): readonly CelProblem[] {
  const once = new Map(problems.map((problem) => [`${problem.offset} ${problem.what}`, problem]));
  return [...once.values()].toSorted((a, b) => a.offset - b.offset).slice(0, celProblemsMax);
}
