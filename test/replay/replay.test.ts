import { describe, expect, test } from 'vitest';
import { createReplay, endReplay, formatChange, formatPrinted, replay, replayLine } from '../../src/core/replay.ts';
import type { ReplayResult } from '../../src/core/replay.ts';
import { compiled } from './compiled.ts';
import { lineOf, randomPair, randomRows } from './random.ts';
import type { Row } from './oracle.ts';
import { generator } from './seeded.ts';
import type { Random } from './seeded.ts';

function bytes(rules: readonly string[], lines: Iterable<string>): { readonly out: string; readonly result: ReplayResult } {
  const out: string[] = [];
  const result = replay({ rules: rules.map((rule) => compiled(rule)), lines }, (change) => out.push(`${formatChange(change)}\n`));
  return { out: out.join(''), result };
}

test('the bytes of a line (design.md section 10)', () => {
  const rule =
    'rule: slow\nover: rpc\nby: [destination.service, destination.instance]\nevery: 250ms\nwhen: p99(response.duration) > d("300ms") && ratio(response.failed) >= 0.0 && count() > 0 && rate() > 0.0\nuntil: absent()';
  const lines = [
    '{"stream":"rpc","time":"2026-01-01T01:00:00.1+01:00","destination":{"service":"a\\"b","instance":"c3"},"response":{"code":200,"duration":"400ms"}}',
  ];
  expect(bytes([rule], lines).out).toBe(
    '{"time":"2026-01-01T00:00:00.25Z","rule":"slow","key":{"destination.service":"a\\"b","destination.instance":"c3"},"from":"clear","to":"firing","verdict":"holds","values":{"p99(response.duration)":0.4,"ratio(response.failed)":0,"count()":1,"rate()":0.1,"absent()":false}}\n',
  );
});

test('bad lines are counted with number and reason; empty ones are passed over', () => {
  const { result } = bytes(
    ['rule: r\nover: rpc\nwhen: count() > 0'],
    ['', 'x', '{"stream":"tick","time":"2026-01-01T00:00:00Z"}', ' ', '{}'],
  );
  expect(result).toMatchObject({ lines: 5, bad: { count: 2, first: [{ number: 2 }, { number: 5 }] } });
  expect(result.bad.first.map(({ problem }) => `${problem.at}: ${problem.what}`)).toEqual([
    'line 2: is not JSON',
    'line 5: time is absent, not RFC 3339 with a zone',
  ]);
});

test('the same input gives the same bytes', () => {
  for (let seed = 1; seed <= 15; seed++) {
    const random = generator(seed);
    const { text } = randomPair(random);
    const lines = randomRows(random).map(lineOf);
    expect(bytes([text], lines).out).toBe(bytes([text], lines).out);
  }
});

test('rules of one replay do not see each other: together they print what each prints alone, in order of time, then name', () => {
  for (let seed = 1; seed <= 15; seed++) {
    const random = generator(seed);
    const rules = ['a', 'b', 'c'].map((name) => randomPair(random).text.replace('rule: r', `rule: ${name}`));
    const lines = randomRows(random).map(lineOf);
    const time = (line: string): string => (JSON.parse(line) as { time: string }).time;
    const alone = rules.flatMap((rule) =>
      bytes([rule], lines)
        .out.split('\n')
        .filter((line) => line !== ''),
    );
    const sorted = alone.toSorted((a, b) => Date.parse(time(a)) - Date.parse(time(b)));
    expect(bytes(rules.toReversed(), lines).out).toBe(sorted.map((line) => `${line}\n`).join(''));
  }
});

