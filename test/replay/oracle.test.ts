import { describe, expect, test } from 'vitest';
import type { CompiledRule } from '../../src/core/rule/types.ts';
import { formatChange, replay } from '../../src/core/replay.ts';
import { compiled } from './compiled.ts';
import { oracle } from './oracle.ts';
import type { OracleChange, OracleRule, Plant, Row } from './oracle.ts';
import { randomGivenPair } from './given.ts';
import { lineOf, randomPair, randomRows, TooNear } from './random.ts';
import type { Pair } from './random.ts';
import { generator } from './seeded.ts';

/** Each rule meets several streams: 2,100 pairs in all; the soak asks for more. */
const parts = 7;
const rulesPerPart = Number(process.env['FLYBALL_RULES'] ?? 700) / parts;
const streamsPerRule = 3;
const firstSeed = Number(process.env['FLYBALL_SEED'] ?? 1);
const seeds = Array.from({ length: parts * rulesPerPart }, (_, i) => firstSeed + i);

type Printed = {
  readonly time: string;
  readonly key: Readonly<Record<string, string | number | boolean>>;
  readonly from: string;
  readonly to: string;
  readonly verdict: string;
  readonly values: Readonly<Record<string, string | number | boolean | null>>;
};

function printed(rules: readonly CompiledRule[], rows: readonly Row[]): readonly Printed[] {
  const changes: Printed[] = [];
  replay({ rules, lines: rows.map(lineOf) }, (change) => {
    if (change.rule === 'r') changes.push(JSON.parse(formatChange(change)) as Printed);
  });
  return changes;
}

/** Where judge and oracle differ first, as text; null: they agree. */
function difference(got: readonly Printed[], expected: readonly OracleChange[]): string | null {
  for (let i = 0; i < Math.max(got.length, expected.length); i++) {
    const [g, e] = [got[i], expected[i]];
    if (g === undefined || e === undefined || !agree(g, e))
      return `change ${i}:\n  judge  ${JSON.stringify(g)}\n  oracle ${JSON.stringify(e && { ...e, time: new Date(e.time).toISOString() })}`;
  }
  return null;
}

function agree(g: Printed, e: OracleChange): boolean {
  const [names, values] = [Object.keys(g.values), Object.values(g.values)];
  return (
    Date.parse(g.time) === e.time &&
    JSON.stringify(Object.values(g.key)) === JSON.stringify(e.key) &&
    g.from === e.from &&
    g.to === e.to &&
    g.verdict === e.verdict &&
    JSON.stringify(names) === JSON.stringify(e.values.map(([name]) => name)) &&
    e.values.every(([text, value], i) => near(values[i] ?? null, value, isQuantile(text) ? 0.01 : isScore(text) ? 1e-6 : 1e-9))
  );
}

/** Doubles agree within 1e-9 (settled point 17), quantiles within 1 % (section 3.6); durations are whole nanoseconds. */
function near(a: string | number | boolean | null, b: string | number | boolean | null, share: number): boolean {
  if (typeof a !== 'number' || typeof b !== 'number') return a === b;
  return Math.abs(a - b) <= Math.max(1e-9, share * Math.max(Math.abs(a), Math.abs(b)));
}

