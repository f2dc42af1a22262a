import { describe, expect, test } from 'vitest';
import { emptyGuardState, plan, type PlanInput } from '../../src/core/plan/plan.ts';
import { entriesOf, entryIdOf } from '../../src/core/plan/entries.ts';
import { sharesOf } from '../../src/core/plan/shares.ts';
import type { Intent } from '../../src/core/decide/types.ts';
import type { CompiledRule } from '../../src/core/rule/types.ts';
import { canon } from '../../src/model/canon.ts';
import type { Table } from '../../src/model/table.ts';
import { randomMatch } from './generate.ts';
import {
  allow,
  avoid,
  deny,
  instanceOf,
  intentOf,
  inventoryOf,
  limit,
  route,
  ruleOf,
  set,
  split,
  targetOf,
  type ActionParts,
  type RuleParts,
} from './make.ts';
import { randomOf, type Random } from './random.ts';

const inventory = inventoryOf(
  ...['c1', 'c2', 'c3'].map((name) => instanceOf('checkout', name)),
  instanceOf('checkout', 'd1', { version: 'v2' }),
  instanceOf('cart', 'a1'),
  instanceOf('cart', 'a2'),
);
const targets = [targetOf('sidecar-a', ['checkout', 'cart']), targetOf('sidecar-b', ['checkout'])];
const onCheckout = 'destination.service == "checkout"';

type Case = { readonly rule: CompiledRule; readonly intent: Intent };
const one = (parts: RuleParts, more: Parameters<typeof intentOf>[2] = {}): Case => {
  const rule = ruleOf(parts);
  return { rule, intent: intentOf(rule, parts.actions, more) };
};
const planOf = (cases: readonly Case[], more: Partial<PlanInput> = {}) => {
  const rules = [...new Map(cases.map(({ rule }) => [rule.rule.name, rule])).values()];
  return plan({
    intents: cases.map(({ intent }) => intent),
    rules,
    inventory,
    targets,
    inForce: new Map(),
    nowMs: 0,
    guardState: emptyGuardState,
    ...more,
  });
};
const actionsAt = (tables: ReadonlyMap<string, Table>, target = 'sidecar-a'): readonly string[] =>
  (tables.get(target) ?? []).map(({ owner, action }) => `${owner.rule} ${action.kind}`).sort();
const avoiding = (name: string, instance: string, more: Partial<RuleParts> = {}, intent: Parameters<typeof intentOf>[2] = {}): Case =>
  one(
    { name, actions: [{ match: onCheckout, action: avoid(), values: { value: instance, percent: 99 } }], ...more },
    { key: { 'destination.instance': instance }, ...intent },
  );

describe('the same intents, in any order, give the same bytes', () => {
  test('2,000 random rule sets, shuffled', () => {
    let entries = 0;
    let refusals = 0;
    for (let seed = 1; seed <= 2_000; seed++) {
      const random = randomOf(seed);
      const cases = Array.from({ length: 1 + random.below(4) }, (_, i) => randomCases(random, `r${i}`)).flat();
      const inForce = random.chance(0.3) ? planOf(cases.filter(() => random.chance(0.5))).tables : new Map<string, Table>();
      const first = planOf(cases, { inForce });
      const second = planOf(random.shuffle(cases), {
        inForce,
        targets: random.shuffle(targets),
        inventory: { instances: random.shuffle(inventory.instances) },
      });
      expect(bytes(second), `seed ${seed}`).toBe(bytes(first));
      for (const table of first.tables.values()) {
        entries += table.length;
        for (const entry of table) expect(entry.id).toBe(entryIdOf(entry));
      }
      refusals += first.refusals.length;
    }
    expect(entries).toBeGreaterThan(4_000);
    expect(refusals).toBeGreaterThan(300);
  }, 120_000);
});

