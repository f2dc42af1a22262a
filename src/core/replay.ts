import { parseLine } from '../model/line.ts';
import { canon } from '../model/canon.ts';
import type { Problem } from '../model/problem.ts';
import type { Line } from '../model/record.ts';
import type { Op } from '../model/table.ts';
import { formatTime } from '../model/time.ts';
import { jsonOf } from './cel/value.ts';
import { addRule, counters, createJudge, finish, intents, readLine } from './decide/judge.ts';
import type { Judge } from './decide/judge.ts';
import type { Change } from './decide/types.ts';
import { createDry, learn, planDry } from './plan/dry.ts';
import type { Dry } from './plan/dry.ts';
import type { CompiledRule } from './rule/types.ts';

/** Bad lines that are remembered one by one; all are counted. */
export const badLinesMax = 1_000;

/** A line that was not a record: its number from 1 and the reason. */
export type BadLine = { readonly number: number; readonly problem: Problem };

export type ReplayResult = {
  /** Lines read, bad ones and empty ones included. */
  readonly lines: number;
  readonly bad: { readonly count: number; readonly first: readonly BadLine[] };
  readonly counters: ReturnType<typeof counters>;
};

/** A replay under way: `judge` may be looked at between lines. */
export type Replay = {
  readonly judge: Judge;
  /** What would be published, where that is asked for. */
  readonly dry: Dry | null;
  /** When it was planned last, ns since the epoch. */
  plannedNs: bigint;
  revision: number;
  lines: number;
  badCount: number;
  readonly badFirst: BadLine[];
};

/** What a replay prints a line of: a change of state or verdict, or a diff that follows from it. */
export type Printed =
  | { readonly kind: 'change'; readonly change: Change }
  | { readonly kind: 'diff'; readonly timeNs: bigint; readonly revision: number; readonly ops: readonly Op[] };

/** Plans are made anew at least so often, as the engine does. */
const planEveryNs = 1_000_000_000n;

/** Reads lines through rules and hands on each change of state or verdict, in order of time, rule, key. Pure: same input, same changes. */
export function replay(
  input: { readonly rules: readonly CompiledRule[]; readonly lines: Iterable<string> },
  onChange: (change: Change) => void,
): ReplayResult {
  const state = createReplay(input.rules);
  const print = (printed: Printed): void => (printed.kind === 'change' ? onChange(printed.change) : undefined);
  for (const text of input.lines) replayLine(state, text).forEach(print);
  endReplay(state).forEach(print);
  return resultOf(state);
}

export function createReplay(rules: readonly CompiledRule[], { plans = false }: { readonly plans?: boolean } = {}): Replay {
  const judge = createJudge();
  for (const rule of rules) addRule(judge, rule);
  return { judge, dry: plans ? createDry(rules) : null, plannedNs: 0n, revision: 0, lines: 0, badCount: 0, badFirst: [] };
}

/** One line of text. A line that is no record is counted and moves no time; an empty one is passed over. */
export function replayLine(state: Replay, text: string): readonly Printed[] {
  state.lines++;
  if (text.trim() === '') return [];
  const line = parseLine(text);
  if (line.ok) return [...upTo(state, line.value.time), ...read(state, line.value)];
  state.badCount++;
  if (state.badFirst.length < badLinesMax)
    state.badFirst.push({ number: state.lines, problem: { ...line.problem, at: `line ${state.lines}` } });
  return [];
}

/** The end of input; nothing can be read after it. */
export function endReplay(state: Replay): readonly Printed[] {
  const changes = finish(state.judge);
  const lastNs = changes.at(-1)?.timeNs ?? state.judge.streamTimeNs ?? 0n;
  return [...changes.map(asChange), ...planned(state, lastNs, changes.length > 0)];
}

const asChange = (change: Change): Printed => ({ kind: 'change', change });

/** With plans each instant is judged by itself, so that what follows from it is planned before the next; ticks change no verdict. */
function* upTo(state: Replay, time: bigint): Generator<Printed> {
  if (state.dry === null) return;
  for (let { dueNs } = state.judge; dueNs !== null && dueNs <= time; { dueNs } = state.judge)
    yield* read(state, { stream: 'tick', time: dueNs });
}

function read(state: Replay, line: Line): readonly Printed[] {
  const { judge, dry } = state;
  const changes = readLine(judge, line);
  if (dry === null) return changes.map(asChange);
  if (line.stream === 'rpc' || line.stream === 'flow') learn(dry, line);
  return [...changes.map(asChange), ...planned(state, line.time, changes.some(({ from, to }) => from !== to) || judge.told.length > 0)];
}

/** The diff at an instant; none: nothing changes. */
function planned(state: Replay, timeNs: bigint, isNew: boolean): readonly Printed[] {
  const { dry, judge } = state;
  const isDue = timeNs - state.plannedNs >= planEveryNs && (dry?.table.length ?? 0) > 0;
  if (dry === null || !(isNew || isDue)) return [];
  state.plannedNs = timeNs;
  const ops = planDry(dry, intents(judge), Number(timeNs / 1_000_000n));
  return ops.length === 0 ? [] : [{ kind: 'diff', timeNs, revision: ++state.revision, ops }];
}

export const resultOf = ({ judge, lines, badCount, badFirst }: Replay): ReplayResult => ({
  lines,
  bad: { count: badCount, first: badFirst },
  counters: counters(judge),
});

/** A line of replay's output, without line end. */
export const formatPrinted = (printed: Printed): string =>
  printed.kind === 'change'
    ? formatChange(printed.change)
    : `{"time":${JSON.stringify(formatTime(printed.timeNs))},"revision":${printed.revision},"diff":${canon(printed.ops)}}`;

/**
 * A change as replay prints it (design.md section 10), without line end:
 * {"time","rule","key":{…},"from","to","verdict","values":{…}}; durations in seconds, null without value.
 */
export function formatChange({ timeNs, rule, keyText, from, to, verdict, values }: Change): string {
  const shown = [...values].map(([text, value]) => `${JSON.stringify(text)}:${jsonOf(value)}`);
  const head = `{"time":${JSON.stringify(formatTime(timeNs))},"rule":${JSON.stringify(rule)},"key":${keyText}`;
  return `${head},"from":"${from}","to":"${to}","verdict":"${verdict}","values":{${shown.join(',')}}}`;
}
