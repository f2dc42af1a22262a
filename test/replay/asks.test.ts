import { expect, test } from 'vitest';
import {
  addRule,
  createJudge,
  intents,
  keyStandings,
  readLine,
  removeRule,
  resume,
  setInstances,
  waitingKeys,
} from '../../src/core/decide/judge.ts';
import type { Judge } from '../../src/core/decide/judge.ts';
import type { News } from '../../src/core/decide/types.ts';
import type { Instance } from '../../src/model/inventory.ts';
import type { Line } from '../../src/model/record.ts';
import { compiled } from './compiled.ts';

/** What a rule asks for besides its states: numbers that move, what is latched, expected, told, and known before it was seen. */

const base = BigInt(Date.UTC(2026, 0, 1)) * 1_000_000n;
const at = (seconds: number): bigint => base + BigInt(Math.round(seconds * 1000)) * 1_000_000n;
const tick = (seconds: number): Line => ({ stream: 'tick', time: at(seconds) });

function rpc(seconds: number, instance: string, size: number): Line {
  const nothing = { source: {}, reporter: {}, rpc: {}, response: {}, applied: [] };
  return { stream: 'rpc', time: at(seconds), destination: { service: 's', instance }, request: { size }, ...nothing };
}

const head = 'rule: r\nover: rpc\nby: [destination.instance]\nevery: 1s\nwindow: 1s\nlease: 15s\nwhen: max(request.size) > 5\n';

function world(text: string): { readonly judge: Judge; readonly read: (...lines: readonly Line[]) => readonly News[] } {
  const judge = createJudge({ tellsClear: false });
  addRule(judge, compiled(text));
  const read = (...lines: readonly Line[]): readonly News[] =>
    lines.flatMap((line) => {
      readLine(judge, line);
      return judge.told.map(({ news }) => news);
    });
  return { judge, read };
}

/** One record a second of `a`, from `from` on, each with this size. */
const each = (from: number, sizes: readonly number[]): readonly Line[] => sizes.map((size, i) => rpc(from + i + 0.5, 'a', size));
const states = (judge: Judge): readonly string[] =>
  keyStandings(judge).map(({ keyText, state, verdict }) => `${keyText} ${state} ${verdict}`);
const value = (judge: Judge, path: string): unknown => intents(judge)[0]?.actions[0]?.values.get(path);

test('a value is read again each `every`, between its bounds, and stays where it is while unknown', () => {
  const { judge, read } = world(`${head}until: false\nthen:\n  - limit: {rate: {value: max(request.size), min: 10, max: 50, every: 2s}}\n`);
  read(...each(0, [9, 20]));
  expect(value(judge, 'rate')).toBe(10);
  read(...each(2, [30]));
  expect(value(judge, 'rate')).toBe(10);
  expect(read(...each(3, [40]))).toContainEqual({ kind: 'asks', key: '{"destination.instance":"a"}' });
  expect(value(judge, 'rate')).toBe(30);
  read(...each(4, [99, 99]));
  expect(value(judge, 'rate')).toBe(50);
  read(tick(7.5), tick(9.5));
  expect(value(judge, 'rate')).toBe(50);
});

test('a ramp steps while its condition is true, waits where it is not known, and ends at its end', () => {
  const { judge, read } = world(`${head}until: false\nthen:\n  - avoid: {instance: key.destination.instance, percent: {ramp: {from: 50, to: 99, step: 25, every: 2s, while: 'max(request.size) > 5'}}}\n`); // prettier-ignore
  read(...each(0, [9, 9]));
  expect(value(judge, 'percent')).toBe(50);
  read(...each(2, [9, 9]));
  expect(value(judge, 'percent')).toBe(75);
  read(...each(4, [1, 1, 1]));
  expect(value(judge, 'percent')).toBe(75);
  read(tick(8.5));
  expect(value(judge, 'percent')).toBe(75);
  read(...each(9, [9, 9]));
  expect(value(judge, 'percent')).toBe(99);
  read(...each(11, [9, 9, 9, 9, 9]));
  expect(value(judge, 'percent')).toBe(99);
});

