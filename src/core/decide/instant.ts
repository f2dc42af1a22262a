import type { Value, Verdict } from '../../model/rule.ts';
import { isMember } from '../window/view.ts';
import { placed } from './bands.ts';
import { expireCourse, isInForce, mayForget, resumeCourse, stepCourse } from './course.ts';
import type { Course } from './course.ts';
import { hold } from './hold.ts';
import { compareKeys } from './key.ts';
import { usesNow } from './now.ts';
import type { Standings } from './firing.ts';
import { noteForce } from './past.ts';
import { holds, inputValue } from './reading.ts';
import type { Instant } from './reading.ts';
import { activate, forget, holdsRecords, isStanding, know, knownKeys, setStanding, settle, standing, standingOf } from './run.ts';
import type { KeyRun, RuleRun, Source } from './run.ts';
import { faceOf } from './shared.ts';
import { summaryFor } from './summary.ts';
import type { Change, News } from './types.ts';

/** An instant under way, and the keys that it will have been the last for. */
type Judging = Instant & { readonly gone: number[] };

/** Judges a rule at the instant `t`, to which its selection was advanced (rules.md sections 3.9 to 3.13). */
export function judgeInstant(run: RuleRun, t: bigint, before: Standings, news: News[] = []): readonly Change[] {
  const { expiresNs } = run.compiled.rule;
  run.isOver = expiresNs !== null && t >= expiresNs;
  run.isQuiet = true;
  const instant: Judging = { run, t, before, news, gone: [] };
  const changes: Change[] = [];
  if (run.source !== null && !run.isOver) judgeClear(instant, run.source, changes);
  for (const key of run.active.values()) {
    const change = judgeActive(instant, key);
    if (change !== null) changes.push(change);
  }
  // Not before: at this instant they were siblings still.
  for (const id of run.isOver ? [...knownKeys(run)] : instant.gone) forget(run, id);
  // At the next one they are none, which the others may see.
  if (instant.gone.length > 0 && run.looksAround !== 'no') run.isQuiet = false;
  return changes.length < 2 ? changes : changes.sort((a, b) => compareKeys(a.key, b.key));
}

/**
 * Whether nothing can come of judging the rule now: no key is active, and none that is clear is to be judged. Most rules are, at most instants,
 * so little is looked at. One with a `watch` never expires, does not warm up, and asks nothing but its own records (bands.ts).
 */
export function isStill(run: RuleRun): boolean {
  const { source, watch, active } = run;
  if (watch === null || watch.length > 0 || active.size > 0 || run.wasBlind || source === null) return false;
  const { selection } = source.shared;
  const { turn, readsFrom, blindUntilNs } = selection;
  if (source.turn !== turn - 1 || readsFrom === turn || blindUntilNs !== null) return false;
  source.turn = turn;
  run.isQuiet = true;
  return true;
}

/** Something changed for all keys. */
const isForAllNow = (run: RuleRun, { shared: { selection }, turn }: Source): boolean =>
  run.looksAround === 'always' || turn !== selection.turn - 1 || selection.readsFrom === selection.turn || usesNow(run.now);

/** The keys that are clear: those that changed, or all of them when something changed for all. A key that begins to hold becomes active. */
function judgeClear(instant: Judging, source: Source, changes: Change[]): void {
  const { run, t } = instant;
  const { shared, view } = source;
  const { selection } = shared;
  const blind = isBlind(run, t);
  const isWhole = isForAllNow(run, source) || blind !== run.wasBlind;
  const isForAll = isWhole || (run.looksAround === 'siblings' && selection.changedAt === selection.turn);
  source.turn = selection.turn;
  run.wasBlind = blind;
  const { members } = view;
  const judge = (id: number): void => {
    const change = judgeKey(instant, source, id, blind);
    if (change !== null) changes.push(change);
  };
  if (isForAll) {
    run.watch?.splice(0);
    for (let i = 0; i < members.size; i++) judge(members.ids[i]!);
    return;
  }
  if (run.watch !== null) {
    for (const id of run.watch) if (isMember(members, id)) judge(id);
    return void run.watch.splice(0);
  }
  const { dirty, keys, turn } = selection;
  if (dirty.length <= members.size) {
    for (const id of dirty) if (isMember(members, id)) judge(id);
  } else {
    for (let i = 0; i < members.size; i++) if (keys.touched[members.ids[i]!] === turn) judge(members.ids[i]!);
  }
}

function judgeKey(instant: Judging, source: Source, id: number, blind: boolean): Change | null {
  const { run } = instant;
  const before = standingOf(source, id);
  if (before === standing.active) return null;
  const isHeld = holdsRecords(source, id);
  if (before === standing.none && !isHeld) return null;
  const verdict = blind ? 'unknown' : verdictOf(instant, id, false);
  know(run, id);
  if (verdict === 'holds') {
    activate(run, id);
    return null;
  }
  const after = verdict === 'clear' ? standing.clear : standing.unknown;
  const isSame = (before === standing.clear) === (after === standing.clear);
  const change = isSame || !run.tellsClear ? null : changeOf(instant, source, id, verdict);
  setStanding(source, id, after);
  if (!isHeld && run.compiled.columns.length > 0 && !run.pinned.has(id)) instant.gone.push(id);
  return change;
}

