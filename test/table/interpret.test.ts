import { describe, expect, test } from 'vitest';
import type { Decision, Outcome } from '../../src/model/decision.ts';
import type { Facts } from '../../src/model/facts.ts';
import { interpret, interpreter } from '../../src/model/interpret.ts';
import { settle, tagsOf, type Draws } from '../../src/model/settle.ts';
import type { Action, Entry, Match } from '../../src/model/table.ts';
import { entryOf, instanceOf, inventoryOf } from './make.ts';
import { randomOf } from './random.ts';

const checkout = inventoryOf(
  instanceOf('checkout', 'c1'),
  instanceOf('checkout', 'c2', { zone: 'z2' }),
  instanceOf('checkout', 'c3', { zone: 'z2' }),
  instanceOf('checkout', 'd1', { version: 'v2' }),
  instanceOf('checkout', 'gone', { ready: false }),
  instanceOf('cache', 'k1'),
  instanceOf('cache', 'k2'),
);
const facts: Facts = {
  source: { service: 'gateway' },
  destination: { service: 'checkout' },
  request: { method: 'GET', path: '/cart', attempt: 1, headers: new Map([['x-user', 'ann']]) },
};
const toCheckout: Match = { 'destination.service': [{ in: ['checkout'] }] };
const deny = (ppm: number, status = 403): Action => ({ kind: 'deny', ppm, status, grpcStatus: 7 });
const avoid = (instance: string, ppm = 990_000, floorPpm = 0): Action => ({
  kind: 'avoid',
  on: 'instance',
  value: instance,
  ppm,
  floorPpm,
});
const split = (
  ppm: Readonly<Record<string, number>>,
  on: 'version' | 'zone' | 'service' = 'version',
  sticky: string | null = null,
): Action => ({ kind: 'split', on, ppm, sticky });
const draws = (part: number, pick = 0, token = true): Draws => ({ part: () => part, pick, token: () => token });

const decide = (...entries: readonly Entry[]): Decision => interpret(entries, checkout, facts);
const weights = ({ steer }: Decision): Readonly<Record<string, number>> => {
  const total = steer.choices.reduce((sum, { weight }) => sum + Number(weight), 0);
  return Object.fromEntries(
    steer.choices.map(({ instance, weight }) => [instance.instance, Math.round((Number(weight) / total) * 1e6) / 1e4]),
  );
};
const reached = (outcome: Outcome): string | null => (outcome.kind === 'forwarded' ? (outcome.instance?.instance ?? null) : outcome.kind);

describe('no entry', () => {
  test('allowed, unlimited, equal weights over ready instances, unedited, no tag', () => {
    const decision = decide();
    expect(decision).toMatchObject({
      admit: [],
      limits: [],
      mirrors: [],
      edits: { set: {}, remove: [], dscp: null },
      steer: { panic: false },
    });
    expect(weights(decision)).toEqual({ c1: 25, c2: 25, c3: 25, d1: 25 });
    expect(tagsOf(settle(decision, draws(0.5)))).toEqual([]);
  });
  test('a service without ready instances is unavailable; without a service it goes through', () => {
    expect(settle(interpret([], checkout, { ...facts, destination: { service: 'nobody' } }), draws(0))).toMatchObject({
      kind: 'unavailable',
      status: 503,
    });
    expect(settle(interpret([], checkout, { source: {}, destination: {} }), draws(0))).toMatchObject({ kind: 'forwarded', instance: null });
  });
});

