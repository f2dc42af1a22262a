import { expect, test } from 'vitest';
import { checkRuleText } from './checktext.ts';
import { expandTemplate, templateNamed } from './template.ts';

const template = {
  file: 'rules/slow/template.yaml',
  text: `# Slower than it may be.
params: { limit: { default: 100ms, checkout: "never" }, share: 5% }
over: rpc
by: [destination.service]
# the condition
when: p99(response.duration) > params.limit && ratio(response.failed) < params.share
then: []
mode: enforce
`,
};
const rule = (own = ''): { readonly file: string; readonly text: string } => ({
  file: 'rules/web-slow/rule.yaml',
  text: `rule: web-slow\nwhy: users wait\nowner: web\ntemplate: slow\n${own}`,
});
const expanded = (own: string): string => {
  const made = expandTemplate(rule(own), template);
  return made.ok ? made.value.text : made.problem.map(({ at, what, todo }) => `${at} ${what} · ${todo}`).join('\n');
};

test('a rule with its template in it stands by itself', () => {
  expect(templateNamed(rule())).toBe('slow');
  expect(expanded('params: { limit: 20ms }\n')).toBe(`rule: web-slow
why: users wait
owner: web
# template: slow
# params: { limit: 20ms }
params: {limit: 20ms, share: 5%}
over: rpc
by: [destination.service]
# the condition
when: p99(response.duration) > params.limit && ratio(response.failed) < params.share
then: []
mode: enforce
`);
  const { compiled, problems } = checkRuleText(expanded('params: { limit: 20ms }\nmode: shadow\n'), 'rules/web-slow/rule.yaml');
  expect(problems).toEqual([]);
  expect(compiled?.rule).toMatchObject({ name: 'web-slow', mode: 'shadow', params: [{ name: 'limit', default: { durationNs: 20_000_000n } }, { name: 'share' }] }); // prettier-ignore
});

test('a problem stands where it was written', () => {
  const made = expandTemplate(rule(), template);
  if (!made.ok) throw new Error('refused');
  const { problems } = checkRuleText(made.value.text, 'rules/web-slow/rule.yaml');
  expect(problems.map(made.value.origin).map(({ at, code }) => `${at} ${code}`)).toEqual(['rules/slow/template.yaml:2:18 E-RULE-VALUE']);
});

test('what the template gives a rule may not say, nor the template who it is', () => {
  expect(expanded('when: count() > 5\n')).toMatch(/^rules\/web-slow\/rule.yaml:5:1 `when` comes from the template/);
  const made = expandTemplate(rule(), { ...template, text: `rule: slow\n${template.text}` });
  expect(made.ok ? [] : made.problem.map(({ at }) => at)).toEqual(['rules/slow/template.yaml:1:1']);
});

test('without its template a rule is refused', () => {
  expect(templateNamed({ file: 'r', text: 'rule: x\n' })).toBeNull();
  expect(checkRuleText(rule().text, rule().file).problems.map(({ code }) => code)).toContain('E-RULE-TEMPLATE');
});
