import { describe, expect, test } from 'vitest';
import { why } from '../../src/core/audit/why.ts';
import type { AuditEntry } from '../../src/model/audit.ts';
import type { Effect } from '../../src/core/loop/types.ts';
import { checkRuleText } from '../../src/core/rule/checktext.ts';
import { accept, announce, createWorld, record, t0Ms, type World } from './world.ts';

const text = `rule: slow
why: a slow replica is avoided
owner: tests
over: rpc
by: [destination.service, destination.instance]
minimum: {count: 3, until: 1, peers: 1}
window: 2s
when: p90(response.duration) > d("100ms")
until: p90(response.duration) < d("50ms")
then:
  - avoid: {match: 'destination.service == key.destination.service', instance: key.destination.instance, percent: 90}
mode: enforce
`;

const ruleOf = (source: string, revision = 1) => {
  const { compiled, problems } = checkRuleText(source, 'rules/slow/rule.yaml', revision);
  if (compiled === null) throw new Error(JSON.stringify(problems));
  return compiled;
};

/** 20 ms apart, each replica in turn; c3 takes 400 ms between `slowFrom` and `slowTo`. */
function traffic(
  world: World,
  fromMs: number,
  toMs: number,
  slow: { readonly fromMs: number; readonly toMs: number },
  applied: readonly string[] = [],
) {
  for (let ms = fromMs; ms < toMs; ms += 20) {
    world.nowMs = t0Ms + ms;
    const instance = `c${(ms / 20) % 4 + 1}`; // prettier-ignore
    const isSlow = instance === 'c3' && ms >= slow.fromMs && ms < slow.toMs;
    world.give(record({ atMs: world.nowMs, instance, durationMs: isSlow ? 400 : 20, applied }));
  }
}

const events = (world: World): readonly string[] =>
  world.effects.flatMap((e) => (e.kind === 'event' && e.event.kind !== 'target' && e.event.kind !== 'rule' ? [e.event.kind] : []));
const auditOf = (world: World): readonly AuditEntry[] =>
  world.effects
    .flatMap((e: Effect) => (e.kind === 'audit' ? e.entries : e.kind === 'commit' ? e.audit : []))
    .map((a, i) => ({ ...a, id: i + 1 }));

function incident(mode: 'enforce' | 'shadow' = 'enforce'): World {
  const world = createWorld();
  world.give({ kind: 'rule', compiled: ruleOf(text.replace('mode: enforce', `mode: ${mode}`)), resume: [] });
  announce(world);
  traffic(world, 0, 4_000, { fromMs: 1_000, toMs: 3_000 });
  return world;
}

