import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import type { Value } from '../../model/rule.ts';
import { parse } from '../cel/parse.ts';
import { childrenOf } from '../cel/tree.ts';
import type { Checked } from '../cel/types.ts';
import { isInForce } from './course.ts';
import type { Judge } from './judge.ts';
import { slotValue } from './reading.ts';
import { knownKeys } from './run.ts';
import { faceOf } from './shared.ts';

/** What a key's verdict comes from, at the last instant judged. */
export type Look = {
  /** Outermost aggregates of `when` and `until` by their text. */
  readonly values: ReadonlyMap<string, Value | null>;
  /** The conditions that `&&`, `||` and `!` join, in the expression that judges now: of `when`, or of `until` while it fires. */
  readonly conditions: readonly Condition[];
  /** How long the condition has held, and how long it must; null when it does not hold. */
  readonly heldNs: bigint | null;
  readonly neededNs: bigint;
};

export type Condition = {
  readonly text: string;
  readonly values: readonly { readonly text: string; readonly value: Value | null }[];
  /** null: unknown. */
  readonly result: Value | null;
};

/** null: no such rule, or the key is not known. */
export function lookInto(judge: Judge, rule: string, keyText: string): Look | null {
  const run = judge.runs.find(({ compiled }) => compiled.rule.name === rule);
  const source = run?.source ?? null;
  if (run === undefined || source === null || run.when === null || run.nextNs === null) return null;
  const { compiled, timing } = run;
  const t = run.nextNs - compiled.rule.everyNs;
  const id = [...knownKeys(run)].find((one) => faceOf(source.shared, one, compiled).text() === keyText);
  if (id === undefined) return null;
  const course = run.active.get(id)?.course ?? null;
  const byUntil = course !== null && isInForce(course);
  const checked = byUntil ? (compiled.until ?? compiled.when) : compiled.when;
  const values = new Map<string, Value | null>();
  for (const of of [run.when, run.until ?? run.when]) {
    of.texts.forEach((text, i) => {
      const slot = (byUntil ? of.untilSlots : of.slots)[i];
      if (slot !== undefined) values.set(text, slotValue(run, id, slot));
    });
  }
  const columns = compiled.columns.map(({ name, type }) => ({ name, type }));
  const conditions = checked === null ? [] : leavesOf(checked.expr).map((expr): Condition => {
    const aggregates = checked.aggregates.filter(({ id: of }) => holds(expr, of));
    const own = aggregates.map(({ text }) => ({ text, value: values.get(text) ?? null }));
    const part: Checked = { ...checked, expr, aggregates };
    const result = judge.programs.aggregate(part, columns)(own.map(({ value }) => value), faceOf(source.shared, id, compiled).bound, t);
    return { text: textOf(checked, expr), values: own, result };
  }); // prettier-ignore
  const isWaiting = course !== null && (course.state === 'pending' || course.state === 'clearing');
  return { values, conditions, heldNs: isWaiting ? t - course.streakNs : null, neededNs: byUntil ? timing.keepFiringForNs : timing.forNs };
}

function leavesOf(expr: Expr): readonly Expr[] {
  const call = expr.exprKind.case === 'callExpr' ? expr.exprKind.value : null;
  return call !== null && ['_&&_', '_||_', '!_'].includes(call.function) ? call.args.flatMap(leavesOf) : [expr];
}

const holds = (expr: Expr, id: bigint): boolean => expr.id === id || childrenOf(expr).some((child) => holds(child, id));

/** The condition as it is written. */
function textOf({ text, positions }: Checked, expr: Expr): string {
  const parsed = parse(text);
  const starts = startsOf(expr, positions);
  const from = Math.min(...starts);
  const tokens = parsed.ok ? parsed.value.tokens.filter(({ start }) => start >= from) : [];
  let depth = 0;
  let end = from;
  for (const token of tokens) {
    const word = token.kind === 'op' ? token.text : '';
    if (depth === 0 && ['&&', '||', '?', ':', ',', ')', ']', '}'].includes(word)) break;
    depth += '([{'.includes(word) && word !== '' ? 1 : ')]}'.includes(word) && word !== '' ? -1 : 0;
    ({ end } = token);
  }
  return Array.from(text).slice(from, end).join('');
}

const startsOf = (expr: Expr, positions: Checked['positions']): readonly number[] => [
  positions.get(expr.id) ?? 0,
  ...childrenOf(expr).flatMap((child) => startsOf(child, positions)),
];
