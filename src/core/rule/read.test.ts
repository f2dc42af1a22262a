import { describe, expect, test } from 'vitest';
import type { Rule } from '../../model/rule.ts';
import { readRule } from './read.ts';
import { readTime } from './time.ts';

const head = 'rule: x\nwhy: w\nowner: o\nover: rpc\nwhen: count() > 5\n';
const read = (fields: string, start = head): Rule => {
  const rule = readRule(start + fields, 'rules/x/rule.yaml');
  if (!rule.ok) throw new Error(rule.problem.map(({ at, what }) => `${at} ${what}`).join('\n'));
  return rule.value;
};

test('defaults are those of rules.md section 2', () => {
  const { when, ...rest } = read('');
  expect(when).toEqual({ text: 'count() > 5', line: 5, column: 7, exact: true });
  expect(rest).toEqual({
    name: 'x',
    why: 'w',
    owner: 'o',
    over: 'rpc',
    where: null,
    by: [],
    windowNs: 10_000_000_000n,
    everyNs: 100_000_000n,
    minimum: { count: 1, until: 1, peers: 2 },
    forNs: 0n,
    until: null,
    keepFiringForNs: 0n,
    leaseNs: 60_000_000_000n,
    leaseMaxNs: 600_000_000_000n,
    cooldownNs: 0n,
    keys: 'seen',
    select: [],
    params: [],
    slo: null,
    variables: [],
    latch: false,
    expect: null,
    notify: null,
    expiresNs: null,
    warmup: 'none',
    priority: 100,
    targets: null,
    // oxlint-disable-next-line unicorn/no-thenable -- the field's name in rules.md
    then: [],
    guard: { floor: 0.6, transitions: null, keys: 100, order: null },
    mode: 'shadow',
  });
});

test('minimum.until is min(count, 5) unless given', () => {
  expect(read('minimum: {count: 20}').minimum).toEqual({ count: 20, until: 5, peers: 2 });
  expect(read('minimum: {count: 3}').minimum).toEqual({ count: 3, until: 3, peers: 2 });
  expect(read('minimum: {count: 20, until: 7, peers: 1}').minimum).toEqual({ count: 20, until: 7, peers: 1 });
});

test('lease_max is never under lease', () => expect(read('lease: 1h').leaseMaxNs).toBe(3_600_000_000_000n));

test('scalars are text, whatever YAML would make of them', () => {
  const action = read('then:\n  - split: {on: version, weights: {1.10: 90, yes: 10, 0x10: rest}}').then[0];
  expect(action?.kind === 'split' ? Object.keys(action.weights) : []).toEqual(['1.10', 'yes', '0x10']);
  expect(read('', head.replace('why: w', 'why: 1e3')).why).toBe('1e3');
});

test('actions with their defaults', () => {
  const then = read(
    [
      'then:',
      '  - allow: {}',
      '  - allow:',
      "  - deny: {match: 'request.attempt > 1', percent: 90, status: 503, grpc_status: UNAVAILABLE}",
      '  - deny: {}',
      '  - respond: {status: 200, body: hello}',
      '  - limit: {rate: 10MB/s, burst: 64KB, per: [source.service], scope: global}',
      '  - limit: {rate: "0.5 * rate()"}',
      '  - split: {on: version, weights: {v1: 90%, v2: "10.0 * ratio(response.failed)"}, sticky: \'request.headers["x-user"]\'}',
      '  - avoid: {instance: key.destination.instance}',
      '  - route: {to: cache}',
      '  - mirror: {to: shadow, percent: 5%}',
      '  - set: {headers: {set: {X-A: "1"}, remove: [x-b]}, dscp: 10}',
    ].join('\n'),
  ).then;
  const num = (value: number): object => ({ kind: 'literal', value });
  const bare = then.map(({ place: _place, match, ...rest }) => ({ ...rest, match: match?.text ?? null }));
  expect(bare).toMatchObject([
    { kind: 'allow', match: null },
    { kind: 'allow', match: null },
    { kind: 'deny', match: 'request.attempt > 1', percent: num(90), status: 503, grpcStatus: 14 },
    { kind: 'deny', percent: num(100), status: 403, grpcStatus: 7 },
    { kind: 'respond', status: 200, body: 'hello', headers: {} },
    { kind: 'limit', rate: num(10_000_000), unit: 'bytes', burst: num(64_000), per: ['source.service'], scope: 'global' },
    { kind: 'limit', rate: { kind: 'cel', cel: { text: '0.5 * rate()' } }, unit: 'requests', burst: null, per: [], scope: 'local' },
    { kind: 'split', on: 'version', weights: { v1: num(90), v2: { kind: 'cel' } }, sticky: 'request.headers["x-user"]' },
    { kind: 'avoid', on: 'instance', value: { text: 'key.destination.instance' }, percent: num(99) },
    { kind: 'route', to: 'cache' },
    { kind: 'mirror', to: 'shadow', percent: num(5) },
    { kind: 'set', set: { 'x-a': '1' }, remove: ['x-b'], dscp: 10 },
  ]);
  expect(then[2]?.place).toEqual({ line: 9, column: 5 });
});

