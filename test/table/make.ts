import { entryIdOf } from '../../src/core/plan/entries.ts';
import type { Intent, Key } from '../../src/core/decide/types.ts';
import type { CompiledRule } from '../../src/core/rule/types.ts';
import type { Instance, Inventory } from '../../src/model/inventory.ts';
import type { Rule, RuleAction, Value } from '../../src/model/rule.ts';
import { stageOf, type Action, type Entry, type Match } from '../../src/model/table.ts';
import type { Capabilities, TargetInfo } from '../../src/model/target.ts';
import { testNames } from '../../src/model/test.ts';
import { checkedOf } from './cel.ts';

/** Small builders with every default filled in, for the tests of this folder. */

export const instanceOf = (service: string, instance: string, more: Partial<Instance> = {}): Instance => ({
  service,
  instance,
  version: 'v1',
  zone: 'z1',
  address: '127.0.0.1',
  port: 80,
  ready: true,
  ...more,
});

export const inventoryOf = (...instances: readonly Instance[]): Inventory => ({
  instances: [...instances].sort((a, b) => (a.service + a.instance < b.service + b.instance ? -1 : 1)),
});

type EntryParts = {
  readonly rule?: string;
  readonly key?: string;
  readonly priority?: number;
  readonly part?: number;
  readonly until?: number | null;
};

export function entryOf(
  match: Match,
  action: Action,
  { rule = 'r', key = '{}', priority = 100, part = 0, until = null }: EntryParts = {},
): Entry {
  const content = { stage: stageOf[action.kind], priority, match, action, owner: { rule, revision: 1, key }, part };
  return { id: entryIdOf(content), ...content, until };
}

/** "percent" and so on are read from the action's own literals. */
export type ActionParts = { readonly match: string; readonly action: RuleAction; readonly values?: Readonly<Record<string, Value>> };

export type RuleParts = {
  readonly name: string;
  readonly actions: readonly ActionParts[];
  readonly revision?: number;
  readonly priority?: number;
  readonly targets?: readonly string[] | null;
  readonly guard?: Partial<Rule['guard']>;
  readonly mode?: Rule['mode'];
  readonly leaseMs?: number;
};

export function ruleOf({
  name,
  actions,
  revision = 1,
  priority = 100,
  targets = null,
  guard = {},
  mode = 'enforce',
  leaseMs = 60_000,
}: RuleParts): CompiledRule {
  const ns = BigInt(leaseMs) * 1_000_000n;
  const rule: Rule = {
    name,
    why: 'a test',
    owner: 'sre',
    over: 'rpc',
    where: null,
    by: [],
    windowNs: 10_000_000_000n,
    everyNs: 100_000_000n,
    minimum: { count: 1, until: 1, peers: 2 },
    keys: 'seen',
    select: [],
    params: [],
    slo: null,
    variables: [],
    when: null,
    forNs: 0n,
    until: null,
    keepFiringForNs: 0n,
    leaseNs: ns,
    leaseMaxNs: 10n * ns,
    cooldownNs: 0n,
    latch: false,
    expiresNs: null,
    warmup: 'none',
    priority,
    targets,
    // oxlint-disable-next-line unicorn/no-thenable -- the field's name in rules.md
    then: actions.map(({ action }) => action),
    guard: { floor: 0.6, transitions: null, keys: 100, order: null, ...guard },
    expect: null,
    notify: null,
    mode,
  };
  const compiled = actions.map(({ match, action }) => ({ action, match: checkedOf(match), cel: new Map() }));
  return {
    rule,
    revision,
    stream: 'rpc',
    where: null,
    columns: [],
    sets: [],
    objective: null,
    variables: [],
    when: null,
    until: null,
    order: null,
    actions: compiled,
    that: null,
    summary: [],
  };
}

type IntentParts = {
  readonly key?: Readonly<Record<string, Value>>;
  readonly sinceMs?: number;
  readonly leaseEndMs?: number | null;
  readonly order?: number | null;
};

/** An intent of a rule, with its actions' values as given. */
export function intentOf(rule: CompiledRule, parts: readonly ActionParts[], more: IntentParts = {}): Intent {
  const { key = {}, sinceMs = 0, leaseEndMs = 60_000, order = null } = more;
  const map: Key = new Map(Object.entries(key));
  return {
    rule: rule.rule.name,
    revision: rule.revision,
    key: map,
    keyText: JSON.stringify(key, (_, value: unknown) => (typeof value === 'bigint' ? Number(value) : value)),
    sinceNs: BigInt(sinceMs) * 1_000_000n,
    leaseEndNs: leaseEndMs === null ? null : BigInt(leaseEndMs) * 1_000_000n,
    order,
    actions: parts.map(({ action, values = {} }) => ({ action, values: new Map(Object.entries(values)) })),
    values: new Map(),
  };
}

const place = { line: 1, column: 1 };
const literal = (value: number) => ({ kind: 'literal', value }) as const;

export const allow = (): RuleAction => ({ kind: 'allow', place, match: null });
export const deny = (percent = 100, status = 403): RuleAction => ({
  kind: 'deny',
  place,
  match: null,
  percent: literal(percent),
  status,
  grpcStatus: 7,
});
export const route = (to: string): RuleAction => ({ kind: 'route', place, match: null, to });
export const limit = (rate: number, per: readonly string[] = []): RuleAction => ({
  kind: 'limit',
  place,
  match: null,
  rate: literal(rate),
  unit: 'requests',
  burst: null,
  per,
  scope: 'local',
});
export const avoid = (percent = 99): RuleAction => ({
  kind: 'avoid',
  place,
  match: null,
  on: 'instance',
  value: { text: 'key.destination.instance', line: 1, column: 1, exact: true },
  percent: literal(percent),
});
export function split(weights: Readonly<Record<string, number | 'rest'>>, on: 'version' | 'zone' | 'service' = 'version'): RuleAction {
  const nums = Object.entries(weights).map(([name, weight]) => [name, weight === 'rest' ? weight : literal(weight)] as const);
  return { kind: 'split', place, match: null, on, weights: Object.fromEntries(nums), sticky: null };
}
export const set = (headers: Readonly<Record<string, string>>, remove: readonly string[] = [], dscp: number | null = null): RuleAction => ({
  kind: 'set',
  place,
  match: null,
  set: headers,
  remove,
  dscp,
});

const everything: Capabilities = {
  actions: ['allow', 'deny', 'respond', 'limit', 'split', 'route', 'avoid', 'mirror', 'set'],
  fields: [
    'source.service',
    'source.zone',
    'destination.service',
    'request.method',
    'request.path',
    'request.headers',
    'source.address',
    'destination.port',
  ],
  tests: testNames,
  entriesMax: 1_000,
  atomic: true,
  costNs: 50_000,
};

export const targetOf = (name: string, services: readonly string[], more: Partial<Capabilities> = {}, kind = 'builtin'): TargetInfo => ({
  name,
  kind,
  capabilities: { ...everything, ...more },
  sees: { services },
});
