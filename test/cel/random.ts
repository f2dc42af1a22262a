import type { RpcRecord } from '../../src/model/record.ts';
import type { Value } from '../../src/model/rule.ts';
import type { Random } from '../replay/seeded.ts';

/** Random expressions of a wanted type, over the attributes of an RPC record or, as `aggregate`, over aggregates, `key` and `now`. */
export type Kind = 'bool' | 'int' | 'double' | 'string' | 'duration' | 'timestamp' | 'strings' | 'ints';

type Maker = (random: Random, depth: number, names: Named) => string;
type Named = {
  readonly roots: Readonly<Record<Kind, readonly string[]>>;
  readonly variables: readonly (readonly [name: string, kind: Kind])[];
};

const recordRoots: Named['roots'] = {
  bool: ['response.failed', 'has(request.size)', 'has(response.code)', 'has(source.labels)', 'has(request.headers)'],
  int: ['request.size', 'response.code', 'destination.port', 'request.attempt', 'grpc.UNAVAILABLE'],
  double: ['double(request.size)', 'double(response.code)'],
  string: [
    'request.path',
    'destination.service',
    'source.address',
    'request.headers["x-user"]',
    'source.labels.team',
    'request.headers["__proto__"]',
  ],
  duration: ['response.duration'],
  timestamp: ['time'],
  strings: ['response.flags', 'applied'],
  ints: [],
};

const aggregateRoots: Named['roots'] = {
  bool: ['absent()', 'key.response.failed'],
  int: ['count()', 'sum(request.size)', 'key.response.code'],
  double: ['ratio(response.failed)', 'rate()', 'mean(request.size)'],
  string: ['key.destination.service', 'key.request.headers["x-user"]'],
  duration: ['p99(response.duration)', 'max(response.duration)', 'peers(p99(response.duration))'],
  timestamp: ['now'],
  strings: [],
  ints: [],
};

/** Columns of the key that aggregateRoots names. */
export const by = ['response.failed', 'response.code', 'destination.service', 'request.headers["x-user"]'] as const;

const texts = ['""', '"a"', '"/api/v1/users"', '"10.1.2.3"', '"2001:db8::1"', '"é😀"', '"constructor"', '"5"', '"-7"', '"true"', '"1e3"', '"90s"', '"2026-01-01T00:00:00Z"', '"\\"];throw 1//"', '"\\u2028\\n"']; // prettier-ignore
const patterns = ['"^/api/v[0-9]+/"', '"(a+)+$"', '"[[:alpha:]]+"', '"(?i)API"', '"^$"', '"\\\\d{2,3}"', '".é"', '"\\\\pL"', '"a|b|"'];
const zones = ['"UTC"', '"Europe/Berlin"', '"+05:30"', '"-02:00"'];
const ints = ['0', '1', '-1', '2', '3', '7', '64', '100', '-3', '503', '4503599627370496', '9007199254740991', '-9007199254740991', '9007199254740993', '9223372036854775807']; // prettier-ignore
const doubles = ['0.0', '1.0', '-1.5', '0.1', '1e300', '-0.0', '3.0', '1e19', '0.5'];
const spans = ['d("5ms")', 'd("1.5h")', 'duration("-90s")', 'duration("0")', 'd("10s")', 'duration("2562047h")'];
const times = [
  'timestamp("2026-01-01T00:00:00Z")',
  'timestamp("9999-12-31T23:59:59Z")',
  'timestamp("0001-01-01T00:00:00Z")',
  'timestamp(1)',
];

/** An expression of this kind, at most `depth` operations deep. */
export function expression(random: Random, kind: Kind, depth: number, dialect: 'record' | 'aggregate'): string {
  return make(random, kind, depth, { roots: dialect === 'record' ? recordRoots : aggregateRoots, variables: [] });
}

function make(random: Random, kind: Kind, depth: number, names: Named): string {
  if (depth <= 0 || random.chance(0.15)) return leaf(random, kind, names);
  return random.pick(makers[kind])(random, depth - 1, names);
}

function leaf(random: Random, kind: Kind, names: Named): string {
  const own = names.variables.filter(([, of]) => of === kind).map(([name]) => name);
  const named = [...names.roots[kind], ...own, ...own];
  if (named.length > 0 && random.chance(0.6)) return random.pick(named);
  return random.pick(constants[kind]);
}

const constants: Readonly<Record<Kind, readonly string[]>> = {
  bool: ['true', 'false'],
  int: ints,
  double: doubles,
  string: texts,
  duration: spans,
  timestamp: times,
  strings: ['["a", "5"]', '["", "é😀", "UF"]'],
  ints: ['[1, 2, 3]', '[0, -1]'],
};