/** One rule with one to three keys. */
function randomCases(random: Random, name: string): readonly Case[] {
  const action = (): ActionParts['action'] =>
    random.pick([
      allow(),
      deny(random.below(101)),
      deny(),
      limit(5),
      avoid(),
      avoid(50),
      route('cart'),
      split({ v1: 1 + random.below(5), v2: 3 }),
      split({ v1: 'rest', v2: 10 }),
      set({ 'x-a': random.pick(['1', '2']) }),
    ]);
  const actions = Array.from({ length: 1 + random.below(2) }, () => ({
    match: random.chance(0.5) ? onCheckout : randomMatch(random, 1),
    action: action(),
    values: { value: random.pick(['c1', 'c2', 'd1']) },
  }));
  const guard = { floor: random.pick([0, 0.5, 0.6]), keys: 1 + random.below(3) };
  const parts: RuleParts = {
    name,
    actions,
    priority: random.pick([100, 100, 200]),
    guard,
    mode: random.pick(['enforce', 'enforce', 'shadow']),
  };
  const rule = ruleOf(parts);
  return ['x', 'y', 'z'].slice(0, random.pick([1, 1, 2, 3])).map((tenant) => {
    const more = { key: { n: 3n, tenant }, order: random.pick([null, 1, 2]), sinceMs: random.below(2) };
    return { rule, intent: intentOf(rule, actions, more) };
  });
}

const bytes = (result: ReturnType<typeof plan>): string =>
  canon(
    [result, result.shadow].map(({ tables, refusals, losses, placements, contradictions }) => [
      [...tables],
      refusals,
      losses,
      placements,
      contradictions,
    ]),
  );

describe('entries of an intent', () => {
  test('ids do not change with the lease; parts are the index of the action', () => {
    const rule = ruleOf({
      name: 'r',
      actions: [
        { match: `${onCheckout} || source.zone == "z1"`, action: deny() },
        { match: 'true', action: limit(5) },
      ],
    });
    const intent = intentOf(rule, [
      { match: '', action: deny(12.5) },
      { match: '', action: limit(2.5) },
    ]);
    const [now, later] = [entriesOf(intent, rule, 1_000), entriesOf(intent, rule, 2_000)];
    if (!now.ok || !later.ok) throw new Error('entries');
    expect(now.value.map(({ id }) => id)).toEqual(later.value.map(({ id }) => id));
    expect(now.value.map(({ part }) => part)).toEqual([0, 0, 1]);
    expect(now.value[0]).toMatchObject({
      stage: 'admit',
      action: { kind: 'deny', ppm: 125_000 },
      owner: { rule: 'r', revision: 1, key: '{}' },
      until: 1_000,
    });
    expect(now.value[2]).toMatchObject({ action: { kind: 'limit', rateMilli: 2_500, burst: 3 } });
    expect(now.value[0]?.id).toMatch(/^[0-9a-f]{32}$/);
  });
  test.each([
    [
      { v1: 1, v2: 1, v3: 1 },
      { v1: 333_334, v2: 333_333, v3: 333_333 },
    ],
    [
      { v1: 'rest', v2: 0.1 },
      { v1: 999_000, v2: 1_000 },
    ],
    [
      { v1: 100, v2: 0 },
      { v1: 1_000_000, v2: 0 },
    ],
    [
      { a: 5, b: 95 },
      { a: 50_000, b: 950_000 },
    ],
  ] as const)('%j becomes %j', (weights, want) => {
    expect(sharesOf(new Map(Object.entries(weights)))).toEqual(new Map(Object.entries(want)));
  });
  test('shares always sum to a million', () => {
    for (let seed = 1; seed <= 2_000; seed++) {
      const random = randomOf(seed);
      const shares = sharesOf(
        new Map(Array.from({ length: 1 + random.below(7) }, (_, i) => [`v${i}`, random.unit() * 10 ** random.below(6)] as const)),
      );
      expect(typeof shares === 'string' ? 0 : [...shares.values()].reduce((a, b) => a + b, 0), `seed ${seed}`).toBe(1_000_000);
    }
  });
  test.each([
    [split({ v1: 0, v2: 0 }), {}],
    [split({ v1: 'rest', v2: 120 }), {}],
    [split({ v1: 1 }), { 'weights.v1': -1 }],
    [deny(), { percent: 130 }],
    [deny(), { percent: Number.NaN }],
    [avoid(), { value: 3n }],
    [limit(5), { rate: -1 }],
  ])('a number out of range is refused, and said: %j', (action, values) => {
    const { tables, refusals } = planOf([one({ name: 'r', actions: [{ match: onCheckout, action, values }] })]);
    expect(actionsAt(tables)).toEqual([]);
    expect(refusals).toMatchObject([{ rule: 'r', part: 0, guard: 'entry', text: expect.stringContaining('E-ACTION') }]);
  });
  test('a match that no engine takes, or nothing can match, is refused; the rule goes on with the rest', () => {
    const { tables, refusals } = planOf([
      one({
        name: 'r',
        actions: [
          { match: 'size(request.path) > 1', action: deny() },
          { match: 'source.zone == "a" && source.zone == "b"', action: deny() },
          { match: onCheckout, action: allow() },
        ],
      }),
    ]);
    expect(actionsAt(tables)).toEqual(['r allow']);
    expect(refusals.map(({ part, text }) => [part, text.split(' ')[0]])).toEqual([
      [0, 'E-MATCH'],
      [1, 'E-MATCH-NEVER'],
    ]);
  });
});