describe('admit: the first match by priority decides', () => {
  test('an allow above a deny lets in, a deny above an allow does not', () => {
    const [low, high] = [
      { rule: 'low', priority: 1 },
      { rule: 'high', priority: 2 },
    ];
    expect(settle(decide(entryOf({}, deny(1_000_000), low), entryOf({}, { kind: 'allow' }, high)), draws(0))).toMatchObject({
      kind: 'forwarded',
      applied: [{ tag: 'high@1' }],
    });
    expect(settle(decide(entryOf({}, { kind: 'allow' }, low), entryOf({}, deny(1_000_000), high)), draws(0))).toMatchObject({
      kind: 'denied',
      status: 403,
      applied: [{ tag: 'high@1' }],
    });
  });
  test('a deny of 30 % that is not drawn goes on to the next entry', () => {
    const decision = decide(
      entryOf({}, deny(300_000, 429), { rule: 'some', priority: 2 }),
      entryOf({}, deny(1_000_000), { rule: 'all', priority: 1 }),
    );
    expect(settle(decision, draws(0.299999))).toMatchObject({ kind: 'denied', status: 429 });
    expect(settle(decision, draws(0.3))).toMatchObject({ kind: 'denied', status: 403, applied: [{ tag: 'all@1' }] });
  });
  test('an entry that does not match, or has ended, has no say', () => {
    const other = entryOf({ 'destination.service': [{ in: ['cart'] }] }, deny(1_000_000));
    const ended = entryOf({}, deny(1_000_000), { until: 1_000 });
    expect(reached(settle(interpret([other, ended], checkout, facts, 1_000), draws(0)))).toBe('c1');
    expect(reached(settle(interpret([ended], checkout, facts, 999.9), draws(0)))).toBe('denied');
    expect(reached(settle(interpret([ended], checkout, facts), draws(0)))).toBe('denied');
  });
  test('alternatives of one action are one draw', () => {
    const both = [
      entryOf({ 'request.method': [{ in: ['GET'] }] }, deny(500_000)),
      entryOf({ 'request.path': [{ prefix: '/' }] }, deny(500_000)),
    ];
    expect(decide(...both).admit).toHaveLength(1);
    const owners = both.map((entry, i) => entryOf(entry.match, entry.action, { rule: `r${i}` }));
    expect(decide(...owners).admit).toHaveLength(2);
  });
  test('respond answers', () => {
    const body: Action = { kind: 'respond', status: 200, body: 'sorry', headers: { 'retry-after': '5' } };
    expect(settle(decide(entryOf({}, body)), draws(0))).toMatchObject({ kind: 'responded', status: 200, body: 'sorry' });
  });
  test('the owner name never decides between equal priorities', () => {
    const first = (a: string, b: string): string | undefined =>
      decide(entryOf({}, deny(1_000_000, 403), { rule: a }), entryOf({}, deny(1_000_000, 503), { rule: b })).admit[0]?.action.kind ===
      'deny'
        ? JSON.stringify(
            decide(entryOf({}, deny(1_000_000, 403), { rule: a }), entryOf({}, deny(1_000_000, 503), { rule: b })).admit[0]?.action,
          )
        : undefined;
    for (const name of ['b', 'c', 'd', 'e', 'f', 'g']) expect(first('a', name)).toBe(first(name, 'a'));
  });
});

describe('police: every matching limit applies, each needs a token', () => {
  const limit = (rateMilli: number, per: readonly string[] = []): Action => ({
    kind: 'limit',
    rateMilli,
    burst: 1,
    unit: 'requests',
    per,
    scope: 'local',
  });
  test('two limits are two tokens; two alternatives of one limit are one', () => {
    expect(decide(entryOf({}, limit(1), { rule: 'a' }), entryOf({}, limit(2), { rule: 'b' })).limits).toHaveLength(2);
    expect(decide(entryOf({}, limit(1)), entryOf(toCheckout, limit(1))).limits).toHaveLength(1);
  });
  test('without a token it is refused with 429, and every limit was asked', () => {
    const asked: string[] = [];
    const decision = decide(entryOf({}, limit(1), { rule: 'a' }), entryOf({}, limit(2), { rule: 'b' }));
    const outcome = settle(decision, { part: () => 0, pick: 0, token: ({ tag }) => asked.push(tag) > 1 });
    expect(outcome).toMatchObject({ kind: 'limited', status: 429, grpcStatus: 8 });
    expect(asked.sort()).toEqual(['a@1', 'b@1']);
    expect(tagsOf(outcome)).toEqual(['a@1', 'b@1']);
  });
  test('a bucket for each value of per; absent is a value', () => {
    const table = [entryOf({}, limit(1, ['request.headers["x-user"]']))];
    const bucket = (headers: ReadonlyMap<string, string>): string | undefined =>
      interpret(table, checkout, { ...facts, request: { headers } }).limits[0]?.bucket;
    const [ann, bob, none] = [bucket(new Map([['x-user', 'ann']])), bucket(new Map([['x-user', 'bob']])), bucket(new Map())];
    expect(new Set([ann, bob, none]).size).toBe(3);
  });
});

