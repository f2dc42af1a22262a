import { createLoop, step } from '../../src/core/loop.ts';
import type { Effect, Input, Loop } from '../../src/core/loop/types.ts';
import { encode } from '../../src/core/publish/bytes.ts';
import type { Ack, Announce } from '../../src/core/publish/messages.ts';
import type { Inventory } from '../../src/model/inventory.ts';
import type { RpcRecord } from '../../src/model/record.ts';
import type { RevisionRow, TargetRow } from '../../src/model/revision.ts';
import { capabilities, fakeSign, fakeVerify } from '../protocol/fixtures.ts';

/** A loop with a record (a database that never fails) and a hand on the clock; what it asks of the outside is answered at once, or kept. */
export type World = {
  readonly loop: Loop;
  readonly effects: Effect[];
  readonly rows: RevisionRow[];
  nowMs: number;
  readonly give: (...inputs: readonly Input[]) => readonly Effect[];
};

export const t0Ms = Date.UTC(2026, 10, 23, 9);
const key = { keyId: 'k1', secret: 's' };

export const inventory: Inventory = {
  instances: ['c1', 'c2', 'c3', 'c4'].map((instance, i) => ({ service: 'checkout', instance, version: 'v1', address: '127.0.0.1', port: 4000 + i, ready: true })), // prettier-ignore
};

export function createWorld(targets: readonly TargetRow[] = []): World {
  const loop = createLoop({ keyId: key.keyId, sign: fakeSign(key.secret), verify: fakeVerify(key.keyId, key.secret) });
  const world: World = {
    loop,
    effects: [],
    rows: [],
    nowMs: t0Ms,
    give: (...inputs) => {
      const now = { monoMs: world.nowMs - t0Ms, wallMs: world.nowMs };
      const out = step(loop, inputs, now).effects;
      world.effects.push(...out);
      return [...out, ...out.flatMap((effect) => answer(world, effect))];
    },
  };
  world.give({ kind: 'inventory', inventory }, { kind: 'loaded', epoch: 7, targets, table: targets.length, unsent: [] });
  return world;
}

function answer(world: World, effect: Effect): readonly Effect[] {
  if (effect.kind === 'enrol') {
    const row = { name: effect.target, revision: 0, hash: '', epoch: 0, entries: [], enrolled: true };
    return world.give({ kind: 'enrolled', target: effect.target, row });
  }
  if (effect.kind !== 'commit') return [];
  world.rows.push(...effect.rows);
  return world.give({ kind: 'committed', outbox: [] });
}

const common = (nowMs: number) => ({
  v: 1 as const,
  target: 'sidecar',
  at: nowMs,
  instance: { adapter: 'a', boot: 1 },
  held: null,
  overrides: [],
  clock: { time: nowMs, contact: true },
  refused: {},
});

export function announce(world: World): readonly Effect[] {
  const message: Announce = {
    ...common(world.nowMs),
    nonce: '00'.repeat(16),
    kind: 'builtin',
    capabilities: { ...capabilities, actions: ['allow', 'deny', 'split', 'avoid', 'route'] },
    sees: { services: ['checkout'] },
    speaks: { min: 1, max: 1 },
    address: null,
    provisional: false,
  };
  return world.give({ kind: 'announce', target: 'sidecar', payload: encode(message) });
}

export function accept(world: World, row: RevisionRow): readonly Effect[] {
  const { epoch, revision, hash } = row;
  const message: Ack = { ...common(world.nowMs), epoch, revision, hash, result: 'accepted', entries: [], ended: [] };
  return world.give({ kind: 'ack', target: 'sidecar', payload: encode(message) });
}

export function record(of: {
  readonly atMs: number;
  readonly instance: string;
  readonly durationMs: number;
  readonly applied?: readonly string[];
}): Input {
  const line: RpcRecord = {
    stream: 'rpc',
    time: BigInt(of.atMs) * 1_000_000n,
    source: { service: 'gateway' },
    destination: { service: 'checkout', instance: of.instance },
    reporter: { side: 'destination', target: 'sidecar' },
    rpc: { event: 'end' },
    request: { id: `r${of.atMs}-${of.instance}`, method: 'GET', path: '/' },
    response: { code: 200, duration: BigInt(of.durationMs) * 1_000_000n, failed: false },
    applied: of.applied ?? [],
  };
  return { kind: 'line', line };
}