test('a number that is read again and stays what it was is not read before its next time', () => {
  const { judge, read } = world(`${head}until: false\nthen:\n  - limit: {rate: {value: max(request.size), min: 10, max: 50, every: 3s}}\n`);
  read(...each(0, [20, 20, 20, 20, 30]));
  // Read at 1 and 4; what is new at 5 waits for 7.
  expect(value(judge, 'rate')).toBe(20);
  read(...each(5, [30]));
  expect(value(judge, 'rate')).toBe(20);
  read(...each(6, [30, 30]));
  expect(value(judge, 'rate')).toBe(30);
});

test('in an engine that starts anew a ramp goes on from where it was', () => {
  const rule = compiled(`${head}until: false\nthen:\n  - avoid: {instance: key.destination.instance, percent: {ramp: {from: 10, to: 99, step: 25, every: 2s, while: 'true'}}}\n`); // prettier-ignore
  const [action] = rule.rule.then;
  const values = new Map<string, string | number>([
    ['percent', 60],
    ['value', 'a'],
  ]);
  const judge = createJudge({ tellsClear: false });
  const key = new Map([['destination.instance', 'a']]);
  addRule(judge, rule, { resume: [{ key, sinceNs: at(0), leaseEndNs: at(15), actions: [{ action: action!, values }] }] });
  for (const line of each(0, [9, 9])) readLine(judge, line);
  expect(value(judge, 'percent')).toBe(60);
  for (const line of each(2, [9, 9])) readLine(judge, line);
  expect(value(judge, 'percent')).toBe(85);
});

test('what is latched ends by a person alone, and may fire again', () => {
  const { judge, read } = world(`${head}latch: true\nnotify: {severity: page, summary: 'x'}\n`);
  read(...each(0, [9, 1, 1]));
  expect(states(judge)).toEqual(['{"destination.instance":"a"} firing clear']);
  read(tick(60));
  expect(states(judge)).toEqual(['{"destination.instance":"a"} firing unknown']);
  expect(intents(judge)[0]?.leaseEndNs).toBe(at(75));
  const waiting = waitingKeys(judge, 'r', null);
  expect(waiting).toEqual(['{"destination.instance":"a"}']);
  resume(judge, 'r', waiting);
  expect(intents(judge)).toHaveLength(1);
  read(tick(62));
  expect(intents(judge)).toEqual([]);
  expect(waitingKeys(judge, 'r', null)).toEqual([]);
  read(...each(63, [9, 9]));
  expect(states(judge)).toEqual(['{"destination.instance":"a"} firing holds']);
});

test('`expires` ends what is latched', () => {
  const { judge, read } = world(`${head}latch: true\nexpires: 2026-01-01T00:00:10Z\n`);
  read(...each(0, [9, 9]), tick(11));
  expect(intents(judge)).toEqual([]);
});

const expecting = `${head}until: max(request.size) < 2\nexpect: {within: 3s, that: 'max(request.size) < 8', else: revert}\n`;
const outcomes = (news: readonly News[]): readonly string[] => news.flatMap((one) => (one.kind === 'expected' ? [one.outcome] : []));

test('an expectation that is met leaves the intent, one that is not withdraws it until a person resumes it', () => {
  const met = world(expecting);
  expect(outcomes(met.read(...each(0, [9, 9, 9, 7, 7])))).toEqual(['met']);
  expect(intents(met.judge)).toHaveLength(1);
  const { judge, read } = world(expecting);
  expect(outcomes(read(...each(0, [9, 9, 9, 9, 9])))).toEqual(['reverted']);
  // The states go on: expect changes the plan alone.
  expect([states(judge), intents(judge)]).toEqual([['{"destination.instance":"a"} firing holds'], []]);
  read(...each(5, [1, 1, 9, 9]));
  expect([states(judge), intents(judge)]).toEqual([['{"destination.instance":"a"} firing holds'], []]);
  resume(judge, 'r', waitingKeys(judge, 'r', null));
  expect(intents(judge)).toHaveLength(1);
});

