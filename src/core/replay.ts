import { parseLine } from '../model/line.ts';
import type { Problem } from '../model/problem.ts';
import { formatTime } from '../model/time.ts';
import { jsonOf } from './cel/value.ts';
import { addRule, counters, createJudge, finish, readLine } from './decide/judge.ts';
import type { Judge } from './decide/judge.ts';
import type { Change } from './decide/types.ts';
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
export type Replay = { readonly judge: Judge; lines: number; badCount: number; readonly badFirst: BadLine[] };

/** Reads lines through rules and hands on each change of state or verdict, in order of time, rule, key. Pure: same input, same changes. */
export function replay(
  input: { readonly rules: readonly CompiledRule[]; readonly lines: Iterable<string> },
  onChange: (change: Change) => void,
): ReplayResult {
  const state = createReplay(input.rules);
  for (const text of input.lines) replayLine(state, text).forEach(onChange);
  endReplay(state).forEach(onChange);
  return resultOf(state);
}

export function createReplay(rules: readonly CompiledRule[]): Replay {
  const judge = createJudge();
  for (const rule of rules) addRule(judge, rule);
  return { judge, lines: 0, badCount: 0, badFirst: [] };
}

/** One line of text. A line that is no record is counted and moves no time; an empty one is passed over. */
export function replayLine(state: Replay, text: string): readonly Change[] {
  state.lines++;
  if (text.trim() === '') return [];
  const line = parseLine(text);
  if (line.ok) return readLine(state.judge, line.value);
  state.badCount++;
  if (state.badFirst.length < badLinesMax)
    state.badFirst.push({ number: state.lines, problem: { ...line.problem, at: `line ${state.lines}` } });
  return [];
}

/** The end of input; nothing can be read after it. */
export const endReplay = (state: Replay): readonly Change[] => finish(state.judge);

export const resultOf = ({ judge, lines, badCount, badFirst }: Replay): ReplayResult => ({
  lines,
  bad: { count: badCount, first: badFirst },
  counters: counters(judge),
});

/**
 * A change as replay prints it (design.md section 10), without line end:
 * {"time","rule","key":{…},"from","to","verdict","values":{…}}; durations in seconds, null without value.
 */
export function formatChange({ timeNs, rule, keyText, from, to, verdict, values }: Change): string {
  const shown = [...values].map(([text, value]) => `${JSON.stringify(text)}:${jsonOf(value)}`);
  const head = `{"time":${JSON.stringify(formatTime(timeNs))},"rule":${JSON.stringify(rule)},"key":${keyText}`;
  return `${head},"from":"${from}","to":"${to}","verdict":"${verdict}","values":{${shown.join(',')}}}`;
}
