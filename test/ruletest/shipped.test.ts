import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkRuleText } from '../../src/core/rule/checktext.ts';
import { readTests } from '../../src/core/ruletest/read.ts';
import { noFiles, runTest } from '../../src/core/ruletest/run.ts';

const names = readdirSync('rules').filter((name) => existsSync(join('rules', name, 'rule.yaml')));
const ruleOf = (name: string): string => readFileSync(join('rules', name, 'rule.yaml'), 'utf8');

/** What the tests beside a rule say of a text of it; stops at the first that fails. */
function firstFailure(name: string, text: string): string | null {
  const { compiled, problems } = checkRuleText(text, `rules/${name}/rule.yaml`, 1);
  if (compiled === null) throw new Error(problems.map(({ what }) => what).join());
  const read = readTests(readFileSync(join('rules', name, 'tests.yaml'), 'utf8'), `rules/${name}/tests.yaml`);
  if (!read.ok) throw new Error(JSON.stringify(read.problem));
  for (const one of read.value.tests) {
    const result = runTest(compiled, one, noFiles);
    if (!result.ok) throw new Error(JSON.stringify(result.problem));
    const [failure] = result.value.failures;
    if (failure !== undefined) return `${one.name}: ${failure.key} ${failure.got}, expected ${failure.expected} · ${failure.because}`;
  }
  return null;
}

describe('the rules that ship', () => {
  test.each(names)('%s does what the tests beside it say', (name) => expect(firstFailure(name, ruleOf(name))).toBeNull());
});

type Mutation = { readonly what: string; readonly text: string };

/** The lines that decide: `when`, and the condition of a ramp. */
const conditionsOf = (text: string): readonly string[] => [...text.matchAll(/^when: .*$|while: '[^']*'/gm)].map(([line]) => line);

/** Each number and comparison of a condition, `for` and every `minimum.count`, changed one at a time. */
function mutationsOf(text: string): readonly Mutation[] {
  const conditions = conditionsOf(text).flatMap((line) => {
    const change = (at: number, from: string, to: string, what: string): Mutation => ({
      what: `${what}: ${from} becomes ${to} in ${line.slice(0, at).slice(-30)}`,
      text: text.replace(line, () => line.slice(0, at) + to + line.slice(at + from.length)),
    });
    const operators = [...line.matchAll(/ ([<>]=?) /g)].map(({ 0: op, index }) => change(index, op, opposite[op.trim()] ?? op, 'operator'));
    // Not the hours of a day, and not the "1h" of a window.
    const numbers = [...line.matchAll(/(?<![\w."])(\d+(?:\.\d+)?)(?![\w"])|(?<=\bd\(")(\d+)(?=ms)/g)];
    const thresholds = numbers.flatMap(({ 0: number, index }) =>
      [2, 0.5].map((by) => change(index, number, scaled(number, by), 'threshold')),
    );
    return [...operators, ...thresholds];
  });
  const times = [...text.matchAll(/\bfor: (\d+)|\bcount: \d+/g)].flatMap(({ 0: found, 1: seconds, index }) =>
    (seconds === undefined ? [100, 0.1] : [10, 0.2]).map((by): Mutation => ({
      what: `${found} × ${by}`,
      text: text.slice(0, index) + found.replace(/\d+/, (number) => scaled(number, by)) + text.slice(index + found.length),
    })),
  ); // prettier-ignore
  return [...conditions, ...times].filter((mutation) => mutation.text !== text);
}

const opposite: Readonly<Record<string, string>> = { '>': ' <= ', '>=': ' < ', '<': ' >= ', '<=': ' > ' };

function scaled(number: string, by: number): string {
  const value = Number((Number(number) * by).toFixed(5));
  return number.includes('.') ? (Number.isInteger(value) ? `${value}.0` : `${value}`) : `${Math.max(1, Math.round(value))}`;
}

describe('a rule that is changed fails the tests beside it', () => {
  const all = names.flatMap((name) => mutationsOf(ruleOf(name)).map((mutation) => [name, mutation.what, mutation.text] as const));
  test('there are changes of each kind', () => expect(all.length).toBeGreaterThan(80));
  test.each(all)('%s, %s', (name, _, text) => {
    const { compiled } = checkRuleText(text, 'rule.yaml', 1);
    // Some changes are no rule any more: then nothing has to be shown.
    if (compiled !== null) expect(firstFailure(name, text)).not.toBeNull();
  });
});
