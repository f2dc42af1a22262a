import type { Attributes, Columns, Condition, OracleAggregate, OracleRule, Read, Row, Seen } from './oracle.ts';
import type { Random } from './seeded.ts';

/** A rule as text and as the oracle takes it. */
export type Pair = { readonly text: string; readonly rule: OracleRule };

export const startMs = Date.UTC(2026, 0, 1);

export const attribute =
  (path: string): Read =>
  (at) =>
    at[path];

const moreThan =
  (path: string, limit: number): Read =>
  (at) =>
    at[path] === undefined ? undefined : Number(at[path]) > limit;

export const wheres: readonly (readonly [cel: string | null, test: Read, namesReporter?: boolean])[] = [
  [null, () => true],
  [null, () => true],
  ['destination.service == "s1"', (at) => at['destination.service'] === undefined ? undefined : at['destination.service'] === 's1'],
  ['response.code >= 500', moreThan('response.code', 499)],
  ['has(response.code)', (at) => at['response.code'] !== undefined],
  ['request.size > 100 || has(response.code)', (at) => (at['response.code'] !== undefined ? true : moreThan('request.size', 100)(at))],
  ['request.size > 100 && has(response.code)', (at) => (at['response.code'] === undefined ? false : moreThan('request.size', 100)(at))],
  ['reporter.side == "source"', (at) => (at['reporter.side'] === undefined ? undefined : at['reporter.side'] === 'source'), true],
  ['has(reporter.side) || true', () => true, true],
]; // prettier-ignore

const bys: readonly (readonly [yaml: string | null, columns: readonly Read[], names: readonly string[]])[] = [
  [null, [], []],
  ['[destination.instance]', [attribute('destination.instance')], ['destination.instance']],
  ['[destination.instance]', [attribute('destination.instance')], ['destination.instance']],
  ['[destination.service, destination.instance]', [attribute('destination.service'), attribute('destination.instance')], ['destination.service', 'destination.instance']],
  ['[destination.service, destination.instance]', [attribute('destination.service'), attribute('destination.instance')], ['destination.service', 'destination.instance']],
  ['{code: response.code}', [attribute('response.code')], ['code']],
  ["{svc: destination.service, big: 'request.size > 100'}", [attribute('destination.service'), moreThan('request.size', 100)], ['svc', 'big']],
]; // prettier-ignore

type Argument = { readonly cel: string; readonly of: NonNullable<OracleAggregate['of']>; readonly read: Read };

export const isFailed: Argument = { cel: 'response.failed', of: 'bool', read: attribute('response.failed') };
const isSlow: Argument = { cel: 'response.duration > duration("20ms")', of: 'bool', read: moreThan('response.duration', 20_000) }; // prettier-ignore
const isBig: Argument = { cel: 'has(request.size) && request.size > 100', of: 'bool', read: (at) => moreThan('request.size', 100)(at) === true }; // prettier-ignore
const took: Argument = { cel: 'response.duration', of: 'duration', read: attribute('response.duration') };
const size: Argument = { cel: 'request.size', of: 'int', read: attribute('request.size') };
const third: Argument = { cel: 'double(request.size) / 3.0', of: 'double', read: (at) => (at['request.size'] === undefined ? undefined : Number(at['request.size']) / 3) }; // prettier-ignore
const caller: Argument = { cel: 'source.service', of: 'string', read: attribute('source.service') };
const alwaysThere: Argument = { cel: 'response.code', of: 'int', read: attribute('response.code') };

const predicates = [isFailed, isSlow, isBig];
const numbers = [took, size, third, alwaysThere];

