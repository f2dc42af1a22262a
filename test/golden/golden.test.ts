import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { checkRule } from '../../src/core/rule/check.ts';
import { formatProblem, formatProblems } from '../../src/core/rule/format.ts';

const folder = 'test/golden/wrong';
const cases = readdirSync(folder)
  .filter((name) => name.endsWith('.rule'))
  .map((name) => name.slice(0, -'.rule'.length));

test.each(cases)('%s is refused as it was agreed', async (name) => {
  const text = readFileSync(`${folder}/${name}.rule`, 'utf8');
  const checked = checkRule(text, { file: `rules/${name}/rule.yaml`, revision: 1 });
  expect(checked.ok).toBe(false);
  const shown = checked.ok ? '' : formatProblems(checked.problem);
  await expect(shown).toMatchFileSnapshot(`wrong/${name}.expected`);
});

/** rules.md section 6, line for line: W-BLIND and E-SELF need traffic, and E-NOT-YET is for what is not there. */
const agreed: readonly (readonly [line: string, text: string])[] = [
  [
    'rules/gray/rule.yaml:7:7   E-YAML-TAG     "!has(…)" is read by YAML as a tag and would be dropped: the condition would become `count() > 5` · quote it',
    'rule: gray\nwhy: w\nowner: o\nover: rpc\n\n\nwhen: !has(x) && count() > 5\n',
  ],
  [
    'rules/x/rule.yaml:8:7      E-CEL-TYPE     no `*` for (int, duration) · write 3.0',
    'rule: x\nwhy: w\nowner: o\nover: rpc\nby: [destination.service]\n\n\nwhen: 3 * peers(p99(response.duration)) < p99(response.duration)\n',
  ],
  [
    'rules/x/rule.yaml:12:20    E-MATCH-AFTER  `response.code` is known only after the request; `match` decides before it · move it to `when`',
    "rule: x\nwhy: w\nowner: o\nover: rpc\nwhen: count() > 5\n\n\n\n\n\nthen:\n  - deny: {match: 'response.code == 500'}\n",
  ],
  [
    'rules/x/rule.yaml:14:12    E-ABSENT       source.principal may be absent (plaintext callers): this deny would let them through · !has(source.principal) || source.principal != "…"',
    'rule: x\nwhy: w\nowner: o\nover: rpc\nwhen: count() > 5\n\n\n\n\n\n\nthen:\n- deny:\n    match: source.principal != "spiffe://mesh/frontend"\n',
  ],
  [
    'rules/x/rule.yaml:8:33     E-CEL-NAME     undeclared `stabel` (in select: stable, canary) · did you mean `stable`?',
    'rule: x\nwhy: w\nowner: o\nover: rpc\nselect:\n  stable: {offset: 1m}\n  canary: {}\nwhen: 200.0 > rate() || 15.25 > stabel.ratio(response.failed)\n',
  ],
];

test.each(agreed)('%s', (line, text) => {
  const file = line.slice(0, line.indexOf(':'));
  const checked = checkRule(text, { file, revision: 1 });
  expect(checked.ok ? [] : checked.problem.map((problem) => formatProblem(problem))).toEqual([line]);
});

test('rules.md section 6: W-DOUBLE warns, and refuses nothing', () => {
  const text = 'rule: x\nwhy: w\nowner: o\nover: rpc\nwhen: count() > 5\nwhere: reporter.side in ["source", "destination"]\n';
  const checked = checkRule(text, { file: 'rules/x/rule.yaml', revision: 1 });
  const lines = checked.ok ? checked.value.warnings.map((problem) => formatProblem(problem)) : [];
  expect(lines).toContain(
    'rules/x/rule.yaml:6:1      W-DOUBLE       `where` names both sides: each conversation counts twice · reporter.side == "destination"',
  );
});

test('a rule of 10 MB is refused before it is parsed', () => {
  const text = `rule: big\nwhy: ${'x'.repeat(10_000_000)}\n`;
  const checked = checkRule(text, { file: 'rules/big/rule.yaml', revision: 1 });
  expect(checked.ok ? '' : formatProblems(checked.problem)).toBe(
    'rules/big/rule.yaml:1:1    E-RULE-SIZE    the file is greater than 64 KiB · split it into several rules\n',
  );
});