describe('lines out of order', () => {
  test('between two instants records may come in any order', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = generator(seed);
      const { text, rule } = randomPair(random);
      const rows = randomRows(random).filter((row) => row.kind !== 'source');
      const inOrder = rows.toSorted((a, b) => a.time - b.time);
      // A tick opens each span between instants, so that no record of it judges anything and the stream's first record stays the first.
      const spans = new Map<number, Row[]>();
      for (const row of inOrder) {
        const span = Math.floor(row.time / rule.every);
        spans.set(span, [...(spans.get(span) ?? [{ kind: 'tick', time: row.time }]), row]);
      }
      const first = inOrder.find((row) => row.kind === 'record');
      const lines = (mix: boolean): readonly string[] =>
        [...spans.values()].flatMap(([opening, ...rest]) =>
          [opening, ...(mix && !rest.includes(first!) ? shuffled(random, rest) : rest)].map((row) => lineOf(row!)),
        );
      expect(bytes([text], lines(true)).out.replace(/"values.*/g, '')).toBe(bytes([text], lines(false)).out.replace(/"values.*/g, ''));
    }
  });

  test('what comes too late for every window leaves no trace but a count', () => {
    const rule = 'rule: r\nover: rpc\nby: [destination.instance]\nevery: 1s\nwindow: 2s\nwhen: count() > 0';
    const line = (seconds: number, instance: string): string =>
      JSON.stringify({ stream: 'rpc', time: new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toISOString(), destination: { instance } });
    const lines = Array.from({ length: 30 }, (_, i) => line(i / 2, `c${i % 3}`));
    const late = lines.flatMap((one, i) => [one, ...(i > 20 ? [line(i / 2 - 5, 'new')] : [])]);
    const { out, result } = bytes([rule], late);
    expect(out).toBe(bytes([rule], lines).out);
    expect(result.counters.get('r')).toMatchObject({ droppedLate: 9 });
  });
});

function shuffled<T>(random: Random, list: readonly T[]): T[] {
  return list.map((item) => ({ item, rank: random.next() })).sort((a, b) => a.rank - b.rank).map(({ item }) => item); // prettier-ignore
}

test('--plan prints what would be published at the instant it follows from, and nothing of a rule in shadow', () => {
  const rule = `rule: slow\nover: rpc\nby: [destination.service, destination.instance]\nevery: 1s\nwindow: 2s\nwhen: max(response.duration) > d("100ms")\nthen:\n  - avoid: {match: 'destination.service == key.destination.service', instance: key.destination.instance}\nmode: enforce`;
  const line = (ms: number, instance: string, took: string): string =>
    `{"stream":"rpc","time":"${new Date(Date.UTC(2026, 0, 1) + ms).toISOString()}","destination":{"service":"s","instance":"${instance}"},"response":{"code":200,"duration":"${took}"}}`;
  const lines = [0, 1, 2, 3, 4, 5, 6].flatMap((s) =>
    ['a', 'b', 'c'].map((one, i) => line(s * 1_000 + 500 + i, one, one === 'c' && s < 3 ? '200ms' : '10ms')),
  );
  const printed = (text: string): readonly Record<string, unknown>[] => {
    const state = createReplay([compiled(text)], { plans: true });
    return [...lines.flatMap((one) => replayLine(state, one)), ...endReplay(state)].map(
      (one) => JSON.parse(formatPrinted(one)) as Record<string, unknown>,
    );
  };
  const diffs = printed(rule).filter((one) => 'diff' in one);
  expect(diffs.map(({ time, revision, diff }) => [time, revision, (diff as { op: string }[]).map(({ op }) => op)])).toEqual([
    ['2026-01-01T00:00:01Z', 1, ['put']],
    ['2026-01-01T00:00:05Z', 2, ['drop']],
  ]);
  const order = printed(rule).map((one) => ('diff' in one ? 'diff' : one['to']));
  expect(order.indexOf('diff')).toBeGreaterThan(order.indexOf('firing'));
  expect(printed(rule.replace('enforce', 'shadow')).filter((one) => 'diff' in one)).toEqual([]);
  // Plans change no state: the other lines are those of a replay without them.
  const plain = bytes([rule], lines).out.split('\n').filter((one) => one !== '').map((one) => JSON.parse(one) as unknown); // prettier-ignore
  expect(printed(rule).filter((one) => !('diff' in one))).toEqual(plain);
});
