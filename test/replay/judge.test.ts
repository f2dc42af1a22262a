import { describe, expect, test } from 'vitest';
import { keyOf, readKey, textOfKey } from '../../src/core/decide/key.ts';
import { addRule, counters, createJudge, finish, intents, keyStandings, readLine, removeRule } from '../../src/core/decide/judge.ts';
import type { Judge } from '../../src/core/decide/judge.ts';
import { cellsMax, cellsTotalMax, keysMax } from '../../src/core/window/selection.ts';
import { openKey } from '../../src/core/window/keys.ts';
import type { Change, Intent } from '../../src/core/decide/types.ts';
import { formatChange } from '../../src/core/replay.ts';
import type { CompiledRule } from '../../src/core/rule/types.ts';
import { parseLine } from '../../src/model/line.ts';
import type { Line } from '../../src/model/record.ts';
import { compiled } from './compiled.ts';
import { lineOf, randomPair, randomRows } from './random.ts';
import { generator } from './seeded.ts';

const base = BigInt(Date.UTC(2026, 0, 1)) * 1_000_000n;
const at = (seconds: number): bigint => base + BigInt(Math.round(seconds * 1000)) * 1_000_000n;
const since = (ns: bigint): number => Number(ns - base) / 1e9;

const tick = (seconds: number): Line => ({ stream: 'tick', time: at(seconds) });

function rpc(seconds: number, instance: string, size = 1): Line {
  const time = at(seconds);
  const nothing = { source: {}, reporter: {}, rpc: {}, response: {}, applied: [] };
  return { stream: 'rpc', time, destination: { instance }, request: { size }, ...nothing };
}

function started(...rules: readonly CompiledRule[]): Judge {
  const judge = createJudge();
  for (const rule of rules) addRule(judge, rule);
  return judge;
}

const read = (judge: Judge, ...lines: readonly Line[]): readonly Change[] => lines.flatMap((line) => readLine(judge, line));
const brief = ({ timeNs, from, to, verdict }: Change): string => `${since(timeNs)} ${from}>${to} ${verdict}`;

const slow = (fields = ''): CompiledRule =>
  compiled(`rule: slow\nover: rpc\nby: [destination.instance]\nevery: 1s\nwindow: 1s\nlease: 15s\nwhen: max(request.size) > 5\n${fields}`);

describe('intents', () => {
  test('are in force in firing and clearing, and their lease moves with what is known', () => {
    const judge = started(slow('keep_firing_for: 1s'));
    const force = (): readonly string[] =>
      intents(judge).map((i) => `${i.keyText} since ${since(i.sinceNs)} to ${since(i.leaseEndNs ?? 0n)}`);
    read(judge, rpc(0.5, 'b', 9), rpc(0.6, 'a', 9), tick(0.9));
    expect(force()).toEqual([]);
    read(judge, rpc(1.5, 'a', 9));
    expect(force()).toEqual(['{"destination.instance":"a"} since 1 to 16', '{"destination.instance":"b"} since 1 to 16']);
    read(judge, rpc(2.5, 'a', 1));
    expect(force()).toEqual(['{"destination.instance":"a"} since 1 to 17', '{"destination.instance":"b"} since 1 to 16']);
    read(judge, rpc(3.5, 'a', 1));
    expect(keyStandings(judge)).toMatchObject([
      { state: 'clearing', verdict: 'clear', sinceNs: at(1) },
      { state: 'firing', verdict: 'unknown' },
    ]);
    expect(force()[0]).toBe('{"destination.instance":"a"} since 1 to 18');
    read(judge, tick(4.5));
    expect(force()).toEqual(['{"destination.instance":"b"} since 1 to 16']);
    read(judge, tick(16));
    expect(force()).toEqual([]);
  });

  test('a skipped gap leaves the lease where judging each instant would have', () => {
    const judge = started(compiled('rule: r\nover: rpc\nevery: 1s\nwindow: 1s\nlease: 15s\nwhen: count() == 0'));
    read(judge, rpc(0.5, 'a'), tick(1_000_000.5));
    expect(intents(judge).map((i) => [since(i.sinceNs), since(i.leaseEndNs ?? 0n)])).toEqual([[2, 1_000_015]]);
  });

  test('hold what was seen when they began', () => {
    const judge = started(slow());
    read(judge, rpc(0.5, 'a', 9), rpc(1.5, 'a', 7), tick(2));
    expect(intents(judge)[0]?.values).toEqual(new Map([['max(request.size)', 9n]]));
  });

  test('a standing rule has no lease', () => {
    const judge = started(compiled(`rule: s\nthen:\n  - deny: {match: 'request.method == "TRACE"', percent: 50}`));
    read(judge, tick(0.05), tick(0.1));
    expect(intents(judge)).toMatchObject([{ rule: 's', keyText: '{}', sinceNs: at(0.1), leaseEndNs: null, order: null }]);
    expect(intents(judge)[0]?.actions[0]?.values).toEqual(new Map([['percent', 50]]));
  });
});