export function plain(random: Random): OracleAggregate {
  const name = random.pick(['count', 'count', 'rate', 'sum', 'distinct', 'absent', 'ratio', 'mean', 'min', 'max', 'stddev', 'quantile', 'quantile', 'quantile']); // prettier-ignore
  const window = random.chance(0.25) ? random.pick([500, 1_000, 3_000, 7_500]) : undefined;
  const q = name === 'quantile' ? random.pick([500, 900, 950, 990, 300, 70, 1_000]) : undefined;
  const argument = argumentOf(random, name);
  const short = q === undefined ? undefined : new Map([[500, 'p50'], [900, 'p90'], [950, 'p95'], [990, 'p99']]).get(q); // prettier-ignore
  const callee = short !== undefined && random.chance(0.7) ? short : name;
  const parts = [
    argument?.cel,
    callee === 'quantile' && q !== undefined ? qText(q, random) : undefined,
    window === undefined ? undefined : `"${window}ms"`,
  ];
  return {
    text: `${callee}(${parts.filter((part) => part !== undefined).join(', ')})`,
    name,
    type: typeOf(name, argument?.of),
    ...(argument === undefined ? {} : { of: argument.of, read: argument.read }),
    ...(window === undefined ? {} : { window }),
    ...(q === undefined ? {} : { q }),
  };
}

const qText = (q: number, random: Random): string =>
  q === 1_000 ? random.pick(['1', '1.0']) : random.pick([`${q / 1_000}`, `${(q / 1_000).toFixed(3)}`]);

function argumentOf(random: Random, name: string): Argument | undefined {
  if (name === 'absent') return undefined;
  if (name === 'count') return random.chance(0.5) ? undefined : random.pick(predicates);
  if (name === 'rate') return random.chance(0.5) ? undefined : random.pick([size, third, alwaysThere]);
  if (name === 'ratio') return random.pick(predicates);
  return random.pick(name === 'distinct' ? [caller, size, took, isFailed] : numbers);
}

function typeOf(name: string, of: OracleAggregate['of']): OracleAggregate['type'] {
  if (name === 'count' || name === 'distinct') return 'int';
  if (name === 'absent') return 'bool';
  if (name === 'rate' || name === 'ratio') return 'double';
  if (of === 'duration') return 'duration';
  return (name === 'mean' || name === 'stddev' || of !== 'int') ? 'double' : 'int'; // prettier-ignore
}

function aggregate(random: Random, siblings: boolean): OracleAggregate {
  const one = plain(random);
  const measured = one.type !== 'bool';
  if (!siblings || !measured || !random.chance(0.25)) return one;
  return { text: `peers(${one.text})`, name: 'peers', type: one.type === 'duration' ? 'duration' : 'double', inner: one };
}

type Judge = Condition['judge'];
export type Part = { readonly cel: string; readonly aggregates: readonly OracleAggregate[]; readonly judge: Judge };

/** What a condition may speak of besides the rule's own aggregates. */
export type Scope = { readonly siblings: boolean; readonly more?: (random: Random) => Part };

export function comparison(random: Random, { siblings, more }: Scope, a: OracleAggregate | null = null): Part {
  return a === null && more !== undefined && random.chance(0.6)
    ? more(random)
    : compared(random, siblings, a ?? aggregate(random, siblings));
}

function compared(random: Random, siblings: boolean, a: OracleAggregate): Part {
  if (a.type === 'bool') return { cel: a.text, aggregates: [a], judge: (see) => see(a) as boolean | undefined };
  const op = random.pick(['>', '>=', '<', '<=', '==', '!=']);
  const compare = comparers[op] ?? (() => false);
  const both = (x: Seen, y: Seen): boolean | undefined => (x === undefined || y === undefined ? undefined : compare(Number(x), Number(y)));
  /** Nearer than an aggregate is known, nothing is said. */
  const within =
    (share: number) =>
    (x: Seen, y: Seen): boolean | undefined => {
      const [a, b] = [Number(x), Number(y)];
      if (
        x !== undefined &&
        y !== undefined &&
        share > 0 &&
        (a !== 0 || b !== 0) &&
        Math.abs(a - b) <= share * Math.max(Math.abs(a), Math.abs(b))
      )
        throw new TooNear();
      return both(x, y);
    };
  if (random.chance(0.25)) {
    const b = aggregate(random, siblings);
    const moving = within(Math.max(roughness(a), roughness(b)));
    if (b.type === a.type && a.type === 'duration')
      return { cel: `${a.text} ${op} 1.5 * ${b.text}`, aggregates: [a, b], judge: (see) => moving(see(a), times(1.5, see(b))) };
    if (b.type === a.type) return { cel: `${a.text} ${op} ${b.text}`, aggregates: [a, b], judge: (see) => moving(see(a), see(b)) };
  }
  const [text, value] = constant(random, a);
  // A quantile against a constant is exact (rules.md section 3.6).
  const fixed = within(a.name === 'quantile' ? 0 : roughness(a));
  return { cel: `${a.text} ${op} ${text}`, aggregates: [a], judge: (see) => fixed(see(a), value) };
}

