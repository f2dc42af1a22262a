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

/** Each number and comparison of `when`, `for` and `minimum.count`, changed one at a time. */
function mutationsOf(text: string): readonly Mutation[] {
  const when = /^when: .*$/m.exec(text)?.[0] ?? '';
  const change = (from: string, to: string, what: string): Mutation => ({ what: `${what}: ${from} becomes ${to}`, text: text.replace(when, when.replace(from, to)) }); // prettier-ignore
  const operators = [...when.matchAll(/ (>=?) /g)].map(([op]) => change(op, op.includes('=') ? ' < ' : ' <= ', 'operator'));
  const thresholds = [...when.matchAll(/(?<=[<>]=? (?:d\(")?)(\d+(?:\.\d+)?)(?=ms|\b)/g)].flatMap(([number]) =>
    [2, 0.5].map((by) => change(` ${number}`, ` ${scaled(number, by)}`, 'threshold')).concat([2, 0.5].map((by) => change(`"${number}`, `"${scaled(number, by)}`, 'threshold'))),
  ); // prettier-ignore
  const times = ['for', 'count'].flatMap((field) => {
    const found = new RegExp(`\\b${field}: (\\d+)`).exec(text);
    return found === null ? [] : [field === 'for' ? 10 : 1_000, field === 'for' ? 0.2 : 0.1].map((by) => ({ what: `${field} × ${by}`, text: text.replace(found[0], `${field}: ${scaled(found[1] ?? '', by)}`) })); // prettier-ignore
  });
  return [...operators, ...thresholds, ...times].filter((mutation) => mutation.text !== text);
}

function scaled(number: string, by: number): string {
  const value = Number((Number(number) * by).toFixed(3));
  return number.includes('.') ? (Number.isInteger(value) ? `${value}.0` : `${value}`) : `${Math.max(1, Math.round(value))}`;
}

describe('a rule that is changed fails the tests beside it', () => {
  const all = names.flatMap((name) => mutationsOf(ruleOf(name)).map((mutation) => [name, mutation.what, mutation.text] as const));
  test('there are changes of each kind', () => expect(all.length).toBeGreaterThan(30));
  test.each(all)('%s, %s', (name, _, text) => {
    const { compiled } = checkRuleText(text, 'rule.yaml', 1);
    // Some changes are no rule any more: then nothing has to be shown.
    if (compiled !== null) expect(firstFailure(name, text)).not.toBeNull();
  });
});