describe('same stage, same priority, overlapping, contradicting: refused', () => {
  const acting = (name: string, action: ActionParts['action'], more: Partial<RuleParts> & { readonly match?: string } = {}): Case =>
    one({ name, actions: [{ match: more.match ?? onCheckout, action }], ...more });
  test.each([
    ['allow and deny', allow(), deny(), true],
    ['two denies', deny(100, 403), deny(100, 503), false],
    ['two equal allows', allow(), allow(), false],
    ['split and split', split({ v1: 1, v2: 1 }), split({ v1: 9, v2: 1 }), true],
    ['equal splits', split({ v1: 1, v2: 1 }), split({ v1: 50, v2: 50 }), false],
    ['split and route', split({ v1: 1 }), route('cart'), true],
    ['split and avoid', split({ v1: 1, v2: 1 }), avoid(), false],
    ['limits', limit(1), limit(2), false],
    ['one header, two values', set({ 'X-A': '1' }), set({ 'x-a': '2' }), true],
    ['one header, set and removed', set({ 'x-a': '1' }), set({}, ['X-A']), true],
    ['two headers', set({ 'x-a': '1' }), set({ 'x-b': '2' }), false],
    ['two dscp', set({}, [], 1), set({}, [], 2), true],
  ])('%s', (_, a, b, refused) => {
    const cases = [acting('a', a), acting('b', b)].map((one) => ({
      ...one,
      intent: { ...one.intent, actions: one.intent.actions.map((action) => ({ ...action, values: new Map([['value', 'c1']]) })) },
    }));
    const { tables, refusals, contradictions } = planOf(cases);
    expect(actionsAt(tables)).toHaveLength(refused ? 0 : 2);
    expect(refusals.map(({ rule, guard }) => [rule, guard])).toEqual(
      refused
        ? [
            ['a', 'contradiction'],
            ['b', 'contradiction'],
          ]
        : [],
    );
    expect(contradictions).toHaveLength(refused ? 1 : 0);
  });
  test('another priority, stage or scope is no contradiction', () => {
    expect(planOf([acting('a', allow()), acting('b', deny(), { priority: 101 })]).refusals).toEqual([]);
    expect(planOf([acting('a', allow()), acting('b', deny(), { match: 'destination.service == "cart"' })]).refusals).toEqual([]);
  });
  test('a regex that may overlap counts as overlapping', () => {
    const regexes = [
      acting('a', split({ v1: 1 }), { match: 'request.path.matches("^/a")' }),
      acting('b', split({ v2: 1 }), { match: 'request.path.matches("^/b")' }),
    ];
    expect(planOf(regexes).contradictions).toMatchObject([{ overlap: 'maybe' }]);
  });
  test('what is in force stays, the newcomer is refused, whatever their names', () => {
    for (const [old, fresh] of [
      ['a', 'b'],
      ['b', 'a'],
    ] as const) {
      const before = acting(old, allow());
      const { tables, refusals } = planOf([before, acting(fresh, deny())], { inForce: planOf([before]).tables });
      expect(actionsAt(tables)).toEqual([`${old} allow`]);
      expect(refusals).toMatchObject([{ rule: fresh, guard: 'contradiction', text: expect.stringContaining(`contradicts ${old}@1`) }]);
    }
  });
  test('an edited rule keeps its seat against newcomers, but not against what is in force unchanged', () => {
    const [a, b] = [acting('a', allow()), acting('b', deny())];
    const edited = acting('a', allow(), { revision: 2 });
    expect(actionsAt(planOf([edited, b], { inForce: planOf([a]).tables }).tables)).toEqual(['a allow']);
    const moved = acting('a', allow(), { revision: 2 });
    const elsewhere = acting('a', allow(), { match: 'destination.service == "cart"' });
    expect(actionsAt(planOf([moved, b], { inForce: planOf([elsewhere, b]).tables }).tables)).toEqual(['b deny']);
  });
  test('a part that loses to one in force does not take a third with it', () => {
    const third = acting('c', deny(), { match: `${onCheckout} && request.method == "GET"` });
    const second = acting('b', allow(), { match: `${onCheckout} && request.method in ["GET", "PUT"]` });
    const first = acting('a', deny(), { match: `${onCheckout} && request.method == "PUT"` });
    const { tables, refusals } = planOf([first, second, third], { inForce: planOf([first]).tables });
    expect(actionsAt(tables)).toEqual(['a deny', 'c deny']);
    expect(refusals.map(({ rule }) => rule)).toEqual(['b']);
  });
});

