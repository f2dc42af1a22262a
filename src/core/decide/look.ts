import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import type { Value } from '../../model/rule.ts';
import { parse } from '../cel/parse.ts';
import { childrenOf, contains } from '../cel/tree.ts';
import type { Checked } from '../cel/types.ts';
import { isInForce } from './course.ts';
import type { Judge } from './judge.ts';
import { noStandings } from './firing.ts';
import { inputValue } from './reading.ts';
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
  // What other rules did before is not kept: firing() is shown as if none did.
  const instant = { run, t, before: noStandings, news: [] };
  const own = byUntil ? (run.until ?? run.when) : run.when;
  const values = new Map(
    [run.when, own].flatMap(({ shown }) => shown.map(({ text, input }) => [text, inputValue(instant, id, input, byUntil)])),
  );
  const conditions = leavesOf(own.checked.expr).map((expr): Condition => {
    const given = own.checked.aggregates.flatMap((aggregate, i) =>
      contains(expr, aggregate.id) ? [{ aggregate, input: own.inputs[i]! }] : [],
    );
    const seen = given.map(({ aggregate, input }) => ({ text: aggregate.text, value: inputValue(instant, id, input, byUntil) }));
    const part: Checked = { ...own.checked, expr, aggregates: given.map(({ aggregate }) => aggregate) };
    const program = judge.programs.aggregate(part, compiled.columns.map(({ name, type }) => ({ name, type }))); // prettier-ignore
    const result = program(seen.map(({ value }) => value), faceOf(source.shared, id, compiled).bound, t); // prettier-ignore
    return { text: textOf(own.checked, expr), values: seen, result };
  });
  const isWaiting = course !== null && (course.state === 'pending' || course.state === 'clearing');
  return { values, conditions, heldNs: isWaiting ? t - course.streakNs : null, neededNs: byUntil ? timing.keepFiringForNs : timing.forNs };
}

function leavesOf(expr: Expr): readonly Expr[] {
  const call = expr.exprKind.case === 'callExpr' ? expr.exprKind.value : null;
  return call !== null && ['_&&_', '_||_', '!_'].includes(call.function) ? call.args.flatMap(leavesOf) : [expr];
}

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