describe('the parts of actions', () => {
  const acting = (action: string, fields = ''): CompiledRule => slow(`${fields}\nthen:\n  - ${action}`);
  const values = (judge: Judge): readonly (readonly [string, unknown])[] => [...(intents(judge)[0]?.actions[0]?.values ?? [])];

  test('are read once, when the key begins to fire', () => {
    const judge = started(acting('avoid: {instance: key.destination.instance, percent: "double(sum(request.size)) + 0.5"}'));
    read(judge, rpc(0.5, 'a', 9), tick(1));
    expect(values(judge)).toEqual([['percent', 9.5], ['value', 'a']]); // prettier-ignore
    read(judge, rpc(1.5, 'a', 20), tick(2));
    expect(values(judge)).toEqual([['percent', 9.5], ['value', 'a']]); // prettier-ignore
  });

  test('a share beyond 100 % is 100 %, below 0 it is 0', () => {
    const judge = started(acting('avoid: {instance: key.destination.instance, percent: "double(sum(request.size)) * 20.0"}'));
    read(judge, rpc(0.5, 'a', 9), tick(1));
    expect(values(judge)[0]).toEqual(['percent', 100]);
  });

  test('while one has no value the key fires, and the intent waits', () => {
    const judge = started(
      acting('avoid: {instance: key.destination.instance, percent: "peers(max(request.size))"}', 'minimum: {peers: 1}'),
    );
    expect(read(judge, rpc(0.5, 'a', 9), tick(1)).map(brief)).toEqual(['1 clear>firing holds']);
    expect(intents(judge)).toEqual([]);
    read(judge, rpc(1.4, 'a', 9), rpc(1.5, 'b', 3), tick(2));
    expect(values(judge)[0]).toEqual(['percent', 3]);
    expect(intents(judge)[0]?.sinceNs).toBe(at(1));
  });

  test('guard.order keeps its latest known value', () => {
    const judge = started(slow('guard: {order: mean(request.size)}'));
    const order = (): number | null | undefined => intents(judge)[0]?.order;
    read(judge, rpc(0.5, 'a', 9), tick(1));
    expect(order()).toBe(9);
    read(judge, rpc(1.4, 'a', 9), rpc(1.5, 'a', 8), tick(2));
    expect(order()).toBe(8.5);
    read(judge, tick(3));
    expect(order()).toBe(8.5);
  });
});