describe('guards', () => {
  test('floor: counted over all owners; over it the highest order acts, the rest are recorded', () => {
    const cases = [avoiding('a', 'c1', {}, { order: 1 }), avoiding('b', 'c2', {}, { order: 3 }), avoiding('c', 'c3', {}, { order: 2 })];
    const { tables, refusals } = planOf(cases);
    expect(actionsAt(tables)).toEqual(['b avoid']);
    expect(refusals.map(({ rule, guard }) => [rule, guard])).toEqual([
      ['a', 'floor'],
      ['c', 'floor'],
    ]);
    expect(refusals[0]?.text).toBe('avoiding instance c1 would leave 2 of 4 ready instances of checkout, under the floor of 60%');
  });
  test('floor: exactly at it acts; an instance that two avoid costs once; one that is not ready costs nothing', () => {
    const guard = { floor: 0.5 };
    const cases = [
      avoiding('a', 'c1', { guard }),
      avoiding('b', 'c1', { guard }),
      avoiding('c', 'c2', { guard }),
      avoiding('d', 'gone', { guard }),
    ];
    expect(planOf(cases).refusals).toEqual([]);
    expect(actionsAt(planOf([...cases, avoiding('e', 'c3', { guard })]).tables)).not.toContain('e avoid');
  });
  test('floor: the stricter of two floors holds for both', () => {
    const cases = [
      avoiding('a', 'c1', { guard: { floor: 0.7 } }, { order: 2 }),
      avoiding('b', 'c2', { guard: { floor: 0 } }, { order: 1 }),
    ];
    expect(planOf(cases).refusals).toMatchObject([{ rule: 'b', guard: 'floor' }]);
  });
  test('keys: N per rule, the highest order acts', () => {
    const parts: RuleParts = { name: 'r', actions: [{ match: onCheckout, action: deny(1) }], guard: { keys: 2 } };
    const rule = ruleOf(parts);
    const cases = [3, 1, 2, null].map((order, i) => ({ rule, intent: intentOf(rule, parts.actions, { key: { k: `k${i}` }, order }) }));
    const { tables, refusals } = planOf(cases);
    expect(
      tables
        .get('sidecar-a')
        ?.map(({ owner }) => owner.key)
        .sort(),
    ).toEqual(['{"k":"k0"}', '{"k":"k2"}']);
    expect(refusals.map(({ key, guard }) => [key, guard])).toEqual([
      ['{"k":"k1"}', 'keys'],
      ['{"k":"k3"}', 'keys'],
    ]);
  });

  describe('transitions: 3 in 10 s', () => {
    const guard = { transitions: { count: 3, perNs: 10_000_000_000n } };
    const flapping = avoiding('r', 'c1', { guard });
    /** Fires or not at each second; what is in force after each. */
    const run = (firing: string): { readonly acts: string; readonly told: readonly string[] } => {
      let state = emptyGuardState;
      let inForce: ReadonlyMap<string, Table> = new Map();
      const told: string[] = [];
      const acts = Array.from(firing, (char, i) => {
        const intents = char === '1' ? [flapping.intent] : [];
        const next = plan({ intents, rules: [flapping.rule], inventory, targets, inForce, nowMs: i * 1_000, guardState: state });
        state = next.guardState;
        inForce = next.tables;
        for (const { guard: by, text } of next.refusals) told.push(`${i} ${by} ${text}`);
        return (inForce.get('sidecar-a') ?? []).length > 0 ? '1' : '0';
      });
      return { acts: acts.join(''), told };
    };
    test('within the budget it follows', () => {
      expect(run('0110')).toEqual({ acts: '0110', told: [] });
    });
    test('used up while acting, it goes on acting; a person is told; then the oldest leaves the span', () => {
      const { acts, told } = run('10100000000000');
      expect(acts).toBe('10111111110000');
      expect(told[0]).toContain('3 transitions 3 changes in 10 s are used up: it goes on acting until 1970-01-01T00:00:10.000Z');
      expect(told).toHaveLength(7);
    });
    test('used up while not acting, it does not begin', () => {
      const { acts, told } = run('110001011111111');
      // On at 0, off at 2, on at 5: the third. Off at 6 is over the budget and must wait for 10.
      expect(acts).toBe('110001111111111');
      expect(told).toHaveLength(1);
    });
    test('an edit is a person and is not held', () => {
      const first = plan({
        intents: [flapping.intent],
        rules: [flapping.rule],
        inventory,
        targets,
        inForce: new Map(),
        nowMs: 0,
        guardState: { enforce: [{ rule: 'r', key: flapping.intent.keyText, acting: false, timesMs: [-3, -2], intent: null }], shadow: [] },
      });
      const edited = ruleOf({ name: 'r', actions: [{ match: onCheckout, action: avoid() }], guard, revision: 2 });
      const after = plan({
        intents: [],
        rules: [edited],
        inventory,
        targets,
        inForce: first.tables,
        nowMs: 1,
        guardState: first.guardState,
      });
      expect(actionsAt(first.tables)).toEqual(['r avoid']);
      expect(actionsAt(after.tables)).toEqual([]);
    });
  });
});