describe('steer: the first matching split or route picks', () => {
  test('a share of a group is divided among its ready instances', () => {
    expect(weights(decide(entryOf(toCheckout, split({ v1: 900_000, v2: 100_000 }))))).toEqual({ c1: 30, c2: 30, c3: 30, d1: 10 });
    expect(weights(decide(entryOf(toCheckout, split({ z1: 500_000, z2: 500_000 }, 'zone'))))).toEqual({ c1: 25, c2: 25, c3: 25, d1: 25 });
  });
  test('what an empty group cannot take falls to the others in proportion; all empty is unavailable', () => {
    expect(weights(decide(entryOf(toCheckout, split({ v1: 300_000, v2: 100_000, v9: 600_000 }))))).toEqual({
      c1: 25,
      c2: 25,
      c3: 25,
      d1: 25,
    });
    expect(settle(decide(entryOf(toCheckout, split({ v1: 0, v9: 1_000_000 }))), draws(0))).toMatchObject({
      kind: 'unavailable',
      status: 503,
      grpcStatus: 14,
    });
  });
  test('only the first by priority picks, route or split', () => {
    const decision = decide(
      entryOf(toCheckout, { kind: 'route', to: 'cache' }, { rule: 'high', priority: 2 }),
      entryOf(toCheckout, split({ v2: 1_000_000 }), { rule: 'low', priority: 1 }),
    );
    expect(weights(decision)).toEqual({ k1: 50, k2: 50 });
    expect(tagsOf(settle(decision, draws(0)))).toEqual(['high@1']);
  });
  test('a split on service: each service keeps its share, its instances are balanced', () => {
    expect(weights(decide(entryOf(toCheckout, split({ checkout: 200_000, cache: 800_000 }, 'service'))))).toEqual({
      k1: 40,
      k2: 40,
      c1: 5,
      c2: 5,
      c3: 5,
      d1: 5,
    });
    expect(weights(decide(entryOf(toCheckout, split({ nobody: 950_000, cache: 50_000 }, 'service'))))).toEqual({ k1: 50, k2: 50 });
  });
  test('sticky: the attribute decides the group, the draw only the instance', () => {
    const table = [entryOf(toCheckout, split({ v1: 500_000, v2: 500_000 }, 'version', 'request.headers["x-user"]'))];
    const counts = { v1: 0, v2: 0 };
    for (let user = 0; user < 400; user++) {
      const about = { ...facts, request: { headers: new Map([['x-user', `u${user}`]]) } };
      const versions = [0, 0.4, 0.99].map((part) => {
        const outcome = settle(interpret(table, checkout, about), draws(part, part));
        return outcome.kind === 'forwarded' && outcome.instance?.version === 'v2' ? 'v2' : 'v1';
      });
      expect(new Set(versions).size).toBe(1);
      counts[versions[0] ?? 'v1']++;
    }
    expect(Math.min(counts.v1, counts.v2)).toBeGreaterThan(150);
  });
});