test("what frames a message is not a rule's to say", () => {
  for (const name of ['Content-Length', 'transfer-encoding', 'connection', 'host']) {
    const text = `${head}then:\n  - set: {headers: {remove: [${name}, x-b]}}\n  - respond: {status: 200, headers: {${name}: x}}\n`;
    const whats = readRule(text, '-');
    expect(whats.ok ? [] : whats.problem.map(({ what }) => what)).toEqual(
      Array.from({ length: 2 }, () => `\`${name}\` frames the message and is not a rule's to say`),
    );
  }
});

describe('where the text of an expression stands', () => {
  const first = 'rule: x\nwhy: w\nowner: o\nover: rpc\n';
  test('quoted: after the quote', () => {
    expect(read('when: "count() > 5"\n', first).when).toEqual({ text: 'count() > 5', line: 5, column: 8, exact: true });
  });
  test('folded over lines: each line is a run', () => {
    const when = read('when: >-\n  count() > 5 &&\n    rate() > 1.0\n', first).when;
    expect(when?.exact).toBe(false);
    expect(when?.runs).toEqual([
      { offset: 0, line: 6, column: 3 },
      { offset: when?.text.indexOf('rate') ?? -1, line: 7, column: 5 },
    ]);
  });
  test('with escapes: only the scalar is known', () => {
    expect(read('when: "\\x63ount() > 5"\n', first).when).toEqual({ text: 'count() > 5', line: 5, column: 7, exact: false });
  });
  test("a doubled ' is one character", () => {
    expect(read("where: 'request.path == ''a'' && response.failed'\n").where?.runs?.at(-1)).toMatchObject({ line: 6 });
  });
});

test('a file named otherwise, or without a folder, is not compared with its name', () => {
  for (const file of ['-', 'rule.yaml', './rule.yaml', '/tmp/anything.yaml', 'rules/x/rule.yaml', 'C:\\rules\\x\\rule.yaml']) {
    expect(readRule(head, file).ok).toBe(true);
  }
  expect(readRule(head, 'rules/y/rule.yaml').ok).toBe(false);
});

test('a byte order mark and DOS line ends change nothing', () => {
  expect(readRule(`\ufeff${head.replaceAll('\n', '\r\n')}`, '-')).toMatchObject({
    ok: true,
    value: { name: 'x', when: { text: 'count() > 5', line: 5, column: 7 } },
  });
});

test('size is counted in bytes of UTF-8', () => {
  expect(readRule(`${head}# ${'é'.repeat(33_000)}\n`, '-').ok).toBe(false);
  expect(readRule(`${head}# ${'e'.repeat(60_000)}\n`, '-').ok).toBe(true);
});

test.each([
  ['1970-01-01T00:00:00Z', 0n],
  ['2024-02-29T12:30:15.5+02:00', BigInt(Date.UTC(2024, 1, 29, 10, 30, 15)) * 1_000_000n + 500_000_000n],
  ['1969-12-31T23:59:59.999999999Z', -1n],
  ['2026-12-31T23:00:00-01:30', BigInt(Date.UTC(2027, 0, 1, 0, 30)) * 1_000_000n],
])('%s', (text, ns) => expect(readTime(text)).toEqual({ ok: true, value: ns }));

test.each(['2026-02-29T00:00:00Z', '2026-01-01', '2026-01-01T00:00:00', '2026-01-01T24:00:00Z', '0000-01-01T00:00:00Z'])(
  '%s is no time',
  (text) => {
    expect(readTime(text).ok).toBe(false);
  },
);
