import type { Value, Verdict } from '../../model/rule.ts';
import { isEmpty, slideTo } from '../window/keep.ts';
import type { Life } from '../window/liveness.ts';
import { expireCourse, isInForce, mayForget, stepCourse } from './course.ts';
import type { Course } from './course.ts';
import { hold } from './hold.ts';
import { compareKeys } from './key.ts';
import { aggregateValue, createInstant, evaluate, minimumOf } from './reading.ts';
import type { Instant } from './reading.ts';
import { closeKey, isStanding } from './run.ts';
import type { Judged, KeyRun, RuleRun } from './run.ts';
import type { Change } from './types.ts';

/** Judges every key of a rule at the instant `t`, when nothing later than `t` was added (rules.md sections 3.9 to 3.13). */
export function judgeInstant(run: RuleRun, t: bigint, life: Life): readonly Change[] {
  for (const key of run.keys.values()) {
    run.kept -= key.windows.records.length;
    slideTo(key.windows, t);
    run.kept += key.windows.records.length;
  }
  const instant = createInstant(run, t, life);
  const { expiresNs } = run.compiled.rule;
  run.isOver = expiresNs !== null && t >= expiresNs;
  run.isQuiet = true;
  const changes: Change[] = [];
  for (const key of run.keys.values()) {
    const change = judgeKey(instant, key);
    if (change !== null) changes.push(change);
    if (isEmpty(key.windows) && key.key.size > 0 && mayForget(key.course, t, run.timing)) closeKey(run, key);
  }
  if (run.isOver) for (const key of run.keys.values()) closeKey(run, key);
  return changes.sort((a, b) => compareKeys(a.key, b.key));
}

function judgeKey(instant: Instant, key: KeyRun): Change | null {
  const { run, t } = instant;
  const before = key.course;
  if (run.isOver && before.state === 'clear') return null;
  const verdict = run.isOver ? 'unknown' : verdictOf(instant, key);
  key.course = run.isOver ? expireCourse(before, t) : next(run, before, { verdict, t });
  const { state, reason } = key.course;
  if (state !== before.state) run.isQuiet = false;
  const isChange = state !== before.state || verdict !== before.verdict;
  const values = isChange ? shownValues(instant, key, before) : new Map<string, Value | null>();
  key.held = hold(instant, key, values);
  if (!isChange) return null;
  const { compiled } = run;
  return {
    timeNs: t,
    rule: compiled.rule.name,
    revision: compiled.revision,
    key: key.key,
    keyText: key.text,
    from: before.state,
    to: state,
    verdict,
    verdictBefore: before.verdict,
    reason,
    values,
  };
}

/** A standing rule fires at its first instant, whatever the times say, and stays. */
function next(run: RuleRun, course: Course, { verdict, t }: { readonly verdict: Verdict; readonly t: bigint }): Course {
  const timing = isStanding(run) ? { ...run.timing, forNs: 0n } : run.timing;
  return stepCourse(course, verdict, t, timing);
}

/** Of `when` in clear and pending; in firing and clearing of `until`, turned round (settled point 9). */
function verdictOf(instant: Instant, key: KeyRun): Verdict {
  const { run, t } = instant;
  if (run.when === null) return 'holds';
  if (isBlind(run, t)) return 'unknown';
  const byUntil = isInForce(key.course);
  const result = evaluate(instant, key, byUntil ? (run.until ?? run.when) : run.when, minimumOf(run, byUntil));
  if (typeof result !== 'boolean') return 'unknown';
  // The default `until` is !(when), so there the two turns cancel.
  return result !== (byUntil && run.until !== null) ? 'holds' : 'clear';
}

function isBlind({ compiled, startNs, blindUntilNs }: RuleRun, t: bigint): boolean {
  const { warmup, windowNs } = compiled.rule;
  const isWarming = warmup === 'window' && startNs !== null && t - windowNs < startNs;
  return isWarming || (blindUntilNs !== null && t <= blindUntilNs);
}

/** `values` of a change: the aggregates of `when`, then of `until`; a text in both as the verdict saw it (settled point 10). */
function shownValues(instant: Instant, key: KeyRun, before: Course): ReadonlyMap<string, Value | null> {
  const { run } = instant;
  const { when } = run;
  if (when === null) return new Map();
  const until = run.until ?? when;
  const byUntil = isInForce(before);
  const shown = new Map<string, Value | null>();
  const show = (of: Judged, minimum: (text: string) => number): void => {
    of.texts.forEach((text, i) => {
      const slot = of.slots[i];
      if (slot !== undefined && !shown.has(text)) shown.set(text, aggregateValue(instant, key, slot, minimum(text)));
    });
  };
  show(when, (text) => minimumOf(run, byUntil && until.texts.includes(text)));
  show(until, () => minimumOf(run, true));
  return shown;
}
