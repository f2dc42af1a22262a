import { describe, expect, test } from 'vitest';
import { checkRuleText } from '../../src/core/rule/checktext.ts';
import { readTests } from '../../src/core/ruletest/read.ts';
import { noFiles, runTest } from '../../src/core/ruletest/run.ts';
import type { TestResult } from '../../src/core/ruletest/types.ts';

const gray = `rule: gray
why: a slow replica is avoided
owner: sre
over: rpc
by: [destination.service, destination.instance]
minimum: {count: 20, until: 5, peers: 2}
when: p99(response.duration) > 3.0 * peers(p99(response.duration))
for: 2s
until: p99(response.duration) < 1.5 * peers(p99(response.duration))
keep_firing_for: 15s
then:
  - avoid: {match: 'destination.service == key.destination.service', instance: key.destination.instance}
guard: {floor: 60%, transitions: 4/10m, order: 'p99(response.duration) / peers(p99(response.duration))'}
`;

const head = 'defaults: {stream: rpc, destination: {service: checkout, version: v1}, response: {code: 200, duration: 20ms}}\n';
const replicas = `      - {from: 0s, to: 90s, rate: 200/s, destination.instance: [c1, c2]}
      - {from: 0s, to: 90s, rate: 100/s, destination.instance: c3}
      - {set: {response.duration: 400ms}, from: 10s, to: 30s, destination.instance: c3}
`;
const incident = `${head}tests:
  - name: one slow replica is avoided and comes back
    records:
${replicas}    silent: [{source: sidecar, from: 40s, to: 45s}]
    closed: true
    expect:
      - {at: 9s, key: c3, state: clear}
      - {at: 14s, key: c3, state: firing, values: {"p99(response.duration)": 400ms}, entries: ['avoid destination.instance == "c3" 99%']}
      - {at: 42s, key: c3, verdict: unknown, state: firing}
      - {key: [c1, c2], never: firing}
      - {at: 90s, transitions: 2}
`;

function run(rule: string, tests: string): TestResult {
  const { compiled, problems } = checkRuleText(rule, 'rules/gray/rule.yaml', 1);
  if (compiled === null) throw new Error(JSON.stringify(problems));
  const read = readTests(tests, 'rules/gray/tests.yaml');
  if (!read.ok) throw new Error(JSON.stringify(read.problem));
  const [first] = read.value.tests;
  if (first === undefined) throw new Error('no test');
  const result = runTest(compiled, first, noFiles);
  if (!result.ok) throw new Error(JSON.stringify(result.problem));
  return result.value;
}

const shown = ({ failures }: TestResult): readonly string[] =>
  failures.map(({ key, got, expected }) => `${key}: ${got}, expected ${expected}`);

describe('the incident of the rule reference', () => {
  test('passes', () => expect(shown(run(gray, incident))).toEqual([]));

  test.each([
    ['a threshold', '3.0 *', '30.0 *'],
    ['an operator', '> 3.0', '< 3.0'],
    ['for', 'for: 2s', 'for: 8s'],
    ['minimum', 'count: 20', 'count: 2000'],
  ])('fails when %s is changed', (_, from, to) => expect(shown(run(gray.replace(from, to), incident))).not.toEqual([]));

  test('is the same twice', () => expect(run(gray, incident)).toEqual(run(gray, incident)));
});

test('a failure says what was seen in each sub-expression', () => {
  const { failures } = run(gray, incident.replace('{at: 14s, key: c3, state: firing,', '{at: 11s, key: c3, state: firing,'));
  expect(failures[0]).toMatchObject({ key: 'c3', got: 'state pending', expected: 'firing', atNs: 11_000_000_000n });
  expect(failures[0]?.because).toMatch(
    /^p99\(response.duration\) > 3.0 \* peers\(p99\(response.duration\)\) is true \(p99\(response.duration\) 400ms, peers\(p99\(response.duration\)\) 20ms\) · held \d+(?:\.\d+)?m?s of 2s$/,
  );
});

describe('ten minutes with one slow replica, its requests passing the table', () => {
  const tests = `${head}tests:
  - name: ten minutes
    records:
      - {from: 0s, to: 600s, rate: 200/s, destination.instance: [c1, c2]}
      - {from: 0s, to: 600s, rate: 100/s, destination.instance: c3}
      - {set: {response.duration: 400ms}, from: 10s, to: 500s, destination.instance: c3}
    closed: true
    expect: [{at: 600s, transitions: 2}]
`;
  const all = gray.replace('key.destination.instance}', 'key.destination.instance, percent: 100}');
  /** Without what damps: a lease as short as may be, and no budget of transitions. */
  const undamped = (rule: string): string => rule.replace('transitions: 4/10m, ', '').replace('for: 2s', 'for: 2s\nlease: 15s');

  test('what keeps a hundredth of its traffic is seen: avoided once, and back once', () => {
    expect(run(gray, tests).transitions).toBe(2);
    expect(run(undamped(gray), tests).transitions).toBe(2);
  });
  test('what is avoided whole is lost from sight, so it comes back and is avoided again', () => {
    expect(run(undamped(all), tests).transitions).toBeGreaterThanOrEqual(10);
    // Leases that double and the budget of transitions keep even that within bounds.
    expect(run(all, tests).transitions).toBeLessThan(10);
  });
});

test.each([
  ['an unknown attribute', 'destination.service: a', 'destination.servce: a', 'did you mean `destination.service`'],
  ['an unknown field', 'name: t', 'nam: t', 'did you mean `name`'],
  ['no end', 'to: 1s', 'till: 1s', 'to: 60s'],
  ['no rate', 'rate: 1/s', 'ratio: 1/s', 'rate'],
  ['a wrong state', 'state: clear', 'state: fireing', 'did you mean `firing`'],
])('%s is refused with its place', (_, from, to, hint) => {
  const good =
    'tests:\n  - name: t\n    records: [{from: 0s, to: 1s, rate: 1/s, destination.service: a}]\n    expect: [{at: 1s, state: clear}]\n';
  expect(readTests(good, 't.yaml').ok).toBe(true);
  const read = readTests(good.replace(from, to), 't.yaml');
  expect(read.ok).toBe(false);
  if (!read.ok) {
    expect(read.problem.map(({ todo, what }) => `${what} ${todo}`).join('\n')).toContain(hint);
    for (const { at } of read.problem) expect(at).toMatch(/^t\.yaml:\d+:\d+$/);
  }
});
