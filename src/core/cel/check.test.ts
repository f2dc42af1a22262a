import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { isCelError, plan } from '@bufbuild/cel';
import { describe, expect, test } from 'vitest';
import { seeded } from '../../../test/golden/random.ts';
import type { RpcRecord } from '../../model/record.ts';
import { attributes } from '../../model/schema.ts';
import { bindRecord } from './bind.ts';
import { check } from './check.ts';
import { aggregateEnvironment, matchEnvironment, recordEnvironment } from './declare.ts';
import { createCel } from './evaluate.ts';
import { show, string } from './kinds.ts';
import { childrenOf } from './tree.ts';
import type { Aggregate } from './types.ts';

const columns = [{ name: 'destination.instance', type: string }];
const record = recordEnvironment(['rpc']);
const aggregate = aggregateEnvironment({ streams: ['rpc'], columns, everyNs: 100_000_000n, windowNs: 10_000_000_000n });
const match = matchEnvironment({ streams: ['rpc'], columns });

const problems = (text: string, env = record): readonly string[] => {
  const checked = check(text, env);
  return checked.ok ? [] : checked.problem.map(({ code, offset, what, todo }) => `${offset} ${code} ${what} · ${todo}`);
};
const typeOf = (text: string, env = record): string => {
  const checked = check(text, env);
  return checked.ok ? show(checked.value.type) : checked.problem.map(({ what }) => what).join('; ');
};

describe('types', () => {
  test.each(attributes.filter(({ streams }) => streams.includes('rpc')).map(({ path, type }) => [path, type] as const))(
    '%s is %s',
    (path, type) => {
      expect(typeOf(path)).toBe(type);
    },
  );

  test.each([
    ['1.5 * p99(response.duration)', 'duration'],
    ['p99(response.duration) / d("10ms")', 'double'],
    ['p99(response.duration) / 2.0', 'duration'],
    ['count()', 'int'],
    ['count(response.failed, "5m")', 'int'],
    ['distinct(source.principal)', 'int'],
    ['rate()', 'double'],
    ['rate(response.size)', 'double'],
    ['ratio(response.failed)', 'double'],
    ['sum(response.size)', 'int'],
    ['max(response.duration)', 'duration'],
    ['mean(response.size)', 'double'],
    ['mean(response.duration)', 'duration'],
    ['stddev(response.duration)', 'duration'],
    ['quantile(response.size, 0.999)', 'int'],
    ['peers(count())', 'double'],
    ['peers(max(response.duration))', 'duration'],
    ['share(rate())', 'double'],
    ['rank(p99(response.duration))', 'int'],
    ['baseline(p99(response.duration), "1m")', 'duration'],
    ['baseline(count(), "1m")', 'double'],
    ['zscore(p99(response.duration), "1m")', 'double'],
    ['firing("other") || firing("other", key)', 'bool'],
    ['absent()', 'bool'],
    ['key.destination.instance', 'string'],
    ['now - now', 'duration'],
    ['now.getHours("Europe/Berlin")', 'int'],
    ['grpc.UNAVAILABLE', 'int'],
  ])('%s is %s (rules.md 3.5)', (text, type) => expect(typeOf(text, aggregate)).toBe(type));

  test.each([
    ['response.flags.map(f, size(f))', 'list(int)'],
    ['response.flags.map(f, f != "x", f + "y")', 'list(string)'],
    ['response.flags.filter(f, f.startsWith("U"))', 'list(string)'],
    ['request.headers.exists_one(k, k == "x")', 'bool'],
    ['{"a": [1]}["a"]', 'list(int)'],
    ['[] + response.flags', 'list(string)'],
    ['response.failed ? d("1s") : response.duration', 'duration'],
    ['cidr("10.0.0.0/8").containsIP(ip(source.address))', 'bool'],
    ['subnet(source.address, 24, 48)', 'string'],
    ['clamp(response.code, 1, 5)', 'int'],
    ['"x" in request.headers && has(request.headers.y) && request.headers["z"] == "1"', 'bool'],
  ])('%s is %s', (text, type) => expect(typeOf(text)).toBe(type));
});

test('all problems at once, each at its place', () => {
  expect(problems('destination.port == "443" && request.metod == "GET" || 3 * response.duration > d("x")')).toEqual([
    '20 E-CEL-TYPE no `==` for (int, string) · write 443',
    '29 E-CEL-NAME undeclared `request.metod` · did you mean `request.method`?',
    '55 E-CEL-TYPE no `*` for (int, duration) · write 3.0',
    '81 E-CEL-VALUE `x` is not a duration · write it as 250ms, 2s, 5m or 1h',
  ]);
});

test('offsets count code points', () => {
  expect(problems('request.path == "é😀" && nope')).toEqual(['24 E-CEL-NAME undeclared `nope` · if it is text, write "nope"']);
});