/** Thrown by the oracle where the text leaves the answer open. */
export class TooNear extends Error {}

/** A quantile is known within 1 %, also among siblings; sums of doubles within 1e-9 (rules.md section 3.6, settled point 17). */
function roughness(a: OracleAggregate): number {
  const { name, of } = a.inner ?? a;
  if (name === 'quantile') return 0.02;
  if (a.name === 'zscore') return 1e-6;
  if (a.name === 'share' || a.name === 'baseline') return 1e-9;
  return name === 'stddev' || (of === 'double' && ['sum', 'rate', 'mean'].includes(name)) ? 1e-9 : 0;
}

const times = (factor: number, x: Seen): Seen => (x === undefined ? undefined : factor * Number(x));

const comparers: Readonly<Record<string, (x: number, y: number) => boolean>> = {
  '>': (x, y) => x > y,
  '>=': (x, y) => x >= y,
  '<': (x, y) => x < y,
  '<=': (x, y) => x <= y,
  '==': (x, y) => x === y,
  '!=': (x, y) => x !== y,
};

/** A constant near what the aggregate is likely to be; the same number in the oracle's units. */
function constant(random: Random, a: OracleAggregate): readonly [string, number] {
  if (a.type === 'duration') {
    const ms = random.pick([0, 5, 10, 20, 30, 60, 200]);
    return [random.pick([`duration("${ms}ms")`, `d("${ms}ms")`]), ms * 1_000];
  }
  const own = new Map([['share', [0, 0.3, 0.5, 1]], ['rank', [1, 2, 3]], ['zscore', [0.5, 1, 2, -1]], ['burn', [0, 0.5, 1, 2, 5]]]).get(a.name); // prettier-ignore
  if (own !== undefined) {
    const value = random.pick(own);
    return [a.type === 'int' ? `${value}` : Number.isInteger(value) ? `${value}.0` : `${value}`, value];
  }
  const inner = a.inner ?? a;
  const isShare = inner.name === 'ratio';
  const isSum = inner.name === 'sum' || (inner.name === 'rate' && inner.read !== undefined);
  const value = isShare ? random.pick([0, 0.2, 0.5, 0.75, 1]) : isSum ? random.pick([0, 150, 600, 1_500]) : isCount(inner) ? random.pick([0, 1, 2, 3, 5]) : random.pick([50, 100, 150, 200, 500]); // prettier-ignore
  return [a.type === 'int' ? `${value}` : Number.isInteger(value) ? `${value}.0` : `${value}`, value];
}

const isCount = ({ name }: OracleAggregate): boolean => ['count', 'distinct', 'rate'].includes(name);

