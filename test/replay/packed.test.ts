import { expect, test } from 'vitest';
import { addRule, createJudge, keyStandings, readLine } from '../../src/core/decide/judge.ts';
import type { Judge } from '../../src/core/decide/judge.ts';
import { lookInto } from '../../src/core/decide/look.ts';
import type { Value } from '../../src/model/rule.ts';
import type { RpcRecord } from '../../src/model/record.ts';
import { compiled } from './compiled.ts';
import { generator } from './seeded.ts';

/** Panes that are kept for long give up single values; what they say stays what it was. */

const base = BigInt(Date.UTC(2026, 0, 1)) * 1_000_000n;
const second = 1_000_000_000n;

const rule = (name: string, limit: string): string =>
  `rule: ${name}\nover: rpc\nby: [destination.instance]\nwindow: 20s\nevery: 10s\nselect: {before: {offset: 1m}}\n` +
  `when: p90(response.duration) > d("${limit}") && before.p90(response.duration) > d("${limit}")`;

function record(ns: bigint, instance: string, tookNs: bigint): RpcRecord {
  const nothing = { source: {}, reporter: {}, rpc: {}, request: {}, applied: [] };
  return { stream: 'rpc', time: base + ns, destination: { instance }, response: { duration: tookNs }, ...nothing };
}

/** Nearest rank (rules.md section 3.6). */
function p90(all: readonly RpcRecord[], instance: string, [from, to]: readonly [bigint, bigint]): bigint | null {
  const values = all.filter((one) => one.destination.instance === instance && one.time >= base + from && one.time < base + to).map((one) => one.response.duration ?? 0n); // prettier-ignore
  values.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return values.length === 0 ? null : (values[Math.ceil(0.9 * values.length - 1e-9) - 1] ?? null);
}

const ns = (value: Value | null | undefined): number =>
  typeof value === 'object' && value !== null && 'durationNs' in value ? Number(value.durationNs) : NaN;
const packed = (judge: Judge): boolean => judge.selections.rpc.some(({ selection }) => selection.hasPacked);

/** Four minutes of two replicas, 50 requests a second each, their pace changing; now and then one comes 30 s late. */
function traffic(seed: number): readonly RpcRecord[] {
  const random = generator(seed);
  return Array.from({ length: 24_000 }, (_, i) => {
    const at = BigInt(i) * 10_000_000n;
    const late = random.chance(0.01) && at > 30n * second ? 30n * second : 0n;
    const pace = 15_000_000 + 10_000_000 * Math.sin(i / 2_000);
    return record(at - late, i % 2 === 0 ? 'a' : 'b', BigInt(Math.round(pace * (0.5 + random.below(1_000) / 1_000))));
  });
}

test.each([1, 2, 3])('seed %i: verdicts of a packed quantile are exact, what is shown is within 1 %%', (seed) => {
  const judge = createJudge();
  addRule(judge, compiled(rule('r', '20ms')));
  const read: RpcRecord[] = [];
  let checked = 0;
  for (const line of traffic(seed)) {
    const due = judge.dueNs;
    readLine(judge, line);
    if (due !== null && judge.dueNs !== due) for (const instance of ['a', 'b']) check(due - base, instance);
    read.push(line);
  }
  function check(t: bigint, instance: string): void {
    const keyText = `{"destination.instance":"${instance}"}`;
    const { values } = lookInto(judge, 'r', keyText) ?? { values: new Map<string, Value | null>() };
    const verdict = keyStandings(judge).find((one) => one.keyText === keyText)?.verdict;
    const [now, before] = [p90(read, instance, [t - 20n * second, t]), p90(read, instance, [t - 80n * second, t - 60n * second])];
    const [over, overBefore] = [now, before].map((one) => (one === null ? null : one > 20_000_000n));
    expect(verdict).toBe(over === false || overBefore === false ? 'clear' : over === null || overBefore === null ? 'unknown' : 'holds');
    for (const [text, exact] of [
      ['p90(response.duration)', now],
      ['before.p90(response.duration)', before],
    ] as const) {
      if (exact === null) expect(values.get(text)).toBeNull();
      else expect(Math.abs(ns(values.get(text)) - Number(exact))).toBeLessThanOrEqual(0.01 * Number(exact));
    }
    checked++;
  }
  expect([packed(judge), checked > 40]).toEqual([true, true]);
  // Four minutes are 24,000 values; what is kept of them are intervals.
  expect(judge.selections.rpc.every(({ selection }) => selection.cells < 8_000)).toBe(true);
});

test('a rule that cuts elsewhere does not look at packed panes, and says what it would say alone from then on', () => {
  const lines = traffic(4);
  const judge = createJudge();
  addRule(judge, compiled(rule('r', '20ms')));
  for (const line of lines.slice(0, 12_000)) readLine(judge, line);
  expect(packed(judge)).toBe(true);
  addRule(judge, compiled(rule('other', '17ms')));
  expect(judge.selections.rpc.length).toBe(2);
  const alone = createJudge();
  addRule(alone, compiled(rule('other', '17ms')));
  const said = (of: Judge): readonly string[] =>
    lines.slice(12_000).flatMap((line) =>
      readLine(of, line)
        .filter((change) => change.rule === 'other' && change.timeNs > base + 220n * second)
        .map(({ timeNs, keyText, to, verdict }) => `${timeNs} ${keyText} ${to} ${verdict}`),
    );
  expect(said(judge)).toEqual(said(alone));
});
