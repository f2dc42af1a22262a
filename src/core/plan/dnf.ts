import type { Expr, Expr_Call } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { NotCanonical } from '../../model/canon.ts';
import { attributeOf } from '../../model/facts.ts';
import { fail, ok, type Result } from '../../model/problem.ts';
import type { Match } from '../../model/table.ts';
import type { Checked } from '../cel/types.ts';
import type { Key } from '../decide/types.ts';
import { compare, containsAddress, hasMember, isBoolean, memberOf, textTest } from './atoms.ts';
import { folderOf, type Folder } from './fold.ts';
import { Refused, refuse } from './refuse.ts';
import { always, both, either, never, sortTerms, type Terms } from './terms.ts';

/** Expressions nested deeper are refused, so that the recursion stays far from the end of the stack. */
const depthMax = 100;
/** Questions asked of one match; asking again is free. */
const questionsMax = 20_000;

/**
 * A match as entries can hold it: alternatives, each a conjunction of tests, in normal form and canonical order; [] when nothing can
 * match. Equal to CEL's own evaluation where an error (an absent attribute) does not match.
 * @param key what `key.…` is; null when it is not known yet (a rule being saved): samples stand for it and only the verdict counts.
 * @param place turns an offset in code points in the text into a Problem's `at`.
 * Errors: E-MATCH names the part that no engine can match; E-MATCH-SIZE more than `matchesMax` alternatives.
 */
export function toMatches(
  checked: Checked,
  key: Key | null,
  place: (offset: number) => string = (offset) => `match:1:${offset + 1}`,
): Result<readonly Match[]> {
  const folder = folderOf(checked, key);
  try {
    return ok(sortTerms(termsOf({ expr: checked.expr, want: true, folder, asked: new Map(), depth: 0 })));
  } catch (error) {
    if (error instanceof NotCanonical) return fail({ code: 'E-MATCH', what: error.message, at: place(0), todo: 'use well-formed text' });
    if (!(error instanceof Refused)) throw error;
    const offset = error.expr === null ? 0 : (checked.positions.get(error.expr.id) ?? 0);
    return fail({ code: error.code, what: error.message, at: place(offset), todo: error.todo });
  }
}

type Ask = {
  readonly expr: Expr;
  /** Under which conditions is it true, or under which false? Neither: it errs. */
  readonly want: boolean;
  readonly folder: Folder;
  /** Answers by want and node: == and ?: ask the same of their operands again and again. */
  readonly asked: Map<Expr, Map<boolean, Terms>>;
  readonly depth: number;
};

const tooDeep = (what: string): Refused =>
  new Refused({ code: 'E-MATCH-SIZE', what, todo: 'use an `in` list, or split the rule', expr: null });

/**
 * When a boolean expression is `want`. Truth and falsehood are two disjunctions that leave room between them: where an attribute is absent
 * CEL errs, `!` turns an error into an error, `false && error` is false and `true || error` is true.
 */
function termsOf(ask: Ask): Terms {
  const { expr, want, asked, depth } = ask;
  const before = asked.get(expr) ?? new Map<boolean, Terms>();
  const known = before.get(want);
  if (known !== undefined) return known;
  if (depth > depthMax) throw tooDeep(`nested deeper than ${depthMax}`);
  if (asked.size >= questionsMax) throw tooDeep(`more than ${questionsMax} parts`);
  const terms = answer(ask);
  asked.set(expr, before.set(want, terms));
  return terms;
}

function answer(ask: Ask): Terms {
  const { expr, want, folder } = ask;
  const constant = folder.fold(expr);
  if (constant !== undefined) return constant.kind === 'value' && constant.value === want ? always : never;
  const { case: kind, value } = expr.exprKind;
  if (kind === 'callExpr') return callTerms(ask, value);
  if (kind === 'selectExpr' && value.testOnly) return hasTerms(ask, value.operand, value.field);
  const path = folder.path(expr);
  const attribute = path?.length === 2 ? attributeOf(path.join('.')) : undefined;
  if (attribute?.kind === 'bool') return [{ [attribute.path]: [{ in: [want] }] }];
  return refuse(expr, 'it is no test of an attribute');
}

