import { describe, expect, test } from 'vitest';
import { why } from '../../src/core/audit/why.ts';
import { encode } from '../../src/core/publish/bytes.ts';
import type { Ack, Announce } from '../../src/core/publish/messages.ts';
import { checkRuleText } from '../../src/core/rule/checktext.ts';
import type { AuditEntry } from '../../src/model/audit.ts';
import type { RevisionRow, TargetRow } from '../../src/model/revision.ts';
import { capabilities } from '../protocol/fixtures.ts';
import { announce, createWorld, record, t0Ms, type World } from './world.ts';

const text = (percent: string): string => `rule: slow
why: a slow replica is avoided
owner: tests
over: rpc
by: [destination.service, destination.instance]
minimum: {count: 3, until: 1, peers: 1}
window: 2s
when: p90(response.duration) > d("100ms")
until: p90(response.duration) < d("50ms")
then:
  - avoid: {match: 'destination.service == key.destination.service', instance: key.destination.instance, percent: ${percent}}
mode: enforce
`;

/** Another number, the slower it was when the key began to fire. */
const steps = `'p90(response.duration) > d("500ms") ? 60.0 : 40.0'`;

const ruleOf = (percent = '90') => {
  const { compiled, problems } = checkRuleText(text(percent), 'rules/slow/rule.yaml', 1);
  if (compiled === null) throw new Error(JSON.stringify(problems));
  return compiled;
};

function traffic(world: World, fromMs: number, toMs: number, slow: { readonly fromMs: number; readonly toMs: number }, durationMs = 400) {
  for (let ms = fromMs; ms < toMs; ms += 20) {
    world.nowMs = t0Ms + ms;
    const instance = `c${((ms / 20) % 4) + 1}`;
    const isSlow = instance === 'c3' && ms >= slow.fromMs && ms < slow.toMs;
    world.give(record({ atMs: world.nowMs, instance, durationMs: isSlow ? durationMs : 20 }));
  }
}

const sentBy = (world: World): number => world.effects.filter((e) => e.kind === 'send').length;
const auditOf = (world: World): readonly AuditEntry[] =>
  world.effects.flatMap((e) => (e.kind === 'audit' ? e.entries : e.kind === 'commit' ? e.audit : [])).map((a, i) => ({ ...a, id: i + 1 }));
const rowOf = (row: RevisionRow): TargetRow => ({ name: row.target, revision: row.revision, hash: row.hash, epoch: row.epoch, entries: row.entries, enrolled: true }); // prettier-ignore

function reject(world: World, row: RevisionRow, ids: readonly string[]): void {
  const { epoch, revision, hash } = row;
  const message: Ack = {
    v: 1,
    target: 'sidecar',
    at: world.nowMs,
    instance: { adapter: 'a', boot: 1 },
    held: null,
    overrides: [],
    clock: { time: world.nowMs, contact: true },
    refused: {},
    epoch,
    revision,
    hash,
    result: 'rejected',
    entries: ids.map((id) => ({ id, code: 'E-NO-ROOM', text: 'the device said no' })),
    ended: [],
  };
  world.give({ kind: 'ack', target: 'sidecar', payload: encode(message) });
}

describe('an engine that stands by', () => {
  const standby = (percent = '90'): World => {
    const world = createWorld();
    world.give({ kind: 'stepped-down' }, { kind: 'rule', compiled: ruleOf(percent), resume: [] });
    announce(world);
    return world;
  };

  test('judges as the leader does, and sends and commits nothing', () => {
    const world = standby();
    const before = sentBy(world);
    traffic(world, 0, 3_000, { fromMs: 500, toMs: 3_000 });
    expect(world.effects.some((e) => e.kind === 'event' && e.event.kind === 'change' && e.event.data['to'] === 'firing')).toBe(true);
    expect(world.rows).toEqual([]);
    expect(sentBy(world)).toBe(before);
  });

  test('that leads acts on what it has judged in the meantime, without a warm-up', () => {
    const world = standby();
    traffic(world, 0, 3_000, { fromMs: 500, toMs: 3_000 });
    world.give({ kind: 'loaded', epoch: 9, targets: [emptyRow], table: 0, unsent: [] });
    expect(world.rows).toMatchObject([{ revision: 1, epoch: 9, entries: [{ owner: { rule: 'slow' }, action: { value: 'c3' } }] }]);
  });

  test('that leads keeps what the leader had in force, with the numbers that it had, though it never saw the key fire', () => {
    const leader = createWorld();
    leader.give({ kind: 'rule', compiled: ruleOf(steps), resume: [] });
    announce(leader);
    traffic(leader, 0, 2_000, { fromMs: 500, toMs: 2_000 }, 400);
    const row = leader.rows.at(-1) ?? expect.fail('nothing was committed');
    const ppm = row.entries[0]?.action.kind === 'avoid' ? row.entries[0].action.ppm : 0;
    expect(ppm).toBe(400_000);
    for (const sees of [
      { fromMs: 0, toMs: 0 },
      { fromMs: 500, toMs: 3_000 },
    ]) {
      const world = standby(steps);
      // Slower than the leader saw it, where it sees it at all.
      traffic(world, 0, 3_000, sees, 800);
      world.give(kept(world, row, ppm), { kind: 'loaded', epoch: 9, targets: [rowOf(row)], table: 1, unsent: [] });
      const table = world.loop.tables.get('sidecar');
      expect(table).toMatchObject([{ id: row.entries[0]?.id, action: { value: 'c3', ppm } }]);
    }
  });

  test('lets go what a person resumed at the leader', () => {
    const world = createWorld();
    const { compiled } = checkRuleText(text('90').replace('window: 2s', 'window: 2s\nlatch: true'), 'rules/slow/rule.yaml', 1);
    world.give({ kind: 'stepped-down' }, { kind: 'rule', compiled: compiled ?? expect.fail('no rule'), resume: [] });
    traffic(world, 0, 6_000, { fromMs: 500, toMs: 2_000 });
    const states = () =>
      world.effects.flatMap((e) => (e.kind === 'event' && e.event.kind === 'change' ? [String(e.event.data['to'])] : []));
    expect(states().at(-1)).toBe('firing');
    const audits = auditOf(world).filter(({ kind }) => kind === 'operator').length;
    world.give({ kind: 'resumed', rule: 'slow', key: '{"destination.service":"checkout","destination.instance":"c3"}' });
    traffic(world, 6_000, 8_000, { fromMs: 0, toMs: 0 });
    expect(states().at(-1)).toBe('clear');
    expect(auditOf(world).filter(({ kind }) => kind === 'operator')).toHaveLength(audits);
  });
});

