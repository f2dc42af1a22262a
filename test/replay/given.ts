import type { OracleAggregate, OracleRule, OracleSet } from './oracle.ts';
import { attribute, comparison, isFailed, plain, randomPair, wheres } from './random.ts';
import type { Base, Giving, Pair, Part } from './random.ts';
import type { Random } from './seeded.ts';

/** A rule that uses sets, params, variables, slo, siblings, its past and another rule; `others` are read beside it. */
export type GivenPair = Pair & { readonly others: readonly Pair[] };

export function randomGivenPair(random: Random): GivenPair {
  const name = random.pick(['a-other', 'z-other']);
  const plainOther = randomPair(random);
  const other: Pair = { ...plainOther, text: plainOther.text.replace('rule: r', `rule: ${name}`) };
  const pair = randomPair(random, (_, base) => givingOf(random, base, { name, rule: other.rule }));
  return { ...pair, others: [other] };
}

type Set = { readonly name: string; readonly line: string; readonly set: OracleSet };

function givingOf(random: Random, base: Base, other: { readonly name: string; readonly rule: OracleRule }): Giving {
  const sets = ['s1', 'far', '_x'].slice(0, random.below(3) + 1).map((name) => setOf(random, name, base));
  const objective = random.pick(['90%', '75%', 'params.goal']);
  const variable = comparison(random, { siblings: base.names.length > 0 });
  const quantile: OracleAggregate = { text: 'p90(response.duration)', name: 'quantile', type: 'duration', of: 'duration', read: attribute('response.duration'), q: 900 }; // prettier-ignore
  const goals: Readonly<Record<string, number>> = { s1: 0.5, c1: 0.75, 200: 0 };
  const good = (at: Parameters<typeof isFailed.read>[0]) =>
    at['response.failed'] === undefined ? undefined : at['response.failed'] === false;
  const lines = [
    `select: {${sets.map(({ line }) => line).join(', ')}}`,
    'params: {limit: {default: 2, s1: 1, c1: 3, "500": 0}, slow: {default: 20ms, c2: 60ms, s2: 5ms}, goal: {default: 0.9, s1: 50%, c1: 0.75, "200": 0.0}}',
    `slo: {good: '!response.failed', objective: ${objective}}`,
    `variables: {seen: '${variable.cel}', tail: '${quantile.text}', twice: 'variables.seen && variables.tail > d("0ms")'}`,
  ];
  const limit = (key: unknown): number => ({ s1: 1, c1: 3, '500': 0 })[String(key)] ?? 2;
  const slow = (key: unknown): number => ({ c2: 60_000, s2: 5_000 })[String(key)] ?? 20_000;
  const goal = (key: unknown): number => (objective === 'params.goal' ? (goals[String(key)] ?? 0.9) : objective === '90%' ? 0.9 : 0.75);
  const count: OracleAggregate = { text: 'count()', name: 'count', type: 'int' };
  const more = (r: Random): Part => {
    const shape = r.below(12);
    if (shape < 4) return comparison(r, { siblings: false }, ofSet(r, r.pick(sets)));
    if (shape < 6 && base.names.length > 0) return comparison(r, { siblings: false }, ofSiblings(r, sets));
    if (shape < 8) return comparison(r, { siblings: false }, ofPast(r, sets, base));
    if (shape === 8) {
      const windowMs = r.pick([1_000, 3_000]);
      const burn: OracleAggregate = { text: `burn_rate("${windowMs}ms")`, name: 'burn', type: 'double', of: 'bool', read: good, window: windowMs, objective: goal }; // prettier-ignore
      return comparison(r, { siblings: false }, burn);
    }
    if (shape === 9) {
      const byKey = r.chance(0.5);
      const text = `firing("${other.name}"${byKey ? ', key' : ''})`;
      return comparison(r, { siblings: false }, { text, name: 'firing', type: 'bool', firing: { rule: other.rule, byKey } });
    }
    if (shape === 10)
      return variable.aggregates.length > 0 && r.chance(0.5) ? { ...variable, cel: 'variables.seen' } : twice(variable, quantile);
    return r.pick([
      { cel: 'count() > params.limit', aggregates: [count], judge: (see, { key }) => above(see(count), limit(key[0])) },
      { cel: 'p90(response.duration) >= params.slow', aggregates: [quantile], judge: (see, { key }) => (see(quantile) === undefined ? undefined : Number(see(quantile)) >= slow(key[0])) }, // prettier-ignore
      { cel: 'variables.tail > d("20ms")', aggregates: [quantile], judge: (see) => above(see(quantile), 20_000) },
    ] satisfies readonly Part[]);
  };
  return { lines, more };
}

const above = (x: unknown, limit: number): boolean | undefined => (x === undefined ? undefined : Number(x) > limit);

const twice = (variable: Part, quantile: OracleAggregate): Part => ({
  cel: 'variables.twice',
  aggregates: [...variable.aggregates, quantile],
  judge: (see, of) => {
    const [x, y] = [variable.judge(see, of), above(see(quantile), 0)];
    if (x === false || y === false) return false;
    return x === undefined || y === undefined ? undefined : true;
  },
});