/** Comparisons joined by CEL's operators, with CEL's third value written out. */
function condition(random: Random, depth: number, scope: Scope): Part {
  const shape = depth === 0 ? 0 : random.below(7);
  if (shape < 2) return comparison(random, scope);
  if (shape === 6) return random.pick(plainParts);
  const [a, b] = [condition(random, depth - 1, scope), condition(random, depth - 1, scope)];
  if (shape === 2) return { cel: `!(${a.cel})`, aggregates: a.aggregates, judge: (see, of) => negated(a.judge(see, of)) };
  const aggregates = [...a.aggregates, ...b.aggregates];
  if (shape === 3) {
    const c = condition(random, 0, scope);
    const judge: Judge = (see, of) => {
      const chosen = c.judge(see, of);
      return chosen === undefined ? undefined : chosen ? a.judge(see, of) : b.judge(see, of);
    };
    return { cel: `((${c.cel}) ? (${a.cel}) : (${b.cel}))`, aggregates: [...c.aggregates, ...aggregates], judge };
  }
  const decides = shape === 5;
  const judge: Judge = (see, of) => {
    const [x, y] = [a.judge(see, of), b.judge(see, of)];
    if (x === decides || y === decides) return decides;
    return x === undefined || y === undefined ? undefined : !decides;
  };
  return { cel: `(${a.cel} ${decides ? '||' : '&&'} ${b.cel})`, aggregates, judge };
}

const negated = (x: boolean | undefined): boolean | undefined => (x === undefined ? undefined : !x);

const plainParts: readonly Part[] = [
  { cel: 'now.getSeconds() % 20 < 10', aggregates: [], judge: (_, { t }) => (Math.floor(t / 1_000) % 60) % 20 < 10 },
  { cel: 'now < timestamp("2026-01-01T00:00:12Z")', aggregates: [], judge: (_, { t }) => t < startMs + 12_000 },
  { cel: 'true', aggregates: [], judge: () => true },
  { cel: '1 / 0 == 1', aggregates: [], judge: () => undefined },
];

const seconds = (ms: number): string => `${ms}ms`;

/** The rule so far, for those who give its conditions more to speak of. */
export type Base = Pick<OracleRule, 'by' | 'names' | 'window' | 'every' | 'minimum' | 'where' | 'namesReporter'>;
export type Giving = { readonly lines: readonly string[]; readonly more: (random: Random) => Part };

export function randomPair(random: Random, give?: (random: Random, base: Base) => Giving): Pair {
  const [where, test, namesReporter = false] = random.pick(wheres);
  const [by, columns, names] = random.pick(bys);
  const stream = 'rpc';
  const every = random.pick([250, 500, 1_000, 1_500]);
  const window = random.pick([500, 1_000, 2_000, 5_000, 700]);
  const count = random.pick([1, 1, 2, 4]);
  const minimum = { count, until: random.pick([1, Math.min(count, 5)]), peers: random.pick([1, 2, 2]) };
  const given = give?.(random, { by: columns, names, window, every, minimum, where: test, namesReporter });
  const scope: Scope = { siblings: columns.length > 0, ...(given === undefined ? {} : { more: given.more }) };
  const when = condition(random, 2, scope);
  const until = random.chance(0.5) ? condition(random, 1, scope) : null;
  const lease = random.pick([15_000, 20_000]);
  const rule: OracleRule = {
    stream,
    where: test,
    namesReporter,
    by: columns,
    names,
    window,
    every,
    minimum,
    when,
    until,
    for: random.pick([0, 0, 500, 1_000, 2_300]),
    keep: random.pick([0, 0, 1_000, 1_700, 4_000]),
    lease,
    leaseMax: random.pick([lease, 30_000, 45_000]),
    cooldown: random.pick([0, 0, 1_000, 4_100]),
    expires: random.chance(0.1) ? startMs + random.pick([10_000, 15_250]) : null,
    warmup: random.chance(0.15),
  };
  const lines = [
    'rule: r',
    'over: rpc',
    where === null ? null : `where: '${where}'`,
    by === null ? null : `by: ${by}`,
    `window: ${seconds(window)}`,
    `every: ${seconds(every)}`,
    `minimum: {count: ${minimum.count}, until: ${minimum.until}, peers: ${minimum.peers}}`,
    ...(given?.lines ?? []),
    `when: '${when.cel}'`,
    until === null ? null : `until: '${until.cel}'`,
    `for: ${seconds(rule.for)}`,
    `keep_firing_for: ${seconds(rule.keep)}`,
    `lease: ${seconds(lease)}`,
    `lease_max: ${seconds(rule.leaseMax)}`,
    `cooldown: ${seconds(rule.cooldown)}`,
    rule.expires === null ? null : `expires: ${new Date(rule.expires).toISOString()}`,
    rule.warmup ? 'warmup: window' : null,
  ];
  return { text: lines.filter((line) => line !== null).join('\n'), rule };
}