describe('what is not known where it stands', () => {
  test.each([
    ['response.code > 1', aggregate, 'E-CEL-SCOPE'],
    ['count() > 1', record, 'E-CEL-SCOPE'],
    ['key.x == "a"', record, 'E-CEL-SCOPE'],
    ['p99(p50(response.duration)) > d("1s")', aggregate, 'E-CEL-SCOPE'],
    ['count() > 1', match, 'E-CEL-SCOPE'],
    ['response.code == 500', match, 'E-MATCH-AFTER'],
    ['has(response.code)', match, 'E-MATCH-AFTER'],
    ['destination.instance == "a"', match, 'E-MATCH-AFTER'],
    ['reporter.side == "a"', match, 'E-MATCH-AFTER'],
    ['burn_rate("1h") > 1.0', aggregate, 'E-CEL-TYPE'],
    ['canary.ratio(response.failed) > 1.0', aggregate, 'E-CEL-NAME'],
    ['peers(canary.ratio(response.failed)) > 1.0', aggregate, 'E-CEL-NAME'],
    ['baseline(count(), "20s") > 1.0', aggregate, 'E-CEL-VALUE'],
    ['baseline(count(), "30s") > "x"', aggregate, 'E-CEL-TYPE'],
    ['share(absent()) > 0.5', aggregate, 'E-CEL-TYPE'],
    ['firing(key)', aggregate, 'E-CEL-TYPE'],
    ['params.x > 1', record, 'E-CEL-SCOPE'],
    ['variables.x', match, 'E-CEL-SCOPE'],
    ['params.x > 1', aggregate, 'E-CEL-NAME'],
    ['dyn(1) == 1', record, 'E-CEL-TYPE'],
    ['type(1) == 1', record, 'E-CEL-TYPE'],
    ['flow.bytes > 1', record, 'E-CEL-NAME'],
    ['[1].exists(a, [1].exists(b, [1].exists(c, a == b)))', record, 'E-CEL-COST'],
    ['peers(count()) > 1.0', aggregateEnvironment({ streams: ['rpc'], columns: [], everyNs: 1n }), 'E-CEL-TYPE'],
    ['count() > 1', aggregateEnvironment({ streams: [], columns, everyNs: 1n }), 'E-CEL-SCOPE'],
    ['count("2s") > 1', aggregateEnvironment({ streams: ['rpc'], columns, everyNs: 100_000n }), 'E-CEL-VALUE'],
  ])('%s', (text, env, code) => {
    const checked = check(text, env);
    expect(checked.ok ? [] : [...new Set(checked.problem.map((problem) => problem.code))]).toContain(code);
  });
});

test('an aggregate knows its text, argument, window and quantile', () => {
  const checked = check(
    'p99( response.duration ,  "1m") > 2.0 * peers(p99(response.duration)) // why\n || count(request.path == "a  b") > 1',
    aggregate,
  );
  expect(checked.ok).toBe(true);
  const found = checked.ok ? checked.value.aggregates : [];
  const seen = (one: Aggregate): unknown => [
    one.text,
    one.name,
    one.argument?.text ?? null,
    one.q,
    one.windowNs,
    one.inner === null ? null : seen(one.inner),
  ];
  expect(found.map(seen)).toEqual([
    ['p99( response.duration , "1m")', 'quantile', 'response.duration', '0.99', 60_000_000_000n, null],
    [
      'peers(p99(response.duration))',
      'peers',
      null,
      null,
      null,
      ['p99(response.duration)', 'quantile', 'response.duration', '0.99', null, null],
    ],
    ['count(request.path == "a  b")', 'count', 'request.path == "a  b"', null, null, null],
  ]);
  const argument = found[2]?.argument;
  expect(argument?.positions.get(argument.expr.id)).toBe(0);
  expect(argument?.text.slice(argument.positions.get(childrenOf(argument.expr)[1]?.id ?? 0n))).toBe('"a  b"');
});