const isQuantile = (text: string): boolean => /^(?:peers\()?(?:\w+\.)?(?:p\d\d|quantile)\(/.test(text);

/** Of what is made of means of durations, which are whole nanoseconds, fewer digits agree. */
const isScore = (text: string): boolean => /^(?:zscore|share)\(/.test(text);

/** Pairs of rule and stream that were compared. */
const met = new Set<string>();

/** null: somewhere a quantile is so near to what it is compared with that the text leaves the answer open. */
function expectedOf(rule: OracleRule, rows: readonly Row[]): readonly OracleChange[] | null {
  try {
    return oracle(rule, rows);
  } catch (error) {
    if (!(error instanceof TooNear)) throw error;
    return null;
  }
}

type Make = {
  readonly pair: (random: ReturnType<typeof generator>) => Pair & { readonly others?: readonly Pair[] };
  readonly flows?: number;
};
const plainPairs: Make = { pair: randomPair };
/** With sets, params, variables, objectives, siblings, the past and other rules. */
const givenPairs: Make = { pair: randomGivenPair, flows: 0.2 };

function firstDifference(
  seed: number,
  plant: (rule: OracleRule) => OracleRule = (rule) => rule,
  { pair, flows }: Make = plainPairs,
): string | null {
  const random = generator(seed);
  const { text, rule, others = [] } = pair(random);
  const judged = [text, ...others.map((other) => other.text)].map(compiled);
  for (let stream = 0; stream < streamsPerRule; stream++) {
    const rows = randomRows(random, flows);
    const expected = expectedOf(plant(rule), rows);
    if (expected === null) continue;
    met.add(`${seed} ${stream}`);
    const found = difference(printed(judged, rows), expected);
    if (found !== null) return `seed ${seed}, stream ${stream}\n${[text, ...others.map((other) => other.text)].join('\n---\n')}\n${found}`;
  }
  return null;
}

describe('the judge says what the text says', { timeout: 300_000 }, () => {
  test.each(Array.from({ length: parts }, (_, part) => part))('part %i of random rules and streams', (part) => {
    met.clear();
    for (const seed of seeds.slice(part * rulesPerPart, (part + 1) * rulesPerPart)) expect(firstDifference(seed)).toBeNull();
    expect(met.size).toBeGreaterThan(0.9 * rulesPerPart * streamsPerRule);
    if (process.env['FLYBALL_SEED'] !== undefined) process.stdout.write(`pairs ${met.size}\n`);
  });
});

describe('the judge says what the text says of what a rule is given', { timeout: 300_000 }, () => {
  test.each(Array.from({ length: parts }, (_, part) => part))('part %i of random rules and streams', (part) => {
    met.clear();
    for (const seed of seeds.slice(part * rulesPerPart, (part + 1) * rulesPerPart))
      expect(firstDifference(seed, undefined, givenPairs)).toBeNull();
    expect(met.size).toBeGreaterThan(0.9 * rulesPerPart * streamsPerRule);
    if (process.env['FLYBALL_SEED'] !== undefined) process.stdout.write(`pairs ${met.size}\n`);
  });
});

describe('a planted misreading is found', { timeout: 300_000 }, () => {
  const planted: Readonly<Record<string, (rule: OracleRule) => OracleRule>> = {
    'a window without its start': (rule) => ({ ...rule, plant: 'open start' }),
    'a line added before the instant of its time': (rule) => ({ ...rule, plant: 'line before instant' }),
    'a window one raster step longer': (rule) => ({ ...rule, window: rule.window + 50 }),
    '`for` counted from the instant after': (rule) => ({ ...rule, for: rule.for === 0 ? 0 : rule.for + rule.every }),
    '`keep_firing_for` counted from the instant after': (rule) => ({ ...rule, keep: rule.keep === 0 ? 0 : rule.keep + rule.every }),
    'minimum.count for until': (rule) => ({ ...rule, minimum: { ...rule.minimum, until: rule.minimum.count } }),
    'one peer too few': (rule) => ({ ...rule, minimum: { ...rule.minimum, peers: rule.minimum.peers - 1 } }),
    'a lease that does not double': (rule) => ({ ...rule, leaseMax: rule.lease }),
    'a longer lease': (rule) => ({ ...rule, lease: rule.lease + rule.every, leaseMax: rule.leaseMax + rule.every }),
    'no cooldown': (rule) => ({ ...rule, cooldown: 0 }),
    'no warmup': (rule) => ({ ...rule, warmup: false }),
    'no expiry': (rule) => ({ ...rule, expires: null }),
    'until forgotten': (rule) => ({ ...rule, until: null }),
    'every reporter seen': (rule) => ({ ...rule, namesReporter: true }),
    'an erring where taken': (rule) => ({ ...rule, where: (at) => rule.where(at) ?? true }),
  };
  test.each(Object.entries(planted))('%s', (_name, plant) => {
    expect(seeds.find((seed) => firstDifference(seed, plant) !== null)).toBeDefined();
  });
});

describe('a planted misreading of what a rule is given is found', { timeout: 300_000 }, () => {
  const plants: readonly Plant[] = [
    'no offset',
    'what fired counts',
    'a past of one window more',
    'two windows are a past',
    'share of the others',
    'rank after equals',
    'other rule at the same instant',
  ];
  test.each(plants)('%s', (plant) => {
    expect(seeds.find((seed) => firstDifference(seed, (rule) => ({ ...rule, plant }), givenPairs) !== null)).toBeDefined();
  });
  test('a set judged by the minimum of its rule', () => {
    const all = (rule: OracleRule): OracleRule => ({ ...rule, minimum: { ...rule.minimum, count: 1, until: 1 } });
    expect(seeds.find((seed) => firstDifference(seed, all, givenPairs) !== null)).toBeDefined();
  });
});