describe('rules come and go', () => {
  test('one more or one less never touches another', () => {
    for (let seed = 1; seed <= 15; seed++) {
      const random = generator(seed);
      const [one, other] = [compiled(randomPair(random).text), compiled(randomPair(random).text.replace('rule: r', 'rule: other'))];
      const lines = randomRows(random).map((row) => parseLine(lineOf(row)));
      const ofOne = (coming: number, going: number): readonly string[] => {
        const judge = started(one);
        const changes = lines.flatMap((line, i) => {
          if (i === coming) addRule(judge, other);
          if (i === going) removeRule(judge, 'other');
          return line.ok ? readLine(judge, line.value) : [];
        });
        return [...changes, ...finish(judge)].filter((change) => change.rule === 'r').map(formatChange);
      };
      expect(ofOne(random.below(lines.length), random.below(lines.length))).toEqual(ofOne(-1, -1));
    }
  });

  test('removing one says which intents end', () => {
    const judge = started(slow());
    read(judge, rpc(0.5, 'a', 9), rpc(0.5, 'b', 1), tick(1));
    expect(removeRule(judge, 'slow').map((i) => i.keyText)).toEqual(['{"destination.instance":"a"}']);
    expect(removeRule(judge, 'slow')).toEqual([]);
    expect(read(judge, rpc(1.5, 'a', 9), tick(2))).toEqual([]);
  });

  test('a name twice is a bug', () => {
    expect(() => started(slow(), slow())).toThrow('rule slow is added twice');
  });

  test('a rule added later begins at the first instant after stream time, and does not take what it has not seen for silence', () => {
    const judge = createJudge();
    read(judge, rpc(0.5, 'a'), rpc(7.2, 'a'));
    addRule(judge, compiled('rule: r\nover: rpc\nevery: 1s\nwindow: 3s\nwhen: absent()'));
    // Known from 7.2 on: [8, 11) is the first window that begins after it.
    expect(read(judge, tick(30)).map(brief)).toEqual(['11 clear>firing holds']);
  });

  test('warmup counts from there', () => {
    const judge = createJudge();
    read(judge, rpc(0.5, 'a'), rpc(7.2, 'a'));
    addRule(judge, compiled('rule: r\nover: rpc\nevery: 1s\nwindow: 3s\nwarmup: window\nwhen: count() == 0'));
    expect(read(judge, tick(30)).map(brief)).toEqual(['11 clear>firing holds']);
  });
});

describe('a restart in mid-incident', () => {
  const resume = (leaseEnd: number): { readonly judge: Judge; readonly intent: Intent | undefined } => {
    const judge = createJudge();
    const rule = slow();
    const key = readKey(rule, '{"destination.instance":"a"}');
    addRule(judge, rule, { resume: key === null ? [] : [{ key, sinceNs: at(-60), leaseEndNs: at(leaseEnd), actions: [] }] });
    return { judge, intent: intents(judge)[0] };
  };

  test('the key goes on firing with the lease it had, without a change', () => {
    const { judge, intent } = resume(9);
    expect(intent).toMatchObject({ keyText: '{"destination.instance":"a"}', sinceNs: at(-60), leaseEndNs: at(9) });
    expect(read(judge, tick(0.5), tick(5)).map(brief)).toEqual([]);
    expect(intents(judge)).toHaveLength(1);
  });

  test('nothing known: it ends with its lease', () => {
    expect(read(resume(9).judge, tick(0.5), tick(20)).map(brief)).toEqual(['9 firing>clear unknown']);
  });

  test('known: it is judged by until, and renewed', () => {
    const { judge } = resume(9);
    expect(read(judge, rpc(0.5, 'a', 9), tick(1)).map(brief)).toEqual(['1 firing>firing holds']);
    expect(intents(judge)[0]?.leaseEndNs).toBe(at(16));
    expect(read(judge, rpc(1.5, 'a', 1), tick(2)).map(brief)).toEqual(['2 firing>clear clear']);
  });

  test('a standing rule says nothing new', () => {
    const judge = createJudge();
    addRule(judge, compiled(`rule: s\nthen:\n  - deny: {match: 'request.method == "TRACE"'}`), {
      resume: [{ key: new Map(), sinceNs: at(-60), leaseEndNs: null, actions: [] }],
    });
    expect(read(judge, tick(0.05), tick(5))).toEqual([]);
    expect(intents(judge)).toMatchObject([{ sinceNs: at(-60), leaseEndNs: null }]);
  });
});

