import { describe, expect, test } from 'vitest';
import { createBatchReader, readBatch } from '../../src/core/decide/batches.ts';
import { addRule, counters, createJudge, finish, readLine } from '../../src/core/decide/judge.ts';
import type { Judge } from '../../src/core/decide/judge.ts';
import type { Change } from '../../src/core/decide/types.ts';
import { formatChange } from '../../src/core/replay.ts';
import type { CompiledRule } from '../../src/core/rule/types.ts';
import { recordAt } from '../../src/model/batch.ts';
import { parseLine } from '../../src/model/line.ts';
import type { FlyRecord, Line } from '../../src/model/record.ts';
import { batchOf } from './batch.ts';
import { compiled } from './compiled.ts';
import { lineOf, randomPair, randomRows } from './random.ts';
import { generator } from './seeded.ts';
import type { Random } from './seeded.ts';

/** Records in columns say what they say one by one. */

const isRpc = (line: Line): line is FlyRecord => line.stream === 'rpc';

function linesOf(random: Random, streams: number): readonly Line[] {
  const rows = Array.from({ length: streams }, (_, i) =>
    randomRows(random).map((row) => ({ ...row, time: row.time + i * 200_000 })),
  ).flat();
  return rows.flatMap((row) => {
    const line = parseLine(lineOf(row));
    return line.ok ? [line.value] : [];
  });
}

function judgeOf(rules: readonly CompiledRule[]): Judge {
  const judge = createJudge();
  for (const rule of rules) addRule(judge, rule);
  return judge;
}

const texts = (changes: readonly Change[]): readonly string[] => changes.map(formatChange);

const oneByOne = (judge: Judge, lines: readonly Line[]): readonly string[] =>
  [...lines.flatMap((line) => texts(readLine(judge, line))), ...texts(finish(judge))]; // prettier-ignore

/** Records that follow each other in batches of up to `most`, other lines between them. */
function inBatches(judge: Judge, lines: readonly Line[], random: Random, most: number): readonly string[] {
  const feed = createBatchReader(judge);
  const found: string[] = [];
  for (let i = 0; i < lines.length;) {
    const records: FlyRecord[] = [];
    const size = 1 + random.below(most);
    for (let line = lines[i]; line !== undefined && isRpc(line) && records.length < size; line = lines[++i]) records.push(line);
    if (records.length > 0) found.push(...texts(readBatch(feed, batchOf(records, 'rpc'))));
    else found.push(...texts(readLine(judge, lines[i++]!)));
  }
  return [...found, ...texts(finish(judge))];
}

describe('what rules say of batches is what they say of their records', { timeout: 120_000 }, () => {
  test.each([1, 2, 3, 4, 5, 6])('seed %i', (seed) => {
    const random = generator(31_000 + seed);
    const rules = Array.from({ length: 60 }, (_, i) => compiled(randomPair(random).text.replace('rule: r', `rule: r${i}`)));
    const lines = linesOf(random, 4);
    const [one, many] = [judgeOf(rules), judgeOf(rules)];
    const said = oneByOne(one, lines);
    expect(inBatches(many, lines, random, random.pick([3, 40, 5_000]))).toEqual(said);
    expect(counters(many)).toEqual(counters(one));
    expect(said.length).toBeGreaterThan(300);
  });
});

test('a batch means its records', () => {
  const records = linesOf(generator(5), 2).filter(isRpc);
  const batch = batchOf(records, 'rpc');
  expect(records.map((_, i) => recordAt(batch, i))).toEqual(records);
});

test('keys that come and go are found anew', () => {
  const text =
    'rule: r\nover: rpc\nby: [source.service, destination.service]\nwindow: 1s\nevery: 250ms\nwhen: "p90(response.duration) > d(\\"20ms\\")"';
  const random = generator(9);
  const lines = Array.from({ length: 20_000 }, (_, i): Line => {
    const service = `s${random.below(5) + 5 * Math.floor(i / 4_000)}`;
    const response = { duration: BigInt(1 + random.below(40)) * 1_000_000n };
    const nothing = {};
    return {
      stream: 'rpc', time: 1_767_225_600_000_000_000n + BigInt(i) * 1_000_000n, source: { service: 'a' }, destination: { service },
      reporter: nothing, rpc: nothing, request: nothing, response, applied: [],
    }; // prettier-ignore
  });
  const rules = [compiled(text)];
  const said = oneByOne(judgeOf(rules), lines);
  expect(said.length).toBeGreaterThan(30);
  expect(inBatches(judgeOf(rules), lines, random, 3_000)).toEqual(said);
});
