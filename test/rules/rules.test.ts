import { readFileSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { scenarios } from '../../connectors/shop/scenarios.ts';
import { checkRule } from '../../src/core/rule/check.ts';

const names = readdirSync('rules');

const compiled = (name: string) => {
  const file = `rules/${name}/rule.yaml`;
  return checkRule(readFileSync(file, 'utf8'), { file, revision: 1 });
};

test.each(names)('rules/%s is accepted without a warning and is named as its folder', (name) => {
  const checked = compiled(name);
  if (!checked.ok) expect(checked.problem).toEqual([]);
  else expect(checked.value).toMatchObject({ compiled: { rule: { name } }, warnings: [] });
});

test('what a scenario needs is there and enforced, everything else only watches', () => {
  const enforced = names.filter((name) => {
    const checked = compiled(name);
    return checked.ok && checked.value.compiled.rule.mode === 'enforce';
  });
  expect(enforced.sort()).toEqual([...new Set(Object.values(scenarios).flatMap(({ rules }) => rules))].sort());
});
