import type { Line, Stream } from '../../model/record.ts';
import { assert } from '../../model/problem.ts';
import type { KeyState, Value, Verdict } from '../../model/rule.ts';
import { compareText } from '../../model/order.ts';
import { floorDivide } from '../../model/time.ts';
import { compiledPrograms } from '../cel/programs.ts';
import type { Programs } from '../cel/programs.ts';
import type { CompiledRule } from '../rule/types.ts';
import { createLife, heardSource, lifeAt, sawRecord } from '../window/liveness.ts';
import type { Life, StreamLife } from '../window/liveness.ts';
import { admit } from './admit.ts';
import { isInForce } from './course.ts';
import { judgeInstant } from './instant.ts';
import { compareKeys } from './key.ts';
import { createRun, isStanding, openKey } from './run.ts';
import type { Counters, KeyRun, RuleRun } from './run.ts';
import { instantAfter } from './skip.ts';
import type { Change, Intent, Key, ResolvedAction } from './types.ts';

/** All rules over one stream of lines. Changed in place by the functions here; the same calls give the same results. */
export type Judge = {
  readonly programs: Programs;
  /** Ordered by rule name. */
  readonly runs: RuleRun[];
  readonly life: Readonly<Record<Stream, StreamLife>>;
  /** The greatest time read, of any line; null before the first. */
  streamTimeNs: bigint | null;
  isFinished: boolean;
};

/** `programs`: how expressions are run, compiled unless said otherwise. */
export const createJudge = (programs: Programs = compiledPrograms()): Judge => ({
  programs,
  runs: [],
  life: createLife(),
  streamTimeNs: null,
  isFinished: false,
});

/** A key that was firing when the engine stopped. */
export type Resumed = {
  readonly key: Key;
  readonly sinceNs: bigint;
  /** null: a standing rule's. */
  readonly leaseEndNs: bigint | null;
  readonly actions: readonly ResolvedAction[];
  readonly values?: ReadonlyMap<string, Value | null>;
};

/** Where one key stands, for `status`. */
export type KeyStanding = {
  readonly rule: string;
  readonly revision: number;
  readonly keyText: string;
  readonly state: KeyState;
  readonly verdict: Verdict;
  /** Since when it fires, or since when its condition holds; null when clear. */
  readonly sinceNs: bigint | null;
};

/**
 * Adds a rule; its first instant is the first after the lines read so far, or after the first line. A rule of this name must not be there.
 * `resume`: keys that go on firing, verdict unknown, until judged or until their lease ends; no change tells of them.
 */
export function addRule(judge: Judge, compiled: CompiledRule, { resume = [] }: { readonly resume?: readonly Resumed[] } = {}): void {
  const { name } = compiled.rule;
  assert(!judge.runs.some((run) => nameOf(run) === name), `rule ${name} is added twice`);
  const run = createRun(judge.programs, compiled);
  judge.runs.push(run);
  judge.runs.sort((a, b) => compareText(nameOf(a), nameOf(b)));
  if (judge.streamTimeNs !== null) {
    start(run, judge.streamTimeNs);
    run.knownFromNs = judge.streamTimeNs;
  }
  for (const { key, sinceNs, leaseEndNs, actions, values = new Map() } of resume) {
    const resumed = openKey(run, key);
    if (resumed === null) continue;
    const verdict = isStanding(run) ? 'holds' : 'unknown';
    resumed.course = { ...resumed.course, state: 'firing', verdict, firedNs: sinceNs, leaseEndNs: leaseEndNs ?? sinceNs };
    resumed.held = { sinceNs, values, actions, order: null };
  }
}

/** Removes a rule and all its state, and says which intents end so; [] when there is no such rule. */
export function removeRule(judge: Judge, name: string): readonly Intent[] {
  const at = judge.runs.findIndex((run) => nameOf(run) === name);
  const [run] = at < 0 ? [] : judge.runs.splice(at, 1);
  return run === undefined ? [] : intentsOf(run);
}

/**
 * Reads a line: judges every instant up to its time that is not judged yet, then adds it. Changes come ordered by time, rule, key. A line
 * that lies back judges nothing, and counts at later instants whose window holds it.
 */
