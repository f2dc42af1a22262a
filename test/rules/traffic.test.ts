import { expect, test } from 'vitest';
import { createTraffic } from '../../src/core/rule/traffic.ts';
import type { RpcRecord } from '../../src/model/record.ts';
import { formatProblem } from '../../src/core/rule/format.ts';
import { compiled } from '../replay/compiled.ts';

const rule = (fields: string, avoid = 'instance: key.destination.instance'): string =>
  `rule: x\nwhy: w\nowner: o\nover: rpc\nby: [destination.instance]\nminimum: {count: 20, until: 20}\n${fields}\nwhen: count() > 5\nthen:\n  - avoid: {match: 'true', ${avoid}}\n`; // prettier-ignore

function record(ms: number, of: { readonly instance: string; readonly id?: string; readonly side?: 'source' | 'destination' }): RpcRecord {
  const { instance, id, side } = of;
  return {
    stream: 'rpc',
    time: BigInt(Date.UTC(2026, 0, 1) + ms) * 1_000_000n,
    source: {},
    destination: { instance },
    reporter: side === undefined ? {} : { side },
    rpc: {},
    request: id === undefined ? {} : { id },
    response: {},
    applied: [],
  };
}

function said(text: string, records: readonly RpcRecord[]): readonly string[] {
  const traffic = createTraffic(compiled(text));
  for (const one of records) traffic.note(one);
  return traffic.problems('rules/x/rule.yaml').map((problem) => formatProblem(problem));
}

/** Ten minutes of `a` and `b`, the latter 50 requests a second. */
const traffic = Array.from({ length: 30_000 }, (_, i) => [record(i * 20, { instance: 'b' }), record(i * 20, { instance: 'a' }), record(i * 20 + 10, { instance: 'a' })]).flat(); // prettier-ignore

test('what is avoided must leave enough to be judged (rules.md section 6)', () => {
  expect(said(rule('window: 10s'), traffic)).toEqual([
    'rules/x/rule.yaml:10:5     W-BLIND        avoid leaves 0.5 requests/s of ["b"] (last hour): 5 in 10s, under minimum.until 20: `until` can never be judged · percent: 95, or window: 60s',
  ]);
  expect(said(rule('window: 10s', 'instance: key.destination.instance, percent: 95'), traffic)).toEqual([]);
  expect(said(rule('window: 60s'), traffic)).toEqual([]);
});

test('only the last hour counts', () => {
  const before = traffic.map((one) => ({ ...one, time: one.time - 7_200_000_000_000n, destination: { instance: 'rare' } })).slice(0, 10);
  expect(said(rule('window: 60s'), [...before, ...traffic])).toEqual([]);
});

test('requests that two reporters tell of count twice', () => {
  const both = Array.from({ length: 100 }, (_, i) => [record(i, { instance: 'a', id: `r${i}` }), record(i, { instance: 'a', id: `r${i}`, side: 'source' })]).flat(); // prettier-ignore
  const text = (where: string): string => `rule: x\nwhy: w\nowner: o\nover: rpc\nwhere: ${where}\nwhen: count() > 5\n`;
  expect(said(text('has(reporter.side) || true'), both)).toEqual([
    'rules/x/rule.yaml:5:8      W-DOUBLE       100 of 100 requests were reported more than once, and count so · reporter.side == "destination" && reporter.target == "…"',
  ]);
  expect(said(text("'true'"), both)).toEqual([]);
});
