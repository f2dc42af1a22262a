import type { Instance } from '../../model/inventory.ts';
import type { Line, Stream } from '../../model/record.ts';
import { assert } from '../../model/problem.ts';
import type { KeyState, Value, Verdict } from '../../model/rule.ts';
import { compareText } from '../../model/order.ts';
import { canonical, compiledPrograms } from '../cel/programs.ts';
import type { Programs } from '../cel/programs.ts';
import { scalarOf } from '../cel/value.ts';
import type { CompiledRule } from '../rule/types.ts';
import { admit } from '../window/admit.ts';
import { openKey } from '../window/keys.ts';
import { createLife, heardSource, sawRecord } from '../window/liveness.ts';
import type { StreamLife } from '../window/liveness.ts';
import type { Counters } from '../window/selection.ts';
import { addMember } from '../window/view.ts';
import type { Bands } from './bands.ts';
import { isInForce } from './course.ts';
import { findDue, isDue, judgeAt, reach, start } from './due.ts';
import { recordOf } from './hoist.ts';
import { leave } from './join.ts';
import { keepKnown } from './known.ts';
import { noteForce } from './past.ts';
import { compareKeys } from './key.ts';
import { activate, createRun, forget, isStanding, knownKeys, standing, standingOf } from './run.ts';
import type { RuleRun } from './run.ts';
import { faceOf } from './shared.ts';
import type { Shared } from './shared.ts';
import type { Change, Intent, Key, ResolvedAction, Told } from './types.ts';

/** All rules over one stream of lines. Changed in place by the functions here; the same calls give the same results. */
export type Judge = {
  readonly programs: Programs;
  /** Whether a change of verdict is told of a key that is clear and stays so. */
  readonly tellsClear: boolean;
  /** Ordered by rule name. */
  readonly runs: RuleRun[];
  readonly selections: Readonly<Record<Stream, Shared[]>>;
  readonly life: Readonly<Record<Stream, StreamLife>>;
  /** Made anew when rules come or go. */
  bands: Map<Shared, Bands>;
  /** The greatest time read, of any line; null before the first. */
  streamTimeNs: bigint | null;
  /** The first instant of any rule that is not judged yet; null: there is none. */
  dueNs: bigint | null;
  /** Every rule is due then. */
  areAllDue: boolean;
  isFinished: boolean;
  /** Who is out there: keys of rules with `keys: inventory`. */
  instances: readonly Instance[];
  /** What there was to tell besides changes, of the line read last. */
  told: readonly Told[];
};

/**
 * `programs`: how expressions are run, compiled unless said otherwise. `tellsClear`: replay prints what becomes of every verdict; a live engine
 * acts on states alone, and with thousands of rules over thousands of keys the first instant would tell of millions.
 */
