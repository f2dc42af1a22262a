import { describe, expect, test } from 'vitest';
import { addRule, createJudge, finish, readLine, removeRule } from '../../src/core/decide/judge.ts';
import type { Judge } from '../../src/core/decide/judge.ts';
import { formatChange } from '../../src/core/replay.ts';
import type { CompiledRule } from '../../src/core/rule/types.ts';
import { parseLine } from '../../src/model/line.ts';
import type { Line } from '../../src/model/record.ts';
import { compiled } from './compiled.ts';
import { lineOf, randomPair, randomRows } from './random.ts';
import { generator } from './seeded.ts';
import type { Random } from './seeded.ts';

/** Rules that are judged together share what they can; each must say what it says alone. */

/** Of one `every` and `window`, so that many share their records. */
const named = (random: Random, name: string): CompiledRule => {
  const { text } = randomPair(random);
  return compiled(
    text
      .replace('rule: r', `rule: ${name}`)
      .replace(/every: \S+/, 'every: 500ms')
      .replace(/window: \S+/, 'window: 2000ms'),
  );
};

function linesOf(random: Random, streams: number): readonly Line[] {
  const apartMs = 200_000;
  const rows = Array.from({ length: streams }, (_, i) =>
    randomRows(random).map((row) => ({ ...row, time: row.time + i * apartMs })),
  ).flat();
  return rows.flatMap((row) => {
    const line = parseLine(lineOf(row));
    return line.ok ? [line.value] : [];
  });
}

/** What rules say of lines, by rule; `between` may add and remove others before a line. */
function said(rules: readonly CompiledRule[], lines: readonly Line[], between: (judge: Judge, line: number) => void = () => undefined) {
  const judge = createJudge();
  const found = new Map<string, string[]>(rules.map(({ rule }) => [rule.name, []]));
  for (const rule of rules) addRule(judge, rule);
  lines.forEach((line, i) => {
    between(judge, i);
    for (const change of readLine(judge, line)) found.get(change.rule)?.push(formatChange(change));
  });
  for (const change of finish(judge)) found.get(change.rule)?.push(formatChange(change));
  return { judge, found };
}

/** Quantiles are shown within 1 %, from intervals that are cut at the constants of all rules: the numbers may differ in that, and in nothing else. */
const withoutQuantiles = (lines: readonly string[] = []): readonly string[] =>
  lines.map((line) => line.replaceAll(/"((?:peers\()?(?:p\d\d|quantile)\((?:[^"\\]|\\.)*)":-?[\d.e+-]+/g, '"$1":0'));

/** Comparisons of a quantile with what moves may go either way within 1 %. */
const isSure = ({ when, until }: CompiledRule): boolean =>
  [when, until].every(
    (checked) => checked?.aggregates.every(({ name, inner }) => name !== 'quantile' && inner?.name !== 'quantile') ?? true,
  );

describe('many rules at once say what each says alone', { timeout: 120_000 }, () => {
  test.each([1, 2, 3, 4, 5, 6])('seed %i', (seed) => {
    const random = generator(9_000 + seed);
    const rules = Array.from({ length: 60 }, (_, i) => named(random, `r${i}`)).filter(isSure);
    const lines = linesOf(random, 4);
    const { judge, found } = said(rules, lines);
    expect(judge.selections.rpc.length).toBeLessThan(rules.length);
    let changes = 0;
    for (const rule of rules) {
      const alone = said([rule], lines).found.get(rule.rule.name);
      expect(found.get(rule.rule.name)).toEqual(alone);
      changes += alone?.length ?? 0;
    }
    expect(changes).toBeGreaterThan(300);
  });

  test('quantiles too, but for the digits beyond 1 %', () => {
    const random = generator(77);
    const constants = [5, 20, 30, 60, 200].map((ms) => `p90(response.duration) > d("${ms}ms")`);
    const rules = constants.map((when, i) =>
      compiled(`rule: q${i}\nover: rpc\nby: [destination.service]\nwindow: 2s\nevery: 250ms\nwhen: '${when}'`),
    );
    const lines = linesOf(random, 6);
    const { judge, found } = said(rules, lines);
    expect(judge.selections.rpc).toHaveLength(1);
    for (const rule of rules) {
      const alone = said([rule], lines).found.get(rule.rule.name);
      expect(withoutQuantiles(found.get(rule.rule.name))).toEqual(withoutQuantiles(alone));
      expect(alone?.length).toBeGreaterThan(10);
    }
  });
});

describe('adding, changing and removing 100 rules under load', { timeout: 120_000 }, () => {
  test.each([1, 2, 3])('leaves what every other rule says as it was (seed %i)', (seed) => {
    const random = generator(700 + seed);
    const rules = Array.from({ length: 40 }, (_, i) => named(random, `r${i}`)).filter(isSure);
    // Half of the others have the text of a rule that stays: they share all of it.
    const others = Array.from({ length: 100 }, (_, i) => {
      const twin = random.pick(rules);
      return random.chance(0.5) ? { ...twin, rule: { ...twin.rule, name: `x${i}` } } : named(random, `x${i}`);
    });
    const lines = linesOf(random, 4);
    const calm = said(rules, lines).found;
    const present = new Set<string>();
    let added = 0;
    const { judge, found } = said(rules, lines, (judging) => {
      for (let n = random.below(4); n > 0; n--) {
        const other = random.pick(others);
        const { name } = other.rule;
        if (present.delete(name)) removeRule(judging, name);
        else {
          addRule(judging, other);
          present.add(name);
          added++;
        }
      }
    });
    expect(added).toBeGreaterThan(100);
    for (const { rule } of rules) expect(found.get(rule.name)).toEqual(calm.get(rule.name));
    for (const name of present) removeRule(judge, name);
    for (const { rule } of rules) removeRule(judge, rule.name);
    expect(judge.selections.rpc).toEqual([]);
  });
});

test('a rule that is changed a thousand times leaves nothing in what it shares', () => {
  const rule = (name: string, ms: number): CompiledRule =>
    compiled(`rule: ${name}\nover: rpc\nby: [destination.service]\nwindow: 2s\nevery: 250ms\nwhen: 'p90(response.duration, "${250 * (1 + (ms % 200))}ms") > d("${ms}ms")'`); // prettier-ignore
  const judge = createJudge();
  const lines = linesOf(generator(3), 8);
  addRule(judge, rule('stays', 199));
  for (let i = 1; i <= 1_000; i++) {
    addRule(judge, rule('comes', i));
    readLine(judge, lines[i % lines.length]!);
    removeRule(judge, 'comes');
  }
  const { selection } = judge.selections.rpc[0]!;
  expect(judge.selections.rpc).toHaveLength(1);
  expect(selection.windows.length).toBeLessThanOrEqual(64);
  expect([...selection.slots.values()].map(({ users, cuts }) => [users, cuts])).toEqual([[1, [199_000_000]]]);
});
