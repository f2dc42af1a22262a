import type { Problem } from '../../model/problem.ts';
import { showDuration } from '../../model/units.ts';
import { constantString, dottedName } from '../cel/tree.ts';
import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { attributesIn, logicOf } from './logic.ts';
import type { Leaf, Logic } from './logic.ts';
import type { CompiledRule } from './types.ts';

const sides = ['source', 'destination', 'transit'];

/** What is allowed but rarely meant, from the rule alone: W-DOUBLE, W-MINIMUM, W-GAP, W-ALL, W-HEADER. `file` is its path. */
export function lintRule(compiled: CompiledRule, file: string): readonly Problem[] {
  return [
    countedTwice(compiled, file),
    minimumGrows(compiled, file),
    gapBetweenWindows(compiled, file),
    ...wholeTraffic(compiled, file),
    ...upperCaseHeaders(compiled, file),
  ].filter((problem) => problem !== null);
}

/** One conversation is reported from both sides: `where` that lets both in counts it twice. */
function countedTwice({ rule, where }: CompiledRule, file: string): Problem | null {
  if (rule.where === null || where === null) return null;
  const paths = [...attributesIn(where.expr)];
  const logic = paths.some((path) => path.startsWith('reporter.')) ? logicOf(where) : null;
  if (logic === null || sides.filter((side) => seenFrom(logic, side) !== false).length < 2) return null;
  const { line, column } = rule.where;
  // The key is not in the model; it begins its line, which is the one before when the expression stands on its own.
  const at = `${file}:${column > 'where:'.length ? line : line - 1}:1`;
  return { code: 'W-DOUBLE', what: '`where` names both sides: each conversation counts twice', at, todo: 'reporter.side == "destination"' };
}

/** Whether a record from this side can satisfy the condition: true, false, or null where other attributes decide. */
function seenFrom(logic: Logic, side: string): boolean | null {
  if (logic.kind === 'constant') return logic.value;
  if (logic.kind === 'leaf') return sideTest(logic, side);
  const decides = logic.kind === 'or';
  const parts = logic.of.map((part) => seenFrom(part, side));
  return parts.includes(decides) ? decides : parts.includes(null) ? null : !decides;
}

function sideTest({ expr, negated, presence }: Leaf, side: string): boolean | null {
  if (presence === 'reporter.side') return !negated;
  if (expr.exprKind.case !== 'callExpr') return null;
  const { function: name, args } = expr.exprKind.value;
  const [left, right] = args;
  const isSide = (arg: Expr | undefined): boolean => arg !== undefined && dottedName(arg) === 'reporter.side';
  // One reporter sees a conversation once: naming it is as good as naming a side.
  const target = name === '_==_' && args.some((arg) => dottedName(arg) === 'reporter.target') && !negated;
  if (target) return side === 'destination' ? null : false;
  if (name === '@in' && isSide(left) && right?.exprKind.case === 'listExpr') {
    return right.exprKind.value.elements.some((element) => constantString(element) === side) !== negated;
  }
  const text = constantString(right) ?? constantString(left);
  if ((name !== '_==_' && name !== '_!=_') || text === null || !(isSide(left) || isSide(right))) return null;
  return ((text === side) === (name === '_==_')) !== negated;
}

function minimumGrows({ rule }: CompiledRule, file: string): Problem | null {
  const { count, until } = rule.minimum;
  if (until <= count) return null;
  const what = `minimum.until ${until} is greater than minimum.count ${count}: the rule can fire on traffic that never ends it`;
  return { code: 'W-MINIMUM', what, at: `${file}:1:1`, todo: `until: ${Math.min(count, 5)}` };
}

function gapBetweenWindows({ rule }: CompiledRule, file: string): Problem | null {
  if (rule.when === null || rule.windowNs >= rule.everyNs) return null;
  const what = `the window ${showDuration(rule.windowNs)} is shorter than every ${showDuration(rule.everyNs)}: records between them are never seen`;
  return { code: 'W-GAP', what, at: `${file}:${rule.when.line}:1`, todo: `every: ${showDuration(rule.windowNs)}, or a longer window` };
}

function wholeTraffic({ actions }: CompiledRule, file: string): readonly Problem[] {
  return actions.flatMap(({ action, match }): readonly Problem[] => {
    if (match.text !== 'true' || !['deny', 'respond', 'limit', 'route'].includes(action.kind)) return [];
    const at = `${file}:${action.place.line}:${action.place.column}`;
    return [
      {
        code: 'W-ALL',
        what: `this ${action.kind} matches every request of every service`,
        at,
        todo: 'give it a match, or the rule a where',
      },
    ];
  });
}

/** Header names are in lower case everywhere: `request.headers["X-User"]` is never there. */
function upperCaseHeaders(compiled: CompiledRule, file: string): readonly Problem[] {
  const texts = [
    { cel: compiled.rule.where, checked: compiled.where },
    ...compiled.columns.map((column, i) => ({ cel: compiled.rule.by[i]?.cel ?? null, checked: column.checked })),
    ...compiled.actions.map(({ action, match }) => ({ cel: action.match, checked: match })),
  ];
  return texts.flatMap(({ cel, checked }) => {
    if (cel === null || checked === null) return [];
    const paths = [...attributesIn(checked.expr)].filter((path) => /^request\.headers\[".*[A-Z]/s.test(path));
    return paths.map((path): Problem => {
      const at = `${file}:${cel.line}:${cel.column}`;
      return { code: 'W-HEADER', what: `${path} is never there: header names are in lower case`, at, todo: path.toLowerCase() };
    });
  });
}