describe('a jump of time', () => {
  const years = 30 * 365 * 86_400;
  test.each([
    ['nothing', 'count() > 5', ''],
    ['a key that fires', 'count() == 0', 'for: 1h'],
    ['unknown', 'max(request.size) > 0', ''],
    ['now against a constant', 'count() == 0 && now < timestamp("2027-01-01T00:00:00Z")', ''],
  ])('of thirty years at every 10 ms ends: %s', (_name, when, fields) => {
    const judge = started(compiled(`rule: r\nover: rpc\nevery: 10ms\nwindow: 10s\nwhen: ${when}\n${fields}`));
    read(judge, rpc(0.5, 'a', 9), tick(years), rpc(years + 0.001, 'a'));
    expect(keyStandings(judge)).toHaveLength(1);
  });

  test('what changes on the way is found where it is', () => {
    const text = 'rule: r\nover: rpc\nevery: 10ms\nwindow: 10s\nfor: 1h\nexpires: 2040-01-01T00:00:00Z\nwhen: count() == 0';
    const changes = read(started(compiled(text)), rpc(0.501, 'a'), tick(years));
    expect(changes.map(brief)).toEqual([
      '0.51 clear>clear clear',
      '10.51 clear>pending holds',
      '3610.51 pending>firing holds',
      `${since(BigInt(Date.UTC(2040, 0, 1)) * 1_000_000n)} firing>clear unknown`,
    ]);
  });

  test('getters of now: office hours over two weeks', () => {
    const text =
      'rule: r\nover: rpc\nevery: 10ms\nwindow: 10s\nwhen: now.getHours("Europe/Berlin") >= 8 && now.getHours("Europe/Berlin") < 20';
    const changes = read(started(compiled(text)), tick(0), tick(14 * 86_400));
    // Berlin is an hour ahead: 07:00 and 19:00 UTC.
    expect(changes.filter(({ from, to }) => from !== to)).toHaveLength(28);
    expect(changes.slice(1, 3).map(brief)).toEqual([`${7 * 3600} clear>firing holds`, `${19 * 3600} firing>clear clear`]);
  });
});

test('a variable is compared as what it stands for would be', () => {
  const text = (name: string, condition: string): CompiledRule =>
    compiled(`rule: ${name}\nover: rpc\nevery: 1s\nwindow: 2s\nvariables: {seen: rate(), most: max(request.size), tail: p90(request.size)}\nwhen: ${condition}`); // prettier-ignore
  const judge = started(text('a', 'variables.seen > 0.4 && variables.most < 9 && variables.tail >= 4'), text('b', 'rate() > 0.4 && max(request.size) < 9 && p90(request.size) >= 4')); // prettier-ignore
  const changes = read(judge, rpc(0.5, 'x', 3), rpc(1.5, 'x', 4), rpc(2.5, 'x', 9), tick(4), tick(8));
  const of = (rule: string): readonly string[] => changes.filter((change) => change.rule === rule).map((change) => `${brief(change)} ${[...change.values]}`); // prettier-ignore
  expect(of('a').length).toBeGreaterThan(2);
  expect(of('a')).toEqual(of('b'));
});

test('beyond keysMax keys are counted and not opened', () => {
  const rule = slow();
  const judge = started(rule);
  read(judge, tick(0));
  for (let i = 0; i < keysMax; i++) openKey(judge.selections.rpc[0]!.selection, [`k${i}`], null);
  read(judge, rpc(0.5, 'one too many'), rpc(0.5, 'k0'), tick(1));
  expect(counters(judge).get('slow')).toMatchObject({ keysOver: 1, keys: 1, records: 2 });
});

test('beyond keysMax a key with many records is let in, and what fires stays', () => {
  const judge = started(slow());
  read(judge, rpc(0.1, 'firing', 9), tick(1));
  const { selection } = judge.selections.rpc[0]!;
  for (let i = 0; i < keysMax; i++) openKey(selection, [`k${i}`], null);
  for (let i = 0; i < 20_000; i++) read(judge, rpc(1 + i / 20_000, i % 20 === 0 ? 'heavy' : `once${i}`, 9));
  read(judge, tick(2));
  expect(keyStandings(judge).map(({ keyText, state }) => `${keyText} ${state}`)).toEqual([
    '{"destination.instance":"firing"} firing',
    '{"destination.instance":"heavy"} firing',
  ]);
  // Until it was known to be heavy its records were only counted.
  const taken = selection.windows[0]!.counts[selection.keys.values.findIndex((values) => values?.[0] === 'heavy')] ?? 0;
  expect([taken > 900, taken + (counters(judge).get('slow')?.keysOver ?? 0)]).toEqual([true, 20_000]);
});