describe('placement', () => {
  const kernel = targetOf(
    'kernel',
    ['checkout'],
    { costNs: 100, actions: ['deny', 'limit'], fields: ['source.address', 'destination.service'] },
    'ebpf',
  );
  test('the cheapest kind that can express it whole; the reason is told', () => {
    const { tables, placements } = planOf(
      [
        one({ name: 'flood', actions: [{ match: `${onCheckout} && cidr("10.0.0.0/8").containsIP(source.address)`, action: deny() }] }),
        one({ name: 'path', actions: [{ match: `${onCheckout} && request.path == "/a"`, action: limit(1) }] }),
      ],
      { targets: [...targets, kernel] },
    );
    expect(actionsAt(tables, 'kernel')).toEqual(['flood deny']);
    expect(actionsAt(tables, 'sidecar-b')).toEqual(['path limit']);
    expect(placements).toMatchObject([
      { rule: 'flood', service: 'checkout', kind: 'ebpf', targets: ['kernel'], costNs: 100 },
      { rule: 'path', kind: 'builtin', targets: ['sidecar-a', 'sidecar-b'], text: expect.stringContaining('ebpf has no request.path') },
    ]);
  });
  test('a global limit is divided over the targets that hold it, a local one is not', () => {
    const held = (scope: 'local' | 'global', holders: readonly string[]) => {
      const action = {
        ...limit(10),
        rate: { kind: 'literal', value: 0.005 } as const,
        burst: { kind: 'literal', value: 2 } as const,
        scope,
      };
      const { tables } = planOf([one({ name: 'r', actions: [{ match: onCheckout, action }] })], {
        targets: holders.map((name) => targetOf(name, ['checkout'])),
      });
      return holders.map((name) => (tables.get(name) ?? []).map((entry) => ({ ...entry, isItsOwn: entry.id === entryIdOf(entry) })));
    };
    const numbers = (of: ReturnType<typeof held>) => of.map((table) => table.map(({ action, isItsOwn }) => (action.kind === 'limit' ? [action.rateMilli, action.burst, isItsOwn] : []))); // prettier-ignore
    expect(numbers(held('global', ['a', 'b', 'c']))).toEqual([[[2, 1, true]], [[2, 1, true]], [[1, 1, true]]]);
    expect(numbers(held('global', ['a']))).toEqual([[[5, 2, true]]]);
    expect(numbers(held('local', ['a', 'b']))).toEqual([[[5, 2, true]], [[5, 2, true]]]);
  });
  test('who cannot read a field cannot write it: headers and dscp go where they can be set', () => {
    const loses = (action: ReturnType<typeof set>, fields: readonly string[]) =>
      planOf([one({ name: 'r', actions: [{ match: onCheckout, action }] })], {
        targets: [targetOf('t', ['checkout'], { fields: ['destination.service', ...fields] })],
      }).losses.map(({ text }) => text);
    const headers = set({ 'x-a': 'b' });
    expect(loses(headers, ['request.headers'])).toEqual([]);
    expect(loses(headers, [])).toEqual(['no target of checkout can: builtin has no request.headers']);
    expect(loses(set({}, [], 46), ['request.headers'])).toEqual(['no target of checkout can: builtin has no flow.dscp']);
    expect(loses(set({}, [], 46), ['flow.dscp'])).toEqual([]);
  });
  test('targets: pins the kind', () => {
    const { tables } = planOf([one({ name: 'r', actions: [{ match: onCheckout, action: deny() }], targets: ['builtin'] })], {
      targets: [...targets, kernel],
    });
    expect([actionsAt(tables, 'kernel'), actionsAt(tables)]).toEqual([[], ['r deny']]);
  });
  test('an action is placed where the higher ones that overlap are', () => {
    const high = one({ name: 'high', priority: 200, actions: [{ match: `${onCheckout} && request.path == "/health"`, action: allow() }] });
    const low = one({ name: 'low', actions: [{ match: onCheckout, action: deny() }] });
    expect(actionsAt(planOf([low], { targets: [...targets, kernel] }).tables, 'kernel')).toEqual(['low deny']);
    expect(actionsAt(planOf([high, low], { targets: [...targets, kernel] }).tables, 'kernel')).toEqual([]);
    const pinned = one({ name: 'low', actions: [{ match: onCheckout, action: deny() }], targets: ['ebpf'] });
    const { losses } = planOf([high, pinned], { targets: [...targets, kernel] });
    expect(losses).toMatchObject([{ rule: 'low', service: 'checkout', text: expect.stringContaining('higher priority') }]);
  });
  test.each([
    ['nobody sees the service', 'destination.service == "payments"', deny(), null, 'no enrolled target sees payments'],
    ['nobody can', onCheckout, { ...limit(1), per: ['source.principal'] }, null, 'builtin has no source.principal'],
    ['pinned to a kind that is not there', onCheckout, deny(), ['p4'], "builtin is not among the rule's targets"],
  ] as const)('a reported loss: %s', (_, match, action, pins, text) => {
    const { tables, losses, refusals } = planOf([one({ name: 'r', actions: [{ match, action }], targets: pins })]);
    expect([actionsAt(tables), refusals]).toEqual([[], []]);
    expect(losses).toMatchObject([{ rule: 'r', part: 0, text: expect.stringContaining(text) }]);
    expect(losses[0]?.entries).toHaveLength(1);
  });
  test('a match without a service concerns all that are seen; entries are where they concern', () => {
    const { tables } = planOf([
      one({ name: 'all', actions: [{ match: 'source.zone == "z9"', action: deny() }] }),
      one({ name: 'cart', actions: [{ match: 'destination.service == "cart"', action: deny() }] }),
    ]);
    expect([actionsAt(tables), actionsAt(tables, 'sidecar-b')]).toEqual([['all deny', 'cart deny'], ['all deny']]);
  });
  test('a kind that only partly can is taken last, and what it leaves open is reported', () => {
    const old = targetOf('sidecar-old', ['checkout'], { actions: ['allow'] });
    const { losses } = planOf([one({ name: 'r', actions: [{ match: onCheckout, action: deny() }] })], { targets: [...targets, old] });
    expect(losses).toMatchObject([{ rule: 'r', target: 'sidecar-old', text: 'sidecar-old cannot: no deny' }]);
  });
  test('a full table keeps the higher priority, then what is in force, whole actions only', () => {
    const small = [targetOf('sidecar-a', ['checkout'], { entriesMax: 2 })];
    const two = one({
      name: 'two',
      actions: [{ match: `${onCheckout} && (request.method == "A" || request.path == "/b")`, action: deny() }],
    });
    const high = one({ name: 'high', priority: 200, actions: [{ match: onCheckout, action: limit(1) }] });
    const fits = planOf([two], { targets: small });
    expect(actionsAt(fits.tables)).toEqual(['two deny', 'two deny']);
    const { tables, losses } = planOf([two, high], { targets: small, inForce: fits.tables });
    expect(actionsAt(tables)).toEqual(['high limit']);
    expect(losses).toMatchObject([{ rule: 'two', target: 'sidecar-a', text: 'the table of sidecar-a is full: 2 entries' }]);
    expect(losses[0]?.entries).toHaveLength(2);
  });
});