export const createJudge = ({
  programs = compiledPrograms(),
  tellsClear = true,
}: Partial<Pick<Judge, 'programs' | 'tellsClear'>> = {}): Judge => ({
  programs,
  tellsClear,
  runs: [],
  selections: { rpc: [], flow: [] },
  life: createLife(),
  bands: new Map(),
  streamTimeNs: null,
  dueNs: null,
  areAllDue: false,
  isFinished: false,
  instances: [],
  told: [],
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

/** What a rule was at when the engine stopped. */
export type Before = {
  readonly resume?: readonly Resumed[];
  /** Keys, as text, whose intents are withdrawn until a person resumes them, and since when. */
  readonly reverted?: readonly (readonly [key: string, atNs: bigint])[];
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
 * It starts from the panes at hand where another rule keeps all that it needs, else from the next record.
 * `resume`: keys that go on firing, verdict unknown, until judged or until their lease ends; no change tells of them.
 */
export function addRule(judge: Judge, compiled: CompiledRule, { resume: goesOn = [], reverted = [] }: Before = {}): void {
  const { name } = compiled.rule;
  assert(!judge.runs.some((run) => nameOf(run) === name), `rule ${name} is added twice`);
  const run = createRun(judge, compiled);
  for (const [key, atNs] of reverted) run.reverted.set(key, atNs);
  keepKnown(run, judge.instances);
  judge.runs.push(run);
  judge.bands.clear();
  judge.runs.sort((a, b) => compareText(nameOf(a), nameOf(b)));
  if (judge.streamTimeNs !== null) start(run, judge.streamTimeNs);
  for (const one of goesOn) goOn(run, one);
  findDue(judge);
}

/**
 * A rule that was judged here while another engine acted: what that one had in force goes on, with the numbers that it had; what was
 * withdrawn there until a person resumes it, is withdrawn here. Nothing when there is no such rule.
 */
export function takeOver(judge: Judge, rule: string, { resume: goesOn = [], reverted = [] }: Before): void {
  const run = judge.runs.find((one) => nameOf(one) === rule);
  if (run === undefined) return;
  for (const [key, atNs] of reverted) run.reverted.set(key, atNs);
  for (const one of goesOn) {
    const id = idOf(run, one.key);
    const known = id < 0 ? undefined : run.active.get(id);
    if (known === undefined || !isInForce(known.course)) goOn(run, one);
    // A number that moves is wherever it has moved to; any other is what it was when the key began to fire, there.
    else if (known.held !== null && !run.hasMoving) known.held = { ...known.held, sinceNs: one.sinceNs, actions: one.actions };
  }
  findDue(judge);
}

/** The key fires, verdict unknown, until judged or until its lease ends. */
function goOn(run: RuleRun, { key, sinceNs, leaseEndNs, actions, values = new Map() }: Resumed): void {
  const id = idOf(run, key);
  if (id < 0) return;
  const resumed = activate(run, id);
  const verdict = isStanding(run) ? 'holds' : 'unknown';
  resumed.course = { ...resumed.course, state: 'firing', verdict, firedNs: sinceNs, leaseEndNs: leaseEndNs ?? sinceNs };
  resumed.held = { sinceNs, values, actions, order: null, moving: new Map(), expected: null };
  if (run.firings !== null) noteForce(run.firings, resumed.text, { t: sinceNs, lastNs: sinceNs, isInForce: true });
}

/** The number of a key of the rule, opened where it is new; −1: there are too many. */
function idOf({ source, compiled }: RuleRun, key: Key): number {
  if (source === null) return 0;
  const { selection } = source.shared;
  const values = [...key.values()].flatMap((value) => canonical(scalarOf(value)) ?? []);
  const id = openKey(selection, values, recordOf(selection.stream, compiled, values));
  if (id >= 0) addMember(source.view.members, id);
  return id;
}

/** Who is out there has changed. In replay no one is: `keys: inventory` is `seen` there (settled point 16). */
export function setInstances(judge: Judge, instances: readonly Instance[]): void {
  judge.instances = instances;
  for (const run of judge.runs) keepKnown(run, instances);
}

/** Keys of a rule that wait for a person: latched, or reverted; in order. `key` null: every one. */
export function waitingKeys(judge: Judge, rule: string, key: string | null): readonly string[] {
  const run = judge.runs.find((one) => nameOf(one) === rule);
  if (run === undefined) return [];
  const latched = [...run.active.values()].filter(({ course }) => run.timing.latch && isInForce(course)).map(({ text }) => text);
  return [...new Set([...run.reverted.keys(), ...latched])].filter((text) => key === null || key === text).sort(compareText);
}

/** Lets these go on: what was reverted is asked for again, what is latched is clear at the next instant. */
export function resume(judge: Judge, rule: string, keys: readonly string[]): void {
  const run = judge.runs.find((one) => nameOf(one) === rule);
  for (const text of keys) run?.reverted.delete(text);
  for (const one of run?.active.values() ?? []) if (keys.includes(one.text)) one.isResumed = true;
}

/** Keys whose intents are withdrawn until a person resumes them, by rule. */
export const revertedKeys = (judge: Judge): readonly { readonly rule: string; readonly key: string; readonly atNs: bigint }[] =>
  judge.runs.flatMap((run) => [...run.reverted].map(([key, atNs]) => ({ rule: nameOf(run), key, atNs })));

/** Removes a rule and all its state, and says which intents end so; [] when there is no such rule. `told`: that its keys fire no more. */
export function removeRule(judge: Judge, name: string): readonly Intent[] {
  judge.told = [];
  const at = judge.runs.findIndex((run) => nameOf(run) === name);
  const [run] = at < 0 ? [] : judge.runs.splice(at, 1);
  if (run === undefined) return [];
  judge.bands.clear();
  const ended = intentsOf(run);
  const timeNs = judge.streamTimeNs ?? 0n;
  judge.told = [...run.active.values()].flatMap(({ text, told }): readonly Told[] =>
    told === null
      ? []
      : [{ timeNs, rule: name, revision: run.compiled.revision, news: { kind: 'notify', key: text, state: 'resolved', ...told } }],
  );
  for (const id of knownKeys(run)) forget(run, id);
  leave(judge, run.source, run.holds);
  findDue(judge);
  return ended;
}

/**
 * Reads a line: judges every instant up to its time that is not judged yet, then adds it. Changes come ordered by time, rule, key. A line
 * that lies back judges nothing, and counts at later instants whose window holds it.
 */
export function readLine(judge: Judge, line: Line): readonly Change[] {
  assert(!judge.isFinished, 'a line after the end of input');
  judge.told = [];
  const changes = reach(judge, line.time);
  if (line.stream === 'tick') return changes;
  if (line.stream === 'source') {
    for (const stream of line.streams)
      heardSource(judge.life[stream], { time: line.time, source: line.source, live: line.state === 'live' });
    return changes;
  }
  sawRecord(judge.life[line.stream], line.time);
  const now = judge.streamTimeNs ?? line.time;
  for (const { selection } of judge.selections[line.stream]) admit(selection, line, now);
  return changes;
}

/** The end of input: each rule is judged once more, at its first instant after stream time. Nothing can be read after it. */
export function finish(judge: Judge): readonly Change[] {
  judge.isFinished = true;
  const due = judge.runs.filter(isDue);
  const instants = [...new Set(due.map((run) => run.nextNs))].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return instants.flatMap((t) => judgeAt(judge, t, due.filter((run) => run.nextNs === t))); // prettier-ignore
}

/** The intents in force, by rule, then key. An intent whose actions could not be read yet is not among them. */
export const intents = (judge: Judge): readonly Intent[] => judge.runs.flatMap(intentsOf);

/** Every key that is known now, by rule, then key: what `status` shows. `onlyActive`: clear ones are left out. */
export function keyStandings(judge: Judge, { onlyActive = false }: { readonly onlyActive?: boolean } = {}): readonly KeyStanding[] {
  return judge.runs.flatMap((run) => {
    const { source, compiled, active } = run;
    const of = { rule: nameOf(run), revision: compiled.revision };
    const shown = [...active.values()].map(({ key, text, course, held }) => {
      const sinceNs = held?.sinceNs ?? (course.state === 'pending' ? course.streakNs : null);
      return { key, standing: { ...of, keyText: text, state: course.state, verdict: course.verdict, sinceNs } };
    });
    if (onlyActive || source === null) return shown.sort((a, b) => compareKeys(a.key, b.key)).map((one) => one.standing);
    for (const id of knownKeys(run)) {
      const at = standingOf(source, id);
      if (at === standing.active) continue;
      const { key, text } = faceOf(source.shared, id, compiled);
      const verdict: Verdict = at === standing.clear ? 'clear' : 'unknown';
      shown.push({ key, standing: { ...of, keyText: text(), state: 'clear', verdict, sinceNs: null } });
    }
    return shown.sort((a, b) => compareKeys(a.key, b.key)).map((one) => one.standing);
  });
}

/** What was counted of the records that each rule shares with others alike, since the first of them was added, and how many keys the rule knows. */
export function counters(judge: Judge): ReadonlyMap<string, Readonly<Counters> & { readonly keys: number }> {
  return new Map(judge.runs.map((run) => [nameOf(run), { ...(run.source?.shared.selection.counters ?? noCounters), keys: run.known }]));
}

const noCounters: Counters = {
  records: 0,
  late: 0,
  droppedLate: 0,
  whereErrors: 0,
  keyErrors: 0,
  argumentErrors: 0,
  keysOver: 0,
  recordsOver: 0,
};

const nameOf = ({ compiled }: RuleRun): string => compiled.rule.name;

function intentsOf(run: RuleRun): readonly Intent[] {
  const inForce = [...run.active.values()].filter(({ course }) => isInForce(course)).sort((a, b) => compareKeys(a.key, b.key));
  return inForce.flatMap(({ key, text, course, held }): readonly Intent[] => {
    if (held === null || held.actions === null || run.reverted.has(text)) return [];
    const leaseEndNs = isStanding(run) ? null : course.leaseEndNs;
    const { sinceNs, order, actions, values } = held;
    return [{ rule: nameOf(run), revision: run.compiled.revision, key, keyText: text, sinceNs, leaseEndNs, order, actions, values }];
  });
}
