import { describe, expect, test } from 'vitest';
import { checkRule, duplicateNames } from '../../src/core/rule/check.ts';
import { formatProblem } from '../../src/core/rule/format.ts';

/** Rules that must be accepted: those of rules.md's examples that this version can express. */
const rules = {
  'gray-failure': `why: A replica that answers slowly but with 200 is never ejected by outlier detection.
owner: sre
over: rpc
by: [destination.service, destination.instance]
minimum: {count: 20, until: 5, peers: 2}
when: p99(response.duration) > 3.0 * peers(p99(response.duration))
for: 2s
until: p99(response.duration) < 1.5 * peers(p99(response.duration))
keep_firing_for: 15s
then:
  - avoid: {instance: key.destination.instance}
guard: {floor: 60%, transitions: 4/10m, order: 'p99(response.duration) / peers(p99(response.duration))'}
`,
  'ddos-subnet': `why: A flood from one /24 (IPv6 /48) is dropped where packets are cheapest.
owner: netops
over: flow
where: 'reporter.side == "transit" && !cidr("10.0.0.0/8").containsIP(source.address)'
by: {net: 'subnet(source.address, 24, 48)'}
every: 1s
when: rate(flow.packets) > 50000.0 && ratio(flow.failed) > 0.5
for: 3s
keep_firing_for: 5m
then:
  - deny: {match: cidr(key.net).containsIP(source.address)}
guard: {keys: 500, order: rate(flow.packets)}
`,
  'retry-storm': `why: Retries keep a failed service down (metastable); shed retries before first tries.
owner: sre
over: rpc
by: [destination.service]
minimum: {count: 200}
when: ratio(request.attempt > 1) > 0.2 && ratio(response.failed) > 0.2
for: 3s
until: ratio(response.failed) < 0.02
keep_firing_for: 30s
then:
  - deny: {match: 'destination.service == key.destination.service && request.attempt > 1', percent: 90, status: 503, grpc_status: UNAVAILABLE}
`,
  'dependency-fallback': `why: When recommendations is down, its cache answers; 5 % still tries the real one, so we know when it is back.
owner: team-web
over: rpc
where: destination.service == "recommendations"
minimum: {count: 5}
when: count() >= 100 && ratio(response.failed) > 0.5
for: 2s
until: ratio(response.failed) < 0.05
keep_firing_for: 30s
then:
  - split: {on: service, weights: {recommendations: 5, recommendations-cache: 95}}
`,
  'no-traffic': `why: Silence in business hours is an outage upstream of us; a dead collector is not silence.
owner: sre
over: rpc
where: destination.service == "gateway"
window: 2m
every: 10s
when: absent() && now.getHours("Europe/Berlin") >= 8 && now.getHours("Europe/Berlin") < 20
then: []
`,
  standing: `why: No plaintext caller reaches payments.
owner: sre
then:
  - deny: {match: 'destination.service == "payments" && (!has(source.principal) || source.principal != "spiffe://mesh/checkout")'}
`,
} as const;

const checked = (name: keyof typeof rules): ReturnType<typeof checkRule> =>
  checkRule(`rule: ${name}\n${rules[name]}`, { file: `rules/${name}/rule.yaml`, revision: 3 });

describe('accepted without a warning', () => {
  test.each(Object.keys(rules) as (keyof typeof rules)[])('%s', (name) => {
    const result = checked(name);
    expect(result.ok ? result.value.warnings : result.problem.map((problem) => formatProblem(problem))).toEqual([]);
  });
});

test('the gray failure compiles to what the loop runs', () => {
  const result = checked('gray-failure');
  if (!result.ok) throw new Error('refused');
  const { compiled } = result.value;
  expect(compiled.stream).toBe('rpc');
  expect(compiled.revision).toBe(3);
  expect(compiled.columns.map(({ name, type }) => [name, type.kind])).toEqual([
    ['destination.service', 'string'],
    ['destination.instance', 'string'],
  ]);
  expect(compiled.when?.aggregates.map(({ text }) => text)).toEqual(['p99(response.duration)', 'peers(p99(response.duration))']);
  expect(compiled.order?.type.kind).toBe('double');
  expect(compiled.actions.map(({ match, cel }) => [match.text, [...cel.keys()]])).toEqual([
    ['destination.service == key.destination.service', ['value']],
  ]);
});

test('a standing rule has no stream', () => {
  const result = checked('standing');
  expect(result.ok ? result.value.compiled.stream : 'refused').toBe(null);
});

test('two files cannot hold one name', () => {
  const problems = duplicateNames([
    { name: 'a', file: 'rules/a/rule.yaml' },
    { name: 'b', file: 'rules/b/rule.yaml' },
    { name: 'a', file: 'rules/old/a/rule.yaml' },
  ]);
  expect(problems.map((problem) => formatProblem(problem))).toEqual([
    'rules/old/a/rule.yaml:1:1  E-RULE-NAME    `a` is also the name of rules/a/rule.yaml · rename one',
  ]);
});

const head = 'rule: x\nwhy: w\nowner: o\nover: rpc\nwhen: count() > 5\n';
test.each([
  ['where: reporter.side == "source" || reporter.side == "destination"', ['W-DOUBLE']],
  ['where: reporter.side != "transit"', ['W-DOUBLE']],
  ['where: has(reporter.target)', ['W-DOUBLE']],
  ['where: reporter.side == "source"', []],
  ['where: reporter.target == "sidecar-1"', []],
  ['where: destination.service == "a" && !(reporter.side in ["source", "transit"])', []],
  ['where: source.service == "a" && destination.service == "b"', []],
  ['minimum: {count: 5, until: 6}', ['W-MINIMUM']],
  ['window: 50ms', ['W-GAP']],
  ['then:\n  - deny: {}', ['W-ALL']],
  ['where: has(request.headers.x) && request.headers["X-User"] == "a"', ['W-HEADER']],
])('%s warns %j', (fields, codes) => {
  const result = checkRule(`${head}${fields}\n`, { file: 'x.yaml', revision: 1 });
  expect(result.ok ? result.value.warnings.map(({ code }) => code) : result.problem).toEqual(codes);
});