describe('an entry that the target refuses', () => {
  const refused = () => {
    const world = createWorld();
    world.give({ kind: 'rule', compiled: ruleOf(), resume: [] });
    announce(world);
    traffic(world, 0, 3_000, { fromMs: 500, toMs: 9_000 });
    const row = world.rows.at(-1) ?? expect.fail('nothing was committed');
    const id = row.entries[0]?.id ?? '';
    reject(world, row, [id, 'f'.repeat(32)]);
    return { world, row, id };
  };

  test('is left out of its next revision, which is committed at once; it is kept, audited, and why says so', () => {
    const { world, row, id } = refused();
    expect(world.rows.at(-1)).toMatchObject({ revision: row.revision + 1, entries: [] });
    const kept = world.effects.flatMap((e) => (e.kind === 'quarantine' ? [e.quarantine] : []));
    expect(kept).toMatchObject([{ entries: [{ id, code: 'E-NO-ROOM', revision: row.revision }] }]);
    expect(auditOf(world)).toContainEqual(expect.objectContaining({ kind: 'delivery', target: 'sidecar', rule: 'slow', entries: [id] }));
    const audit = auditOf(world).filter(({ entries }) => entries.includes(id));
    expect(why(id, 'sidecar', audit, new Map([['sidecar', []]])).ended?.why).toBe('sidecar refused it: E-NO-ROOM the device said no');
    // It is asked for still, and stays out.
    const rows = world.rows.length;
    traffic(world, 3_000, 6_000, { fromMs: 0, toMs: 9_000 });
    expect(world.rows).toHaveLength(rows);
  });

  test('stays out under a new leader, and comes back with other capabilities', () => {
    const { world, id } = refused();
    const quarantine = world.loop.quarantine.get('sidecar') ?? expect.fail('nothing is kept');
    const last = world.rows.at(-1) ?? expect.fail('nothing was committed');
    world.give({ kind: 'stepped-down' }, { kind: 'loaded', epoch: 9, targets: [{ ...rowOf(last), quarantine }], table: 9, unsent: [] });
    traffic(world, 3_000, 4_000, { fromMs: 0, toMs: 9_000 });
    expect(world.rows.at(-1)?.entries).toEqual([]);
    world.give({ kind: 'announce', target: 'sidecar', payload: encode(richer(world)) });
    traffic(world, 4_000, 5_000, { fromMs: 0, toMs: 9_000 });
    expect(world.rows.at(-1)?.entries.map((e) => e.id)).toEqual([id]);
    expect(world.effects.findLast((e) => e.kind === 'quarantine')).toEqual({ kind: 'quarantine', target: 'sidecar', quarantine: null });
  });

  test('is none, when the ack names what it was never sent', () => {
    const world = createWorld();
    world.give({ kind: 'rule', compiled: ruleOf(), resume: [] });
    announce(world);
    traffic(world, 0, 3_000, { fromMs: 500, toMs: 9_000 });
    const row = world.rows.at(-1) ?? expect.fail('nothing was committed');
    reject(world, row, ['f'.repeat(32)]);
    expect(world.loop.quarantine.size).toBe(0);
    expect(world.rows.at(-1)).toBe(row);
  });
});

const emptyRow: TargetRow = { name: 'sidecar', revision: 0, hash: '', epoch: 0, entries: [], enrolled: true };

/** What the engine reads of the record about c3. */
function kept(world: World, row: RevisionRow, ppm: number) {
  const action = world.loop.rules.get('slow')?.actions[0]?.action ?? expect.fail('no action');
  const values = new Map<string, string | number>([['value', 'c3'], ['percent', ppm / 10_000]]); // prettier-ignore
  const key = new Map([['destination.service', 'checkout'], ['destination.instance', 'c3']]); // prettier-ignore
  const ns = (ms: number): bigint => BigInt(ms) * 1_000_000n;
  const resume = [{ key, sinceNs: ns(t0Ms + 1_000), leaseEndNs: ns(row.entries[0]?.until ?? 0), actions: [{ action, values }] }];
  return { kind: 'kept', rule: 'slow', resume, reverted: [] } as const;
}

function richer(world: World): Announce {
  const actions = ['allow', 'deny', 'split', 'avoid', 'route'] as const;
  return {
    v: 1,
    target: 'sidecar',
    at: world.nowMs,
    instance: { adapter: 'a', boot: 2 },
    held: null,
    overrides: [],
    clock: { time: world.nowMs, contact: true },
    refused: {},
    nonce: '00'.repeat(16),
    kind: 'builtin',
    capabilities: { ...capabilities, actions: [...actions], entriesMax: capabilities.entriesMax + 1 },
    sees: { services: ['checkout'] },
    speaks: { min: 1, max: 1 },
    address: null,
    provisional: false,
  };
}