describe('leases', () => {
  const at = (ends: readonly number[], nowMs: number, inForce: ReadonlyMap<string, Table>) =>
    planOf(
      ends.map((leaseEndMs, i) => one({ name: `r${i}`, actions: [{ match: onCheckout, action: deny() }] }, { leaseEndMs })),
      { nowMs, inForce },
    );
  const untils = (tables: ReadonlyMap<string, Table>): readonly (number | null)[] =>
    [...(tables.get('sidecar-a') ?? [])].sort((a, b) => (a.owner.rule < b.owner.rule ? -1 : 1)).map(({ until }) => until);
  test('an entry keeps its end while more than two thirds are left, then it is renewed', () => {
    const first = at([60_000], 0, new Map());
    expect(untils(first.tables)).toEqual([60_000]);
    expect(untils(at([79_000], 19_000, first.tables).tables)).toEqual([60_000]);
    expect(untils(at([80_000], 20_000, first.tables).tables)).toEqual([80_000]);
  });
  test('what is due soon goes along, what is fresh does not', () => {
    const inForce = planOf(
      [60_000, 65_000, 80_000].map((leaseEndMs, i) =>
        one({ name: `r${i}`, actions: [{ match: onCheckout, action: deny() }] }, { leaseEndMs }),
      ),
    ).tables;
    expect(untils(at([85_000, 85_000, 85_000], 20_000, inForce).tables)).toEqual([85_000, 85_000, 80_000]);
    expect(untils(at([85_000, 85_000, 85_000], 15_000, inForce).tables)).toEqual([60_000, 65_000, 80_000]);
  });
  test('without a known verdict the lease is not renewed; a gone intent is dropped; a standing one has no end', () => {
    const first = at([60_000], 0, new Map());
    expect(untils(at([60_000], 59_000, first.tables).tables)).toEqual([60_000]);
    expect(untils(at([], 59_000, first.tables).tables)).toEqual([]);
    expect(untils(planOf([one({ name: 's', actions: [{ match: onCheckout, action: deny() }] }, { leaseEndMs: null })]).tables)).toEqual([
      null,
    ]);
  });
});

describe('shadow', () => {
  test('is planned and shown, and never in the tables, whatever it contradicts or would use up', () => {
    const enforced = [one({ name: 'real', actions: [{ match: onCheckout, action: allow() }] }), avoiding('slow', 'c1')];
    const shadow = [
      one({
        name: 'draft',
        mode: 'shadow',
        actions: [
          { match: onCheckout, action: deny() },
          { match: onCheckout, action: limit(3) },
        ],
      }),
      avoiding('draft2', 'c2', { mode: 'shadow' }, { order: 99 }),
    ];
    const alone = planOf(enforced);
    const { tables, refusals, contradictions, shadow: shown } = planOf([...shadow, ...enforced]);
    expect(canon([...tables])).toBe(canon([...alone.tables]));
    expect([refusals, contradictions]).toEqual([[], []]);
    expect(actionsAt(shown.tables)).toEqual(['draft limit']);
    expect(shown.refusals.map(({ rule, guard }) => [rule, guard])).toEqual([
      ['draft', 'contradiction'],
      ['draft2', 'floor'],
    ]);
    expect(shown.placements).toMatchObject([{ rule: 'draft', part: 1 }]);
  });
});