const sub =
  (kind: Kind, ...more: readonly Kind[]) =>
  (build: (...parts: readonly string[]) => string): Maker =>
  (random, depth, names) =>
    build(...[kind, ...more].map((one) => make(random, one, depth, names)));

const choice =
  (kind: Kind): Maker =>
  (random, depth, names) =>
    `(${make(random, 'bool', depth, names)} ? ${make(random, kind, depth, names)} : ${make(random, kind, depth, names)})`;

const comparable: readonly Kind[] = ['int', 'double', 'string', 'duration', 'timestamp', 'bool'];
const compared: Maker = (random, depth, names) => {
  const kind = random.pick(comparable);
  const op = random.pick(['==', '!=', '<', '<=', '>', '>=']);
  return `(${make(random, kind, depth, names)} ${op} ${make(random, kind, depth, names)})`;
};
const equal: Maker = (random, depth, names) => {
  const kind = random.pick(['strings', 'ints'] as const);
  return `(${make(random, kind, depth, names)} ${random.pick(['==', '!='])} ${make(random, kind, depth, names)})`;
};
const arithmetic =
  (kind: Kind, ops: readonly string[]): Maker =>
  (random, depth, names) =>
    `(${make(random, kind, depth, names)} ${random.pick(ops)} ${make(random, kind, depth, names)})`;

/** A macro; its variable is free for the names inside. */
const macro =
  (name: string, over: 'strings' | 'ints', inside: Kind): Maker =>
  (random, depth, names) => {
    if (names.variables.length >= 2) return leaf(random, name === 'map' ? over : name === 'filter' ? over : 'bool', names);
    const variable = `v${names.variables.length}`;
    const inner: Named = { ...names, variables: [...names.variables, [variable, over === 'strings' ? 'string' : 'int']] };
    return `${make(random, over, depth, names)}.${name}(${variable}, ${make(random, inside, depth, inner)})`;
  };

const makers: Readonly<Record<Kind, readonly Maker[]>> = {
  bool: [
    compared,
    compared,
    compared,
    equal,
    sub('bool', 'bool')((a, b) => `(${a} && ${b})`),
    sub('bool', 'bool')((a, b) => `(${a} || ${b})`),
    sub('bool')((a) => `!${a}`),
    choice('bool'),
    sub('string', 'string')((a, b) => `${a}.contains(${b})`),
    sub('string', 'string')((a, b) => `${a}.startsWith(${b})`),
    sub('string', 'string')((a, b) => `${a}.endsWith(${b})`),
    (random, depth, names) => `${make(random, 'string', depth, names)}.matches(${random.pick(patterns)})`,
    sub('string', 'strings')((a, b) => `(${a} in ${b})`),
    sub('int', 'ints')((a, b) => `(${a} in ${b})`),
    sub('string')((a) => `(${a} in {"a": 1, "5": 2})`),
    sub('string')((a) => `bool(${a})`),
    sub('string')((a) => `cidr("10.0.0.0/8").containsIP(${a})`),
    macro('exists', 'strings', 'bool'),
    macro('all', 'ints', 'bool'),
    macro('exists_one', 'ints', 'bool'),
    (random, depth, names) => `(${make(random, 'string', depth, names)} in ["a", "b", "c", "d", "e", "f", "g", "h", "é😀", "5"])`,
  ],
  int: [
    arithmetic('int', ['+', '-', '*', '/', '%']),
    arithmetic('int', ['+', '-', '*']),
    sub('int')((a) => `-(${a})`),
    sub('string')((a) => `size(${a})`),
    sub('strings')((a) => `${a}.size()`),
    sub('double')((a) => `int(${a})`),
    sub('string')((a) => `int(${a})`),
    sub('timestamp')((a) => `int(${a})`),
    sub('ints', 'int')((a, b) => `${a}[${b}]`),
    sub('string')((a) => `{"a": 1, "5": 2}[${a}]`),
    choice('int'),
    sub('int', 'int', 'int')((a, b, c) => `clamp(${a}, ${b}, ${c})`),
    (random, depth, names) => `${make(random, 'timestamp', depth, names)}.getHours(${random.chance(0.5) ? '' : random.pick(zones)})`,
    (random, depth, names) => `${make(random, 'timestamp', depth, names)}.${random.pick(['getFullYear', 'getDayOfYear', 'getMilliseconds'])}()`,
    (random, depth, names) => `${make(random, 'duration', depth, names)}.${random.pick(['getHours', 'getMinutes', 'getSeconds', 'getMilliseconds'])}()`,
  ], // prettier-ignore
  double: [
    arithmetic('double', ['+', '-', '*', '/']),
    sub('double')((a) => `-(${a})`),
    sub('int')((a) => `double(${a})`),
    sub('string')((a) => `double(${a})`),
    sub('duration', 'duration')((a, b) => `(${a} / ${b})`),
    choice('double'),
  ],
  string: [
    arithmetic('string', ['+']),
    sub('int')((a) => `string(${a})`),
    sub('double')((a) => `string(${a})`),
    sub('bool')((a) => `string(${a})`),
    sub('duration')((a) => `string(${a})`),
    sub('timestamp')((a) => `string(${a})`),
    sub('strings', 'int')((a, b) => `${a}[${b}]`),
    sub('string')((a) => `subnet(${a}, 8, 48)`),
    sub('string')((a) => `string(ip(${a}))`),
    choice('string'),
  ],
  duration: [
    arithmetic('duration', ['+', '-']),
    sub('double', 'duration')((a, b) => `(${a} * ${b})`),
    sub('duration', 'double')((a, b) => `(${a} * ${b})`),
    sub('duration', 'double')((a, b) => `(${a} / ${b})`),
    sub('timestamp', 'timestamp')((a, b) => `(${a} - ${b})`),
    choice('duration'),
    sub('duration', 'duration', 'duration')((a, b, c) => `clamp(${a}, ${b}, ${c})`),
  ],
  timestamp: [
    sub('timestamp', 'duration')((a, b) => `(${a} + ${b})`),
    sub('timestamp', 'duration')((a, b) => `(${a} - ${b})`),
    sub('duration', 'timestamp')((a, b) => `(${a} + ${b})`),
    sub('int')((a) => `timestamp(${a})`),
    choice('timestamp'),
  ],
  strings: [
    arithmetic('strings', ['+']),
    sub('string', 'string')((a, b) => `[${a}, ${b}]`),
    macro('map', 'strings', 'string'),
    macro('filter', 'strings', 'bool'),
  ],
  ints: [
    arithmetic('ints', ['+']),
    sub('int', 'int')((a, b) => `[${a}, ${b}]`),
    macro('map', 'ints', 'int'),
    macro('filter', 'ints', 'bool'),
  ],
};

