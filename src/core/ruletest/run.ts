import { percent, actionText, matchText } from '../../model/text.ts';
import type { Problem, Result } from '../../model/problem.ts';
import { fail, ok } from '../../model/problem.ts';
import type { Line } from '../../model/record.ts';
import type { KeyState } from '../../model/rule.ts';
import type { Entry, Table } from '../../model/table.ts';
import { floorDivide } from '../../model/time.ts';
import { addRule, createJudge, intents, readLine } from '../decide/judge.ts';
import type { Judge } from '../decide/judge.ts';
import type { Change } from '../decide/types.ts';
import { createDry, inventoryOf, learn, planDry } from '../plan/dry.ts';
import type { CompiledRule } from '../rule/types.ts';
import { gateOf } from './closed.ts';
import { compareWith } from './expect.ts';
import { linesOf } from './lines.ts';
import type { Expectation, Failure, RuleTest, TestResult } from './types.ts';

/** What a test has seen so far. */
export type Seen = {
  readonly judge: Judge;
  readonly rule: CompiledRule;
  readonly test: RuleTest;
  /** Entering firing, and returning to clear, over all keys. */
  transitions: number;
  /** States that each key has been in. */
  readonly states: Map<string, Set<KeyState>>;
  table: Table;
};

/** Plays a test: its lines, with a tick at each of the rule's instants, up to its last `at`. Deterministic; no clock, no files but by `readFile`. */
export function runTest(rule: CompiledRule, test: RuleTest, readFile: (path: string) => Result<string>): Result<TestResult, Problem> {
  const lines = linesOf(test, readFile);
  if (!lines.ok) return lines;
  const enforced: CompiledRule = { ...rule, rule: { ...rule.rule, mode: 'enforce' } };
  const seen: Seen = { judge: createJudge(), rule: enforced, test, transitions: 0, states: new Map(), table: [] };
  addRule(seen.judge, enforced);
  const endNs = endOf(test, lines.value);
  const failures: Failure[] = [];
  let records = 0;
  for (const step of timeline(seen, lines.value, endNs)) {
    if (step.kind === 'expect') failures.push(...compareWith(seen, step.expect, step.atNs));
    else if (step.read()) records++;
  }
  return ok({ test, failures, records, transitions: seen.transitions });
}

/** The last `at`, or else the end of what is given. */
function endOf({ startNs, expect }: RuleTest, lines: readonly Line[]): bigint {
  const ats = expect.flatMap(({ atNs }) => (atNs === null ? [] : [startNs + atNs]));
  if (ats.length > 0) return ats.reduce((a, b) => (a > b ? a : b));
  return lines.at(-1)?.time ?? startNs;
}

type Step =
  | { readonly kind: 'line'; readonly read: () => boolean }
  | { readonly kind: 'expect'; readonly expect: Expectation; readonly atNs: bigint };

/** Ticks, expectations and lines in order of time; at one time in this order, for an instant sees only what is before it. */
function* timeline(seen: Seen, lines: readonly Line[], endNs: bigint): Generator<Step> {
  const { test, rule } = seen;
  const { everyNs } = rule.rule;
  const due = test.expect.map((expect) => ({ expect, atNs: expect.atNs === null ? endNs : test.startNs + expect.atNs }));
  const waiting = due.toSorted((a, b) => (a.atNs < b.atNs ? -1 : a.atNs > b.atNs ? 1 : 0));
  const loop = closedLoop(seen, lines);
  let next = 0;
  for (let tickNs = (floorDivide(test.startNs, everyNs) + 1n) * everyNs; ; tickNs += everyNs) {
    for (; waiting[0] !== undefined && waiting[0].atNs < tickNs; waiting.shift()) yield { kind: 'expect', ...waiting[0] };
    for (let line = lines[next]; line !== undefined && line.time < tickNs && line.time < endNs; line = lines[++next]) {
      const one = line;
      yield { kind: 'line', read: () => loop.read(one) };
    }
    if (tickNs > endNs) break;
    yield { kind: 'line', read: () => loop.tick(tickNs) };
  }
  for (const left of waiting) yield { kind: 'expect', ...left };
}

/** Judges what it is given; with `closed` only requests that the table in force lets through are given to it. */
function closedLoop(
  seen: Seen,
  lines: readonly Line[],
): { readonly read: (line: Line) => boolean; readonly tick: (ns: bigint) => boolean } {
  const { judge, rule, test } = seen;
  const dry = createDry([rule]);
  for (const line of lines) if (line.stream === 'rpc' || line.stream === 'flow') learn(dry, line);
  const inventory = inventoryOf(dry);
  const owed = new Map<string, number>();
  let gate = gateOf([], inventory, owed);
  let plannedMs = Number.NEGATIVE_INFINITY;
  const note = (changes: readonly Change[]): boolean => changes.map((change) => noteChange(seen, change)).includes(true);
  return {
    read: (line) => {
      const isRecord = line.stream === 'rpc' || line.stream === 'flow';
      if (isRecord && test.closed && !gate(line, Number(line.time / 1_000_000n))) return false;
      note(readLine(judge, line));
      return isRecord;
    },
    tick: (ns) => {
      const changed = note(readLine(judge, { stream: 'tick', time: ns })) || judge.told.length > 0;
      const nowMs = Number(ns / 1_000_000n);
      if (!changed && nowMs - plannedMs < planEveryMs) return false;
      plannedMs = nowMs;
      planDry(dry, intents(judge), nowMs);
      seen.table = dry.table;
      gate = gateOf(seen.table, inventory, owed);
      return false;
    },
  };
}

/** As the engine does: leases are renewed by planning anew. */
const planEveryMs = 1_000;

/** True when a table may follow from it. */
function noteChange(seen: Seen, { keyText, from, to }: Change): boolean {
  const states = seen.states.get(keyText) ?? new Set([from]);
  states.add(to);
  seen.states.set(keyText, states);
  const begins = to === 'firing' && (from === 'clear' || from === 'pending');
  const ends = to === 'clear' && (from === 'firing' || from === 'clearing');
  if (begins || ends) seen.transitions++;
  return from !== to;
}

/** An entry as tests name it: `avoid destination.instance == "c3" 99%`. */
export function entryText({ action, match }: Entry): string {
  if (action.kind === 'avoid') return `avoid destination.${action.on} == ${JSON.stringify(action.value)} ${percent(action.ppm)}`;
  if (action.kind === 'deny') return `deny ${matchText(match)} ${percent(action.ppm)}`;
  return actionText(action);
}

export const noFiles = (path: string): Result<string> =>
  fail({ code: 'E-TEST', what: 'no file can be read here', at: path, todo: 'generate the records' });