/** Expressions that are often well typed, with some that are not. */
function expression(random: ReturnType<typeof seeded>, want: string, depth: number): string {
  const { below, pick } = random;
  const e = (type: string): string => expression(random, below(40) === 0 ? pick(['int', 'string', 'bool']) : type, depth - 1);
  const leaf: Readonly<Record<string, readonly string[]>> = {
    int: ['1', '0', '-3', 'response.code', 'request.attempt', 'destination.port', 'size(request.path)', 'grpc.UNAVAILABLE', 'int("7")'],
    double: ['1.5', '0.0', '-2.0', 'double(request.attempt)'],
    string: [
      '"a"',
      '"éx"',
      'request.path',
      'source.principal',
      'request.headers["x"]',
      'request.headers.y',
      'subnet(source.address, 24, 48)',
    ],
    bool: ['true', 'response.failed', 'has(source.zone)', 'has(request.headers.x)', '"x" in request.headers'],
    duration: ['d("250ms")', 'duration("1h")', 'response.duration'],
    timestamp: ['time', 'timestamp("2026-01-31T12:00:00Z")'],
    list: ['response.flags', '["a", "b"]', '[]', 'applied'],
  };
  if (depth <= 0) return pick(leaf[want] ?? ['1']);
  const order = pick(['<', '<=', '>', '>=', '==', '!=']);
  const side = pick(['int', 'double', 'string', 'duration', 'timestamp']);
  const deep: Readonly<Record<string, () => string>> = {
    int: () =>
      pick([
        `(${e('int')} ${pick(['+', '-', '*', '/', '%'])} ${e('int')})`,
        `size(${e(pick(['string', 'list']))})`,
        `${e('timestamp')}.getHours("Europe/Berlin")`,
        `clamp(${e('int')}, 1, 5)`,
      ]),
    double: () =>
      pick([
        `(${e('double')} ${pick(['+', '-', '*', '/'])} ${e('double')})`,
        `(${e('duration')} / ${e('duration')})`,
        `double(${e('int')})`,
      ]),
    string: () =>
      pick([
        `(${e('string')} + ${e('string')})`,
        `string(${e(pick(['int', 'double', 'bool', 'duration', 'timestamp']))})`,
        `(${e('bool')} ? ${e('string')} : ${e('string')})`,
      ]),
    bool: () =>
      pick([
        `(${e('bool')} && ${e('bool')})`,
        `(${e('bool')} || ${e('bool')})`,
        `!${e('bool')}`,
        `(${e(side)} ${order} ${e(side)})`,
        `(${e('string')} in ${e('list')})`,
        `${e('string')}.${pick(['startsWith', 'endsWith', 'contains'])}(${e('string')})`,
        `${e('string')}.matches("^[a-z]+$")`,
        `${e('list')}.${pick(['exists', 'all', 'exists_one'])}(v, v == ${pick(leaf['string'] ?? [])})`,
        `cidr("10.0.0.0/8").containsIP(${e('string')})`,
      ]),
    duration: () =>
      pick([
        `(${e('duration')} + ${e('duration')})`,
        `(${e('double')} * ${e('duration')})`,
        `(${e('duration')} / ${e('double')})`,
        `(${e('timestamp')} - ${e('timestamp')})`,
      ]),
    timestamp: () => `(${e('timestamp')} ${pick(['+', '-'])} ${e('duration')})`,
    list: () =>
      pick([
        `${e('list')}.filter(v, v != "a")`,
        `${e('list')}.map(v, v + "x")`,
        `(${e('list')} + ${e('list')})`,
        `[${e('string')}, ${e('string')}]`,
      ]),
  };
  return deep[want]?.() ?? '1';
}

const seen: RpcRecord = {
  stream: 'rpc',
  time: 1_700_000_000_000_000_000n,
  source: { principal: 'p', zone: 'z', address: '10.1.2.3' },
  destination: { port: 443 },
  reporter: {},
  rpc: {},
  request: { path: '/a', attempt: 2, headers: new Map([['x', '1']]) },
  response: { code: 503, flags: ['UF'], duration: 20_000_000n, failed: true },
  applied: [],
};

test('what is accepted never errs for its types, and has the type that was said (2,000 expressions, evaluated)', () => {
  const random = seeded(20260101);
  const { env } = createCel();
  const bindings = bindRecord(seen);
  let accepted = 0;
  for (let i = 0; i < 2_000; i++) {
    const text = expression(random, random.pick(['bool', 'bool', 'int', 'double', 'string', 'duration', 'timestamp', 'list']), 3);
    const checked = check(text, record);
    if (!checked.ok) continue;
    accepted += 1;
    const result = plan(env, checked.value.expr)(bindings);
    if (isCelError(result)) expect(`${text}: ${result.message}`).not.toMatch(/overload|undeclared|unbound|unresolved|type mismatch/i);
    else expect(`${text}: ${kindOf(result)}`).toBe(`${text}: ${checked.value.type.kind}`);
  }
  expect(accepted).toBeGreaterThan(1_000);
});

function kindOf(value: unknown): string {
  if (typeof value === 'bigint') return 'int';
  if (typeof value === 'number') return 'double';
  if (typeof value === 'string') return 'string';
  if (typeof value === 'boolean') return 'bool';
  const name = typeof value === 'object' && value !== null && 'typeName' in value ? String(value.typeName) : '';
  const message: unknown = typeof value === 'object' && value !== null && 'message' in value ? value.message : value;
  const full = typeof message === 'object' && message !== null && '$typeName' in message ? String(message.$typeName) : name;
  if (full.endsWith('Duration')) return 'duration';
  return full.endsWith('Timestamp') ? 'timestamp' : 'list';
}

test('every node of what is accepted has a type and a place', () => {
  const random = seeded(7);
  const visit = (expr: Expr, check_: (expr: Expr) => void): void => {
    check_(expr);
    for (const child of childrenOf(expr)) visit(child, check_);
  };
  for (let i = 0; i < 1_000; i++) {
    const text = expression(random, random.pick(['bool', 'string', 'list', 'int']), 3);
    const checked = check(text, record);
    if (!checked.ok) continue;
    const { expr, types, positions } = checked.value;
    visit(expr, (node) => {
      expect(types.has(node.id), `${text}: ${node.exprKind.case}`).toBe(true);
      expect(positions.has(node.id)).toBe(true);
    });
  }
});