/** A record that lacks some of what expressions name. */
export function record(random: Random): RpcRecord {
  const some = <T>(value: T): T | undefined => (random.chance(0.75) ? value : undefined);
  const text = (): string => random.pick(['', 'a', 'checkout', '/api/v1/users', 'é😀', '10.1.2.3', '2001:db8::1', '5', 'true', 'UF']);
  const present = <T extends object>(fields: T): T =>
    Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
  return {
    stream: 'rpc',
    time: 1_767_225_600_000_000_000n + BigInt(random.below(1_000_000_000)) * 1_000n,
    source: present({ address: some(text()), labels: some(new Map(random.chance(0.5) ? [['team', text()]] : [])) }),
    destination: present({ service: some(text()), port: some(random.below(65_536)) }),
    reporter: {},
    rpc: {},
    request: present({
      path: some(text()),
      size: some(random.pick([0, 1, 2, 503, 5_000, Number.MAX_SAFE_INTEGER])),
      attempt: some(1 + random.below(3)),
      headers: some(new Map([['x-user', text()], ...(random.chance(0.2) ? [['__proto__', 'p'] as const] : [])])),
    }),
    response: present({
      code: some(random.pick([200, 404, 500, 503])),
      duration: some(BigInt(random.below(2_000_000_000))),
      failed: some(random.chance(0.5)),
      flags: some(random.chance(0.5) ? ['UF', 'a'] : []),
    }),
    applied: random.chance(0.5) ? ['rule@1'] : [],
  } as RpcRecord;
}

/** What an aggregate of this type may be worth; null: unknown. */
export function value(random: Random, kind: string): Value | null {
  if (random.chance(0.2)) return null;
  if (kind === 'bool') return random.chance(0.5);
  if (kind === 'int') return random.pick([0n, 1n, 503n, 2n ** 53n + 1n, 2n ** 62n, -5n]);
  if (kind === 'double') return random.pick([0, 0.5, 1e300, -1.5, 3]);
  if (kind === 'duration') return { durationNs: random.pick([0n, 5_000_000n, 90_000_000_000n, 2n ** 62n]) };
  return random.pick(['a', 'checkout', '']);
}