test('an expectation of which nothing is known is not met, and `keep` keeps', () => {
  const { judge, read } = world(expecting.replace('revert', 'keep'));
  expect(outcomes(read(...each(0, [9, 9]), tick(6.5)))).toEqual(['kept']);
  expect(intents(judge)).toHaveLength(1);
});

test('what was withdrawn stays so in an engine that starts anew', () => {
  const judge = createJudge({ tellsClear: false });
  addRule(judge, compiled(expecting), { reverted: [['{"destination.instance":"a"}', at(0)]] });
  for (const line of each(0, [9, 9])) readLine(judge, line);
  expect([states(judge), intents(judge)]).toEqual([['{"destination.instance":"a"} firing holds'], []]);
});

test('people are told at firing, with the values of then, and when it is clear', () => {
  const { read } = world(`${head}notify: {severity: page, summary: '{key.destination.instance} took {max(request.size)}, p {ratio(response.failed)}, {{ok}}'}\n`); // prettier-ignore
  const told = read(...each(0, [9, 8, 1, 1])).filter(({ kind }) => kind === 'notify');
  const summary = 'a took 9, p unknown, {ok}';
  const key = '{"destination.instance":"a"}';
  expect(told).toEqual([
    { kind: 'notify', key, state: 'firing', sinceNs: at(1), summary },
    { kind: 'notify', key, state: 'resolved', sinceNs: at(1), summary },
  ]);
});

test('people are told again by an engine that starts anew, and that a rule which is removed fires no more', () => {
  const text = `${head}notify: {severity: page, summary: 'took {max(request.size)}'}\n`;
  const judge = createJudge({ tellsClear: false });
  const key = new Map([['destination.instance', 'a']]);
  addRule(judge, compiled(text), { resume: [{ key, sinceNs: at(-9), leaseEndNs: at(6), actions: [] }] });
  const told = each(0, [9, 9, 9]).flatMap((line) => {
    readLine(judge, line);
    return judge.told.map(({ news }) => news);
  });
  const about = { kind: 'notify', key: '{"destination.instance":"a"}', sinceNs: at(-9), summary: 'took 9' };
  expect(told).toEqual([{ ...about, state: 'firing' }]);
  removeRule(judge, 'r');
  expect(judge.told.map(({ news }) => news)).toEqual([{ ...about, state: 'resolved' }]);
  removeRule(judge, 'r');
  expect(judge.told).toEqual([]);
});

const instance = (name: string): Instance => ({ service: 's', instance: name, address: '127.0.0.1', port: 1, ready: true });

test('`keys: inventory` knows who never sent a record, for as long as the inventory names them', () => {
  const { judge, read } = world(`rule: r\nover: rpc\nkeys: inventory\nwhere: destination.service == "s" && request.size >= 0\nby: [destination.instance]\nevery: 1s\nwindow: 1s\nwhen: absent()\n`); // prettier-ignore
  setInstances(judge, [instance('a'), instance('b'), { ...instance('c'), service: 'other' }]);
  read(...each(0, [1, 1, 1]), tick(3.5));
  expect(states(judge)).toEqual(['{"destination.instance":"a"} clear clear', '{"destination.instance":"b"} firing holds']);
  read(tick(6));
  expect(states(judge)).toEqual(['{"destination.instance":"a"} firing holds', '{"destination.instance":"b"} firing holds']);
  setInstances(judge, [instance('a')]);
  read(...each(6, [1, 1, 1]));
  expect(states(judge)[0]).toBe('{"destination.instance":"a"} clear clear');
});