/** Lines of a small world: two services, a few instances, times on a raster that meets window ends, late lines, sources, silences, jumps. */
export function randomRows(random: Random, flows = 0.05): readonly Row[] {
  const rows: Row[] = [];
  const absentee = random.pick([0, 0.05, 0.3]);
  let now = startMs + random.below(40) * 50;
  const lines = 20 + random.below(80);
  const pace = random.pick([50, 150, 400]);
  const mayGoStale = random.chance(0.5);
  for (let i = 0; i < lines; i++) {
    now += random.chance(0.03) ? random.pick([5_000, 16_000, 40_000]) : random.below(pace * 2 / 50 + 1) * 50; // prettier-ignore
    const time = random.chance(0.08) ? now - random.below(120) * 50 : now;
    if (mayGoStale && random.chance(0.06))
      rows.push({ kind: 'source', time, source: random.pick(['a', 'b']), live: random.chance(0.6), streams: random.pick([['rpc', 'flow'], ['rpc'], ['flow']]) }); // prettier-ignore
    else if (random.chance(0.08)) rows.push({ kind: 'tick', time });
    else rows.push({ kind: 'record', stream: random.chance(1 - flows) ? 'rpc' : 'flow', time, at: randomAttributes(random, absentee) });
  }
  return rows;
}

function randomAttributes(random: Random, absentee: number): Attributes {
  const maybe = (path: string, of: readonly (string | number | boolean)[]): Attributes => (random.chance(absentee) ? {} : { [path]: random.pick(of) }); // prettier-ignore
  const code = maybe('response.code', [200, 200, 204, 500, 503]);
  const answered = code['response.code'];
  return {
    ...maybe('destination.service', ['s1', 's1', 's2']),
    ...maybe('destination.instance', ['c1', 'c2', 'c3', 'ä', '\u{10000}', '\uffff']),
    ...maybe('source.service', ['x', 'y', 'z']),
    ...(random.chance(0.7) ? {} : { 'reporter.side': random.pick(['source', 'destination', 'transit']) }),
    ...maybe('request.size', [0, 50, 100, 101, 200, 700]),
    ...code,
    ...(answered === undefined ? {} : { 'response.failed': Number(answered) >= 500 }),
    ...maybe('response.duration', [1_000, 5_000, 20_000, 20_001, 60_500, 400_000]),
  };
}

/** The JSON line of a row; response.failed is left for the reader to compute. */
export function lineOf(row: Row): string {
  const time = new Date(row.time).toISOString();
  if (row.kind === 'tick') return JSON.stringify({ stream: 'tick', time });
  if (row.kind === 'source') {
    const streams = row.streams.length === 2 ? {} : { streams: row.streams };
    return JSON.stringify({ stream: 'source', source: row.source, state: row.live ? 'live' : 'stale', time, ...streams });
  }
  const line: Record<string, unknown> = { stream: row.stream, time };
  for (const [path, value] of Object.entries(row.at)) {
    if (path === 'response.failed' || (row.stream === 'flow' && /^re(quest|sponse)/.test(path))) continue;
    const [root = '', field = ''] = path.split('.');
    const group = (line[root] ??= {}) as Record<string, unknown>;
    group[field] = path === 'response.duration' ? `${value}us` : value;
  }
  return JSON.stringify(line);
}

export type { Columns };