describe('then every matching avoid is subtracted, the floor last', () => {
  test('an avoided instance keeps its trickle', () => {
    expect(weights(decide(entryOf(toCheckout, avoid('c1'))))).toEqual({ c1: 0.3322, c2: 33.2226, c3: 33.2226, d1: 33.2226 });
    expect(tagsOf(settle(decide(entryOf(toCheckout, avoid('c1'))), draws(0, 0.9)))).toEqual(['r@1']);
  });
  test('two avoids of one instance both take', () => {
    const decision = decide(
      entryOf(toCheckout, avoid('c1', 500_000), { rule: 'a' }),
      entryOf(toCheckout, avoid('c1', 500_000), { rule: 'b' }),
    );
    expect(decision.steer.choices.map(({ weight }) => weight)).toEqual([1n, 4n, 4n, 4n]);
  });
  test('alternatives of one avoid take once', () => {
    const decision = decide(
      entryOf(toCheckout, avoid('c1', 500_000)),
      entryOf({ 'request.method': [{ in: ['GET'] }] }, avoid('c1', 500_000)),
    );
    expect(decision.steer.choices.map(({ weight }) => weight)).toEqual([1n, 2n, 2n, 2n]);
  });
  test('after a split', () => {
    const decision = decide(
      entryOf(toCheckout, split({ v1: 900_000, v2: 100_000 })),
      entryOf(toCheckout, avoid('c1', 1_000_000), { rule: 'a' }),
    );
    expect(weights(decision)).toEqual({ c1: 0, c2: 42.8571, c3: 42.8571, d1: 14.2857 });
  });
  test('fewer than the floor would stay: avoids are void, and it says panic', () => {
    const [one, two] = ['c1', 'c2'].map((name) => entryOf(toCheckout, avoid(name, 990_000, 600_000), { rule: name }));
    expect(weights(decide(...(one === undefined ? [] : [one])))).toMatchObject({ c1: 0.3322 });
    const decision = decide(...[one, two].flatMap((entry) => (entry === undefined ? [] : [entry])));
    expect(decision.steer).toMatchObject({ panic: true, avoids: [], voided: [{ tag: 'c1@1' }, { tag: 'c2@1' }] });
    expect(weights(decision)).toEqual({ c1: 25, c2: 25, c3: 25, d1: 25 });
    expect(tagsOf(settle(decision, draws(0)))).toEqual([]);
  });
  test('exactly the floor stays in effect', () => {
    const both = ['c1', 'c2'].map((name) => entryOf(toCheckout, avoid(name, 990_000, 500_000), { rule: name }));
    expect(decide(...both).steer).toMatchObject({ panic: false, avoids: [{}, {}] });
  });
  test('nothing left is panic as well', () => {
    const all = entryOf(toCheckout, { kind: 'avoid', on: 'version', value: 'v2', ppm: 1_000_000, floorPpm: 0 }, { rule: 'a' });
    const decision = decide(entryOf(toCheckout, split({ v2: 1_000_000 })), all);
    expect(decision.steer.panic).toBe(true);
    expect(weights(decision)).toEqual({ c1: 0, c2: 0, c3: 0, d1: 100 });
  });
  test('an avoid speaks of the service that is really asked', () => {
    const fallback = entryOf(toCheckout, { kind: 'route', to: 'cache' });
    const onCache = entryOf({ 'destination.service': [{ in: ['cache'] }] }, avoid('k1', 1_000_000), { rule: 'a' });
    expect(weights(decide(fallback, onCache))).toEqual({ k1: 0, k2: 100 });
    const zone: Action = { kind: 'avoid', on: 'zone', value: 'z1', ppm: 1_000_000, floorPpm: 0 };
    expect(weights(decide(fallback, entryOf(toCheckout, zone, { rule: 'a' })))).toEqual({ k1: 50, k2: 50 });
  });
});

describe('mirror and edit', () => {
  test('every matching mirror runs once', () => {
    const mirror = (ppm: number): Action => ({ kind: 'mirror', to: 'cache', ppm });
    const decision = decide(
      entryOf({}, mirror(500_000), { rule: 'a' }),
      entryOf(toCheckout, mirror(500_000), { rule: 'a' }),
      entryOf({}, mirror(1_000_000), { rule: 'b' }),
    );
    expect(settle(decision, draws(0.4))).toMatchObject({ mirrors: ['cache', 'cache'] });
    expect(settle(decision, draws(0.5))).toMatchObject({ mirrors: ['cache'] });
  });
  test('every edit applies; for one header or dscp the highest priority', () => {
    const decision = decide(
      entryOf({}, { kind: 'set', set: { 'X-A': 'high' }, remove: [], dscp: null }, { rule: 'high', priority: 3 }),
      entryOf({}, { kind: 'set', set: { 'x-a': 'low', 'x-b': '1' }, remove: ['x-c'], dscp: 10 }, { rule: 'mid', priority: 2 }),
      entryOf({}, { kind: 'set', set: { 'x-c': 'late' }, remove: [], dscp: 20 }, { rule: 'none', priority: 1 }),
    );
    expect(decision.edits).toMatchObject({ set: { 'x-a': 'high', 'x-b': '1' }, remove: ['x-c'], dscp: 10 });
    expect(tagsOf(settle(decision, draws(0)))).toEqual(['high@1', 'mid@1']);
  });
});

test('over many draws each instance gets just its weight', () => {
  const run = interpreter(
    [entryOf(toCheckout, split({ v1: 700_000, v2: 300_000 })), entryOf(toCheckout, avoid('c1', 900_000), { rule: 'a' })],
    checkout,
  );
  const decision = run(facts);
  const want = weights(decision);
  const random = randomOf(7);
  const counts = new Map<string, number>();
  const total = 40_000;
  for (let i = 0; i < total; i++) {
    const name = reached(settle(decision, { part: () => random.unit(), pick: random.unit() })) ?? '';
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  for (const [name, percent] of Object.entries(want)) expect(Math.abs(((counts.get(name) ?? 0) / total) * 100 - percent)).toBeLessThan(1);
});