export function readLine(judge: Judge, line: Line): readonly Change[] {
  assert(!judge.isFinished, 'a line after the end of input');
  const changes = reach(judge, line.time);
  if (line.stream === 'tick') return changes;
  if (line.stream === 'source') {
    for (const stream of line.streams)
      heardSource(judge.life[stream], { time: line.time, source: line.source, live: line.state === 'live' });
    return changes;
  }
  sawRecord(judge.life[line.stream], line.time);
  for (const run of judge.runs) if (run.compiled.stream === line.stream) admit(run, line);
  return changes;
}

/** The end of input: each rule is judged once more, at its first instant after stream time. Nothing can be read after it. */
export function finish(judge: Judge): readonly Change[] {
  judge.isFinished = true;
  const left = judge.runs.filter(isDue).sort((a, b) => (a.nextNs < b.nextNs ? -1 : a.nextNs > b.nextNs ? 1 : 0));
  return left.flatMap((run) => judgeInstant(run, run.nextNs, lifeOf(judge, run, run.nextNs)));
}

/** The intents in force, by rule, then key. An intent whose actions could not be read yet is not among them. */
export const intents = (judge: Judge): readonly Intent[] => judge.runs.flatMap(intentsOf);

/** Every key that is known now, by rule, then key: what `status` shows. */
export function keyStandings(judge: Judge): readonly KeyStanding[] {
  return judge.runs.flatMap((run) =>
    ordered(run).map(({ text, course, held }) => ({
      rule: nameOf(run),
      revision: run.compiled.revision,
      keyText: text,
      state: course.state,
      verdict: course.verdict,
      sinceNs: held?.sinceNs ?? (course.state === 'pending' ? course.streakNs : null),
    })),
  );
}

/** What was counted since each rule was added, by its name, and how many keys it knows. */
export function counters(judge: Judge): ReadonlyMap<string, Readonly<Counters> & { readonly keys: number }> {
  return new Map(judge.runs.map((run) => [nameOf(run), { ...run.counters, keys: run.keys.size }]));
}

const nameOf = ({ compiled }: RuleRun): string => compiled.rule.name;

/** Judges, over all rules in order of time and then name, the instants up to `time`. */
function reach(judge: Judge, time: bigint): readonly Change[] {
  if (judge.streamTimeNs === null) for (const run of judge.runs) start(run, time);
  if (judge.streamTimeNs !== null && time <= judge.streamTimeNs) return [];
  judge.streamTimeNs = time;
  const changes: Change[] = [];
  for (;;) {
    const due = judge.runs.filter(isDue).filter((run) => run.nextNs <= time);
    if (due.length === 0) return changes;
    const t = due.reduce((least, run) => (run.nextNs < least ? run.nextNs : least), time);
    for (const run of due) {
      if (run.nextNs !== t) continue;
      changes.push(...judgeInstant(run, t, lifeOf(judge, run, t)));
      const { stream } = run.compiled;
      run.nextNs = instantAfter(run, t, { last: time, life: stream === null ? null : judge.life[stream] });
    }
  }
}

type Due = RuleRun & { nextNs: bigint };
const isDue = (run: RuleRun): run is Due => run.nextNs !== null && !run.isOver;

function start(run: RuleRun, time: bigint): void {
  const { everyNs } = run.compiled.rule;
  run.startNs = time;
  run.nextNs = (floorDivide(time, everyNs) + 1n) * everyNs;
}

const noLife: Life = { status: 'unseen', staleIn: [], liveThroughout: [] };

export function lifeOf(judge: Judge, { compiled, layout, knownFromNs }: RuleRun, t: bigint): Life {
  return compiled.stream === null ? noLife : lifeAt(judge.life[compiled.stream], { t, windows: layout.windows, knownFromNs });
}

const ordered = (run: RuleRun): readonly KeyRun[] => [...run.keys.values()].sort((a, b) => compareKeys(a.key, b.key));

function intentsOf(run: RuleRun): readonly Intent[] {
  const inForce = ordered(run).filter(({ course }) => isInForce(course));
  return inForce.flatMap(({ key, text, course, held }): readonly Intent[] => {
    if (held === null || held.actions === null) return [];
    const leaseEndNs = isStanding(run) ? null : course.leaseEndNs;
    const { sinceNs, order, actions, values } = held;
    return [{ rule: nameOf(run), revision: run.compiled.revision, key, keyText: text, sinceNs, leaseEndNs, order, actions, values }];
  });
}
