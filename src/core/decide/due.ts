import { floorDivide } from '../../model/time.ts';
import { advance, beginTurn } from '../window/advance.ts';
import { shareRoom } from '../window/selection.ts';
import { bandsOf, watchBands } from './bands.ts';
import { noStandings, standingsFor } from './firing.ts';
import { isStill, judgeInstant } from './instant.ts';
import type { Judge } from './judge.ts';
import type { RuleRun } from './run.ts';
import { follow } from './shared.ts';
import type { Shared } from './shared.ts';
import { instantAfter, isNear } from './skip.ts';
import type { Change, News } from './types.ts';

const none: readonly Change[] = [];

/** Judges, over all rules in order of time and then name, the instants up to `time`. */
export function reach(judge: Judge, time: bigint): readonly Change[] {
  if (judge.streamTimeNs === null) {
    for (const run of judge.runs) start(run, time);
    for (const shared of [...judge.selections.rpc, ...judge.selections.flow]) shared.selection.startNs ??= time;
    findDue(judge);
  } else if (time <= judge.streamTimeNs) return none;
  judge.streamTimeNs = time;
  if (judge.dueNs === null || time < judge.dueNs) return none;
  const changes: Change[] = [];
  while (judge.dueNs !== null && judge.dueNs <= time) {
    const t: bigint = judge.dueNs;
    const due = judge.areAllDue ? judge.runs : judge.runs.filter((run) => run.nextNs === t && !run.isOver);
    const found = judgeAt(judge, t, due);
    for (const change of found) changes.push(change);
    setNext(judge, due, { t, last: time });
  }
  return changes;
}

/** The instant that each of these rules is judged at next. With thousands of them, what is the same for all is asked once. */
function setNext(judge: Judge, due: readonly RuleRun[], { t, last }: { readonly t: bigint; readonly last: bigint }): void {
  const { life, runs } = judge;
  let every = NaN;
  let near: bigint | null = null;
  let areAlike = due.length === runs.length;
  for (const run of due) {
    if (run.every !== every) {
      const { everyNs } = run.compiled.rule;
      areAlike &&= Number.isNaN(every) && !Number.isNaN(run.every);
      ({ every } = run);
      near = isNear(everyNs, t, last) ? t + everyNs : null;
    }
    run.nextNs = near ?? instantAfter(run, t, { last, life });
    if (run.isOver) areAlike = false;
  }
  if (!areAlike || near === null) return findDue(judge);
  judge.dueNs = near;
  judge.areAllDue = true;
}

/** Judges these rules, whose next instant is `t`. */
export function judgeAt(judge: Judge, t: bigint, due: readonly RuleRun[]): readonly Change[] {
  const changes: Change[] = [];
  const advanced = new Set<Shared>();
  let last: Shared | null = null;
  let isAsked = false;
  for (const { reads, asksFor } of due) {
    if (asksFor.length > 0) isAsked = true;
    for (const { shared, stream } of reads) {
      if (shared === last || advanced.has(shared)) continue;
      last = shared;
      advanced.add(shared);
      advance(shared.selection, t);
      follow(shared, judge.life[stream], t);
      watch(judge, shared);
    }
  }
  const before = isAsked ? standingsFor(due, judge.runs) : noStandings;
  for (const run of due) {
    if (isStill(run)) continue;
    const news: News[] = [];
    for (const change of judgeInstant(run, t, before, news)) changes.push(change);
    if (news.length === 0) continue;
    const { revision } = run.compiled;
    judge.told = [...judge.told, ...news.map((one) => ({ timeNs: t, rule: run.compiled.rule.name, revision, news: one }))];
  }
  for (const { selection } of advanced) beginTurn(selection);
  if (advanced.size > 0) shareRoom([judge.selections.rpc, judge.selections.flow]);
  return changes;
}

function watch(judge: Judge, shared: Shared): void {
  let bands = judge.bands.get(shared);
  if (bands === undefined) judge.bands.set(shared, (bands = bandsOf(shared, judge.runs, judge.programs)));
  watchBands(shared, bands);
}

/** A rule that is to be judged again. */
type Due = RuleRun & { nextNs: bigint };
export const isDue = (run: RuleRun): run is Due => run.nextNs !== null && !run.isOver;

/** The first instant of any rule that is not judged yet. */
export function findDue(judge: Judge): void {
  judge.areAllDue = false;
  judge.dueNs = null;
  for (const { nextNs, isOver } of judge.runs) {
    if (nextNs !== null && !isOver && (judge.dueNs === null || nextNs < judge.dueNs)) judge.dueNs = nextNs;
  }
}

/** Its first instant is the first after `time`. */
export function start(run: RuleRun, time: bigint): void {
  const { everyNs } = run.compiled.rule;
  run.startNs = time;
  run.nextNs = (floorDivide(time, everyNs) + 1n) * everyNs;
}