test('all selections together are bounded: the greatest take no more until there is room again', () => {
  const judge = started(slow(), compiled('rule: few\nover: rpc\nevery: 1s\nwindow: 2s\nwhen: count() > 0'));
  read(judge, rpc(0.5, 'a', 9), tick(1));
  const [of] = judge.selections.rpc.filter(({ selection }) => selection.columnCount === 1);
  of!.selection.cells += cellsTotalMax;
  read(judge, tick(2), rpc(2.5, 'b', 9), tick(3));
  expect(counters(judge).get('slow')?.recordsOver).toBe(1);
  expect(counters(judge).get('few')?.recordsOver).toBe(0);
  of!.selection.cells -= cellsTotalMax;
  read(judge, tick(4), rpc(4.5, 'c', 9), tick(6));
  expect(counters(judge).get('slow')?.recordsOver).toBe(1);
});

test('while a window would hold a record that was not kept, the rule knows nothing', () => {
  const judge = started(compiled('rule: r\nover: rpc\nevery: 1s\nwindow: 3s\nwhen: count() > 0'));
  read(judge, rpc(0.5, 'a'), tick(1));
  const { selection } = judge.selections.rpc[0]!;
  selection.cells += cellsMax;
  read(judge, rpc(1.5, 'a'));
  selection.cells -= cellsMax;
  expect(read(judge, rpc(3.5, 'a'), tick(6)).map(brief)).toEqual(['2 firing>firing unknown', '5 firing>firing holds']);
  expect(counters(judge).get('r')).toMatchObject({ recordsOver: 1 });
});

test('the text of a key reads back, whatever its columns', () => {
  const by = `{a: destination.instance, b: request.size, c: response.failed, d: response.duration, e: 'double(request.size) / 3.0', f: time}`;
  const rule = compiled(`rule: r\nover: rpc\nby: ${by}\nwhen: count() > 0`);
  const key = keyOf(rule.columns, ['"\\é\u0000', -5n, true, { durationNs: 12_500_000n }, 1 / 3, { timeNs: at(0.25) }]);
  expect(textOfKey(key)).toBe('{"a":"\\"\\\\é\\u0000","b":-5,"c":true,"d":0.0125,"e":0.3333333333333333,"f":"2026-01-01T00:00:00.25Z"}');
  expect(readKey(rule, textOfKey(key))).toEqual(key);
  for (const text of ['{}', '{"a":"x"}', 'null', 'no json', textOfKey(key).replace('-5', '"5"')]) expect(readKey(rule, text)).toBeNull();
});

test('nothing is read after the end', () => {
  const judge = started(slow());
  read(judge, tick(0));
  finish(judge);
  expect(() => readLine(judge, tick(1))).toThrow('after the end');
});

test('a judge that does not tell of clear keys says the same of all others', () => {
  const random = generator(5);
  for (let i = 0; i < 40; i++) {
    const rule = compiled(randomPair(random).text);
    const lines = randomRows(random).map((row) => parseLine(lineOf(row)));
    const told = (tellsClear: boolean): readonly string[] => {
      const judge = createJudge({ tellsClear });
      addRule(judge, rule);
      const changes = [...lines.flatMap((line) => (line.ok ? readLine(judge, line.value) : [])), ...finish(judge)];
      return changes.filter(({ from, to }) => from !== 'clear' || to !== 'clear').map(formatChange);
    };
    expect(told(false)).toEqual(told(true));
  }
});

test('ten thousand keys of a hundred rules: what is clear takes a byte a rule, and only what fires more', () => {
  const judge = createJudge({ tellsClear: false });
  for (let i = 0; i < 100; i++) addRule(judge, compiled(`rule: r${i}\nover: rpc\nby: [destination.instance]\nevery: 1s\nwindow: 2s\nlease: 15s\nwhen: max(request.size) > ${i * 10}`)); // prettier-ignore
  for (let k = 0; k < 10_000; k++) readLine(judge, rpc(0.5, `k${k}`, k === 7 ? 995 : 1));
  read(judge, tick(1));
  expect(judge.selections.rpc).toHaveLength(1);
  expect(judge.runs.map(({ known }) => known)).toEqual(Array.from({ length: 100 }, () => 10_000));
  // The first rule asks for more than 0, which all keys are.
  expect(judge.runs.map(({ active }) => active.size)).toEqual([10_000, ...Array.from({ length: 99 }, () => 1)]);
  read(judge, tick(3));
  expect(judge.runs.slice(1).map(({ known }) => known)).toEqual(Array.from({ length: 99 }, () => 1));
});