function judgeActive(instant: Judging, key: KeyRun): Change | null {
  const { run, t } = instant;
  const before = key.course;
  if (run.isOver && before.state === 'clear') return null;
  const byUntil = isInForce(before);
  const verdict = run.isOver || run.wasBlind ? 'unknown' : verdictOf(instant, key.id, byUntil);
  // What most keys in force go through at most instants: only the lease is renewed.
  if (
    verdict === 'holds' &&
    before.verdict === 'holds' &&
    before.state === 'firing' &&
    run.isSteady &&
    key.held?.actions != null &&
    !key.isResumed
  ) {
    key.course = stepCourse(before, verdict, t, run.timing);
    return null;
  }
  key.course = run.isOver
    ? expireCourse(before, t)
    : byUntil && key.isResumed
      ? resumeCourse(before, verdict, t)
      : next(run, before, { verdict, t });
  key.isResumed = false;
  const { state, reason } = key.course;
  if (state !== before.state) run.isQuiet = false;
  if (run.firings !== null && isInForce(key.course) !== byUntil)
    noteForce(run.firings, key.text, { t, lastNs: t - run.compiled.rule.everyNs, isInForce: !byUntil });
  const isChange = state !== before.state || verdict !== before.verdict;
  const values = isChange ? shownValues(instant, key.id, byUntil) : noValues;
  key.held = hold(instant, key, values);
  notify(instant, key);
  const { key: columns, text } = key;
  if (run.source !== null && mayForget(key.course, t, run.timing)) {
    if (!holdsRecords(run.source, key.id) && columns.size > 0 && !run.pinned.has(key.id)) instant.gone.push(key.id);
    // What `until` said last, `when` has yet to say.
    else if (verdict !== 'holds' && !byUntil) settle(run, key);
  }
  if (!isChange) return null;
  const { rule, revision } = run.compiled;
  const { verdict: verdictBefore, state: from } = before;
  return { timeNs: t, rule: rule.name, revision, key: columns, keyText: text, from, to: state, verdict, verdictBefore, reason, values };
}

const noValues: ReadonlyMap<string, Value | null> = new Map();

/** People are told of a key that fires, also of one that did when the engine started, and when it ceases to. */
function notify(instant: Instant, key: KeyRun): void {
  const { run, news } = instant;
  const { held, told, text } = key;
  if (run.compiled.rule.notify === null || (held === null) === (told === null)) return;
  key.told = held === null ? null : { sinceNs: held.sinceNs, summary: summaryFor(instant, key) };
  const { sinceNs, summary } = key.told ?? told ?? { sinceNs: 0n, summary: '' };
  news.push({ kind: 'notify', key: text, state: held === null ? 'resolved' : 'firing', sinceNs, summary });
}

/** A standing rule fires at its first instant, whatever the times say, and stays. */
function next(run: RuleRun, course: Course, { verdict, t }: { readonly verdict: Verdict; readonly t: bigint }): Course {
  const timing = isStanding(run) ? { ...run.timing, forNs: 0n } : run.timing;
  return stepCourse(course, verdict, t, timing);
}

/** Of `when` in clear and pending; in firing and clearing of `until`, turned round (settled point 9). */
function verdictOf(instant: Instant, id: number, byUntil: boolean): Verdict {
  const { when, until, placing } = instant.run;
  if (when === null) return 'holds';
  const known = placing === null ? null : placed(placing, id, byUntil);
  if (known !== null) return known;
  const result = holds(instant, id, byUntil ? (until ?? when) : when, byUntil);
  if (result === undefined) return 'unknown';
  // The default `until` is !(when), so there the two turns cancel.
  return result !== (byUntil && until !== null) ? 'holds' : 'clear';
}

function isBlind({ compiled, startNs, reads }: RuleRun, t: bigint): boolean {
  const { warmup, windowNs } = compiled.rule;
  if (compiled.when === null) return false;
  const isWarming = warmup === 'window' && startNs !== null && t - windowNs < startNs;
  if (isWarming) return true;
  for (const { shared } of reads) if (shared.selection.blindUntilNs !== null && t <= shared.selection.blindUntilNs) return true;
  return false;
}

/** A clear key whose verdict alone changes. */
function changeOf(instant: Instant, source: Source, id: number, verdict: Verdict): Change {
  const { run, t } = instant;
  const { rule, revision } = run.compiled;
  const { key, text } = faceOf(source.shared, id, run.compiled);
  const verdictBefore = verdict === 'clear' ? 'unknown' : 'clear';
  const values = shownValues(instant, id, false);
  return {
    timeNs: t,
    rule: rule.name,
    revision,
    key,
    keyText: text(),
    from: 'clear',
    to: 'clear',
    verdict,
    verdictBefore,
    reason: null,
    values,
  };
}

/** `values` of a change: the aggregates of `when`, then of `until`; a text in both as the verdict saw it (settled point 10). */
function shownValues(instant: Instant, id: number, byUntil: boolean): ReadonlyMap<string, Value | null> {
  const { when, until } = instant.run;
  if (when === null) return new Map();
  const last = until ?? when;
  const inBoth = (text: string): boolean => last.shown.some((one) => one.text === text);
  const shown = new Map<string, Value | null>();
  for (const { text, input } of when.shown) if (!shown.has(text)) shown.set(text, inputValue(instant, id, input, byUntil && inBoth(text)));
  for (const { text, input } of until?.shown ?? []) if (!shown.has(text)) shown.set(text, inputValue(instant, id, input, true));
  return shown;
}