function callTerms(ask: Ask, call: Expr_Call): Terms {
  const { expr, want, folder } = ask;
  const chosen = logic.has(call.function) ? undefined : conditionalIn(expr, call, folder);
  if (chosen !== undefined) return either(...chosen.map(([condition, holds, then]) => both(...whens(ask, condition, holds, then))));
  const when = (of: Expr | undefined, wanted: boolean): Terms => termsOf({ ...ask, expr: of ?? expr, want: wanted, depth: ask.depth + 1 });
  const [a, b, c] = call.args;
  switch (call.function) {
    case '!_':
      return when(a, !want);
    case '_&&_':
      return want ? call.args.map((arg) => when(arg, true)).reduce(both) : either(...call.args.map((arg) => when(arg, false)));
    case '_||_':
      return want ? either(...call.args.map((arg) => when(arg, true))) : call.args.map((arg) => when(arg, false)).reduce(both);
    case '_?_:_':
      return either(both(when(a, true), when(b, want)), both(when(a, false), when(c, want)));
    case '_==_':
    case '_!=_':
    case '_<_':
    case '_<=_':
    case '_>_':
    case '_>=_':
      if (a !== undefined && b !== undefined && (isBoolean(a, folder) || isBoolean(b, folder)))
        return compareBooleans(call.function, want, when, a, b);
      return compare({ expr, operator: call.function, want, folder }, a ?? expr, b ?? expr);
    case '@in':
      return memberOf({ expr, want, folder }, a ?? expr, b ?? expr);
    case 'startsWith':
    case 'endsWith':
    case 'contains':
    case 'matches':
      return textTest({ expr, want, folder }, call.function, call.target ?? a ?? expr, (call.target === undefined ? b : a) ?? expr);
    case 'containsIP':
      return containsAddress({ expr, want, folder }, call.target ?? expr, a ?? expr);
    default:
      return refuse(expr, `\`${call.function}\` is no test of an attribute`);
  }
}

const logic: ReadonlySet<string> = new Set(['!_', '_&&_', '_||_', '_?_:_']);

/** `(c ? x : y) == z` is `c && x == z || !c && y == z`: the call once for each way its first conditional operand can go. */
function conditionalIn(expr: Expr, call: Expr_Call, { fold }: Folder): readonly (readonly [Expr, boolean, Expr])[] | undefined {
  const operands = [call.target, ...call.args];
  const index = operands.findIndex(
    (one) => one?.exprKind.case === 'callExpr' && one.exprKind.value.function === '_?_:_' && fold(one) === undefined,
  );
  const found = operands[index];
  const [condition, yes, no] = found?.exprKind.case === 'callExpr' ? found.exprKind.value.args : [];
  if (condition === undefined || yes === undefined || no === undefined) return undefined;
  const replaced = (by: Expr): Expr => {
    const args = call.args.map((arg, i) => (i === index - 1 ? by : arg));
    const value = index === 0 ? { ...call, target: by } : { ...call, args };
    return { ...expr, exprKind: { case: 'callExpr', value } };
  };
  return [
    [condition, true, replaced(yes)],
    [condition, false, replaced(no)],
  ];
}

/** That the condition goes one way, and what the call then comes to. */
function whens(ask: Ask, condition: Expr, holds: boolean, then: Expr): readonly [Terms, Terms] {
  const depth = ask.depth + 1;
  return [termsOf({ ...ask, expr: condition, want: holds, depth }), termsOf({ ...ask, expr: then, depth })];
}

const truth: Readonly<Record<string, (a: boolean, b: boolean) => boolean>> = {
  '_==_': (a, b) => a === b,
  '_!=_': (a, b) => a !== b,
  '_<_': (a, b) => a < b,
  '_<=_': (a, b) => a <= b,
  '_>_': (a, b) => a > b,
  '_>=_': (a, b) => a >= b,
};

/** Comparing booleans is strict: with an error on either side it is an error. */
function compareBooleans(operator: string, want: boolean, when: (of: Expr, wanted: boolean) => Terms, a: Expr, b: Expr): Terms {
  const sides = [true, false].flatMap((x) => [true, false].map((y) => [x, y] as const));
  return either(...sides.flatMap(([x, y]) => (truth[operator]?.(x, y) === want ? [both(when(a, x), when(b, y))] : [])));
}

function hasTerms({ expr, want, folder }: Ask, operand: Expr | undefined, field: string): Terms {
  const path = operand === undefined ? undefined : folder.path(operand);
  if (path?.length === 1) {
    const attribute = attributeOf(`${path[0]}.${field}`);
    if (attribute !== undefined) return [{ [attribute.path]: [{ present: want }] }];
  }
  const map = path?.length === 2 ? attributeOf(path.join('.')) : undefined;
  if (map?.kind !== 'map') return refuse(expr, 'no engine knows this attribute before the fact');
  return hasMember(map.path, field, want);
}