describe('given one slow replica', () => {
  test('the table with its entry is committed before it is sent, and the audit goes with the commit', () => {
    const world = incident();
    const [row] = world.rows;
    expect(row?.entries.map((e) => e.action)).toEqual([{ kind: 'avoid', on: 'instance', value: 'c3', ppm: 900_000, floorPpm: 600_000 }]);
    const kinds = world.effects.flatMap((e) =>
      e.kind === 'commit' ? ['commit'] : e.kind === 'send' && e.channel === 'diff' ? ['send'] : [],
    );
    expect(kinds.slice(0, 2)).toEqual(['commit', 'send']);
    const commit = world.effects.find((e) => e.kind === 'commit');
    expect(commit?.kind === 'commit' ? commit.audit.map((a) => a.kind) : []).toEqual(['intent', 'diff']);
  });

  test('accepted is not observed: that takes a tagged request which began after the target had accepted', () => {
    const world = incident();
    const [row] = world.rows;
    if (row === undefined) throw new Error('nothing was committed');
    const seen = () => events(world).filter((k) => k === 'observed').length;
    world.nowMs += 10;
    world.give(record({ atMs: world.nowMs, instance: 'c1', durationMs: 20, applied: ['slow@1'] }));
    accept(world, row);
    world.nowMs += 10;
    world.give(record({ atMs: world.nowMs, instance: 'c1', durationMs: 20, applied: ['slow@1'] }));
    world.give(record({ atMs: world.nowMs, instance: 'c1', durationMs: 5, applied: ['other@1'] }));
    expect(seen()).toBe(0);
    world.give(record({ atMs: world.nowMs, instance: 'c1', durationMs: 5, applied: ['slow@1'] }));
    expect(seen()).toBe(1);
  });

  test('why tells the whole chain, and what is missing', () => {
    const world = incident();
    const [row] = world.rows;
    const [entry] = row?.entries ?? [];
    if (row === undefined || entry === undefined) throw new Error('nothing was committed');
    const tables = new Map([['sidecar', row.entries]]);
    const early = why(entry.id, 'sidecar', auditOf(world), tables);
    expect(early.missing).toHaveLength(2);
    expect(early).toMatchObject({ inForce: true, rule: { name: 'slow', revision: 1, line: 8 }, diff: { revision: 1, target: 'sidecar' } });
    expect(early.decision?.values).toEqual({ 'p90(response.duration)': 0.4 });
    accept(world, row);
    world.nowMs += 50;
    world.give(record({ atMs: world.nowMs, instance: 'c1', durationMs: 5, applied: ['slow@1'] }));
    const late = why(entry.id, 'sidecar', auditOf(world), tables);
    expect(late.missing).toEqual([]);
    expect(late.observed?.request).toMatchObject({ service: 'checkout', instance: 'c1', applied: ['slow@1'] });
  });

  test('it comes back when the replica is well again', () => {
    const world = incident();
    traffic(world, 4_000, 8_000, { fromMs: 0, toMs: 0 });
    expect(world.rows.at(-1)?.entries).toEqual([]);
    expect(world.loop.tables.get('sidecar')).toEqual([]);
  });

  test('a shadow rule plans and shows, and publishes nothing', () => {
    const world = incident('shadow');
    expect(world.rows).toEqual([]);
    expect(events(world)).toContain('shadow');
    expect(world.loop.shadow.get('sidecar')).toHaveLength(1);
  });

  test('the same inputs give the same effects', () => {
    const [one, two] = [incident(), incident()].map((w) =>
      JSON.stringify(w.effects, (_k, v: unknown) => (typeof v === 'bigint' ? String(v) : v instanceof Map ? [...v] : v)),
    );
    expect(one).toBe(two);
  });
});

describe('an engine that starts anew in mid-incident', () => {
  const restarted = (): World => {
    const before = incident();
    const row = before.rows.at(-1);
    if (row === undefined) throw new Error('nothing was committed');
    const world = createWorld([
      { name: 'sidecar', revision: row.revision, hash: row.hash, epoch: row.epoch, entries: row.entries, enrolled: true },
    ]);
    world.nowMs = t0Ms + 4_000;
    return world;
  };

  test('withdraws nothing before a target is heard, and with its rules read keeps what they hold in force', () => {
    const world = restarted();
    const entries = world.loop.tables.get('sidecar') ?? [];
    const compiled = ruleOf(text);
    const values = new Map<string, string | number | bigint>([['value', 'c3'], ['percent', 90]]); // prettier-ignore
    const action = compiled.actions[0]?.action;
    if (action === undefined) throw new Error('no action');
    const key = new Map([['destination.service', 'checkout'], ['destination.instance', 'c3']]); // prettier-ignore
    world.give({ kind: 'rule', compiled, resume: [{ key, sinceNs: BigInt(t0Ms) * 1_000_000n, leaseEndNs: BigInt(entries[0]?.until ?? 0) * 1_000_000n, actions: [{ action, values }] }] }); // prettier-ignore
    announce(world);
    world.nowMs += 2_000;
    world.give({ kind: 'tick' });
    expect(world.rows).toEqual([]);
    expect(world.loop.tables.get('sidecar')).toEqual(entries);
  });

  test('drops entries of a rule that is gone', () => {
    const world = restarted();
    announce(world);
    expect(world.rows.map((r) => r.entries)).toEqual([[]]);
  });
});