function setOf(random: Random, name: string, base: Base): Set {
  const stream = random.chance(0.2) ? 'flow' : 'rpc';
  const parts: string[] = [];
  if (stream === 'flow') parts.push('over: flow');
  const flowWheres = wheres.filter(([cel]) => cel === null || /^(destination|reporter|has\(reporter)/.test(cel));
  const [cel, where, namesReporter = false] = random.pick(stream === 'flow' ? flowWheres : wheres);
  const isDefault = stream === 'rpc' && cel === null;
  if (!isDefault) parts.push(`where: '${cel ?? 'true'}'`);
  const all = base.names.map((_, i) => i);
  const columns = random.chance(0.4) ? all : all.filter(() => random.chance(0.5));
  const other = random.chance(0.25) ? columns.find((i) => /^destination|svc/.test(base.names[i] ?? '')) : undefined;
  const by = columns.map((i) => (i === other ? attribute('source.service') : (base.by[i] ?? attribute('')))).map((read, i) => (stream === 'flow' && !isFlow(base.names[columns[i] ?? 0] ?? '') ? attribute(flowOf(base, columns[i] ?? 0)) : read)); // prettier-ignore
  const celOf = (i: number): string => (i === other ? 'source.service' : stream === 'flow' && !isFlow(base.names[i] ?? '') ? flowCel(base, i) : ownCel(base.names[i] ?? '')); // prettier-ignore
  if (columns.length < all.length || other !== undefined || stream === 'flow') parts.push(columns.length === 0 ? 'by: []' : `by: {${columns.map((i) => `${base.names[i]}: '${celOf(i)}'`).join(', ')}}`); // prettier-ignore
  const window = random.chance(0.5) ? base.window : random.pick([500, 2_000, 3_500]);
  if (window !== base.window) parts.push(`window: ${window}ms`);
  const offset = random.pick([0, 0, 1_000, 2_500, 6_000, 333]);
  if (offset > 0) parts.push(`offset: ${offset}ms`);
  const ownMinimum = random.chance(0.5) ? { count: random.pick([1, 2, 4]), until: 1 } : null;
  if (ownMinimum !== null) parts.push(`minimum: {count: ${ownMinimum.count}, until: 1}`);
  const set: OracleSet = {
    stream,
    where: isDefault ? base.where : where,
    namesReporter: isDefault ? base.namesReporter : namesReporter,
    by,
    columns,
    window,
    offset,
    minimum: ownMinimum ?? base.minimum,
  };
  return { name, line: `${name}: {${parts.join(', ')}}`, set };
}

/** Columns that a flow has too; another is read from something of its type that it has. */
const isFlow = (name: string): boolean => name.startsWith('destination.') || name === 'svc';
const flowOf = ({ names }: Base, i: number): string =>
  names[i] === 'big' ? 'never' : names[i] === 'code' ? 'never' : 'destination.service';
const flowCel = ({ names }: Base, i: number): string =>
  names[i] === 'big' ? 'flow.failed' : names[i] === 'code' ? 'source.port' : 'destination.service';
const ownCel = (name: string): string => ({ code: 'response.code', svc: 'destination.service', big: 'request.size > 100' })[name] ?? name;

function ofSet(random: Random, { name, set }: Set): OracleAggregate {
  const a = set.stream === 'rpc' ? plain(random) : random.pick(flowAggregates);
  return { ...a, text: `${name}.${a.text}`, set };
}

const flowAggregates: readonly OracleAggregate[] = [
  { text: 'count()', name: 'count', type: 'int' },
  { text: 'rate("2s")', name: 'rate', type: 'double', window: 2_000 },
  { text: 'absent()', name: 'absent', type: 'bool' },
  { text: 'distinct(source.service)', name: 'distinct', type: 'int', of: 'string', read: attribute('source.service') },
];

/** One that is no bool, known exactly. */
function exact(random: Random, sets: readonly Set[]): OracleAggregate {
  for (;;) {
    const a = random.chance(0.4) ? ofSet(random, random.pick(sets)) : plain(random);
    if (a.type !== 'bool' && a.name !== 'quantile' && a.of !== 'double' && a.name !== 'stddev') return a;
  }
}

function ofSiblings(random: Random, sets: readonly Set[]): OracleAggregate {
  const name = random.pick(['peers', 'share', 'rank']);
  const inner = exact(random, sets);
  const type = name === 'rank' ? 'int' : name === 'peers' && inner.type === 'duration' ? 'duration' : 'double';
  return { text: `${name}(${inner.text})`, name, type, inner };
}

function ofPast(random: Random, sets: readonly Set[], base: Base): OracleAggregate {
  const name = random.pick(['baseline', 'zscore']);
  const inner = exact(random, sets);
  const span = (inner.window ?? inner.set?.window ?? base.window) * random.pick([3, 4, 7]) + random.pick([0, 100]);
  const type = name === 'baseline' && inner.type === 'duration' ? 'duration' : 'double';
  return { text: `${name}(${inner.text}, "${span}ms")`, name, type, inner, span };
}
