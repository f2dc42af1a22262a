import { encode, signedBytes, tableHash } from '../../src/core/publish/bytes.ts';
import type { KeySet, SetKey, SignedKeySet } from '../../src/core/publish/keyset.ts';
import { canon } from '../../src/model/canon.ts';
import type { Table } from '../../src/model/table.ts';
import { createDevice } from './device.ts';
import { avoid, byId } from '../protocol/fixtures.ts';
import { createKeyring } from '../protocol/keyring.ts';
import { createAdapter, createEngine } from './nodes.ts';
import type { AdapterNode, Setting, Wire } from './nodes.ts';
import { must } from './oracle.ts';
import { seeded } from '../protocol/random.ts';
import type { Seeded } from '../protocol/random.ts';
import { createDesk } from './people.ts';
import { createRecord } from './record.ts';
import { createShared } from './shared.ts';
import type { SharedNode } from './shared.ts';
import { createWatch } from './watch.ts';
import { createWorld } from './world.ts';
import type { Code } from './world.ts';

const startMs = 1_700_000_000_000;
const faultsMs = 6_000;
const calmMs = 12_000;
const keySpreadMs = 1_500;
const lateMs = 1_500;
const keysAtOnce = 4;

export type RichOutcome = {
  readonly violation: string | null;
  readonly revisions: number;
  readonly parts: number;
  readonly rotations: number;
  readonly revocations: number;
  readonly hostile: number;
  readonly takeovers: number;
  readonly refused: Readonly<Record<string, number>>;
};

/**
 * One seed of a world with a target of its own and one that two adapters share, tables in parts, keys that are rotated and revoked, and
 * somebody on the wire who forges, replays and misdirects. Faults, then calm, then what must be so.
 */
export function simulateRich(seed: number, code: Code): RichOutcome {
  const random = seeded(seed);
  const world = createWorld(startMs);
  const record = createRecord(random);
  const watch = createWatch(world.now);
  const rate = (most: number): number => (random.chance(0.3) ? 0 : random.next() * most);
  const faults = {
    on: true,
    loss: rate(0.3),
    dup: rate(0.3),
    slow: rate(0.2),
    device: rate(0.15),
    disk: random.chance(0.1) ? 0.2 : 0,
    commit: rate(0.15),
  };
  const ring = createKeyring('fake');
  const messageBytesMax = random.chance(0.7) ? 900 : 512 * 1024;
  const counts = { parts: 0, rotations: 0, revocations: 0, hostile: 0, takeovers: 0 };

  let made = 0;
  let set: KeySet = { version: 0, keys: [] };
  let signed: SignedKeySet = { payload: '', signature: '' };
  const gone: SetKey[] = [];
  const put = (keys: readonly SetKey[]): void => {
    set = { version: set.version + 1, keys };
    signed = ring.set(set.version, keys);
    watch.made(set, signed);
  };
  const look = (): void => watch.inUse(engine.lead()?.keyId, live(), keySpreadMs);
  const looks = (): void => {
    look();
    world.after(20, looks);
  };
  const newKey = (): SetKey => ring.make(String(++made).padStart(16, '0'), Math.floor(world.now()));
  const over = ({ to }: SetKey): boolean => to !== null && to <= world.now();
  const usable = (): readonly SetKey[] => set.keys.filter((key) => !over(key));
  put([newKey()]);
  const keysInput = () => ({ kind: 'keys', signed, own: set.keys.map(({ id }) => id) }) as const;

  const oneTarget = record.takeEpoch;
  const watched = { ...record, takeEpoch: (nowMs: number): number => { const epoch = oneTarget(nowMs); watch.epoch(epoch); return epoch; } }; // prettier-ignore
  const setting: Setting = {
    code,
    world,
    random,
    record: watched,
    faults,
    desk: createDesk(),
    more: {
      hold: { verify: () => false, trust: ring.trust },
      lead: {
        get keyId() {
          return usable()[0]?.id ?? '';
        },
        sign: ring.sign,
        verify: () => false,
        trust: ring.trust,
        messageBytesMax,
        keySpreadMs,
      },
      first: () => {
        watch.engineStarted();
        firstHeard.clear();
        return [keysInput()];
      },
      saving: watch.saving,
      saved: watch.saved,
      engineSends: (effect) => {
        if (effect.channel !== 'diff') watch.signs(effect.keyId);
        if (effect.channel === 'snapshot' && effect.signature === '') counts.parts += 1;
        else if (effect.target === 'switch-1' && effect.channel !== 'diff') watch.grants(effect.payload);
      },
    },
  };

  const past: Wire[] = [];
  /** When the engine, in its present life, first heard of each. */
  const firstHeard = new Map<string, number>();
  const nodes = new Map<string, AdapterNode | SharedNode>();
  const pair: SharedNode[] = [];
  const device = createDevice();
  let cut = false;

  const names = ['side-1', 'switch-1'];
  const hear = (who: string, wire: Wire, real: boolean): void => {
    const node = nodes.get(who);
    if (node === undefined) return;
    if (node.alive()) watch.delivered(who, wire.channel, wire.payload, wire.signature);
    if ('adapter' in node) node.deliver(wire, real);
    else node.deliver(wire);
  };
  const whoOf = (target: string): readonly string[] => [...nodes.keys()].filter((who) => nodes.get(who)?.target === target);
  const carry = (deliver: () => void): void => {
    if (!faults.on) return world.after(0.5 + random.next(), deliver);
    if (cut || random.chance(faults.loss)) return;
    for (let copies = random.chance(faults.dup) ? 2 : 1; copies > 0; copies--) {
      world.after(random.chance(faults.slow) ? 50 + random.next() * 2_000 : 0.5 + random.next() * 15, deliver);
    }
  };
  const engine = createEngine(setting, {
    send: (wire) => {
      if (past.length < 400) past.push(wire);
      for (const who of whoOf(wire.target)) carry(() => hear(who, wire, true));
    },
    restored: () => false,
  });
  const up = (who: string) => (wire: Wire) => {
    watch.says(who, wire.payload);
    carry(() => {
      if (engine.alive() && !firstHeard.has(who)) firstHeard.set(who, world.now());
      engine.deliver(wire);
    });
  };
  nodes.set(
    'side-1',
    createAdapter(setting, {
      target: 'side-1',
      send: up('side-1'),
      outlives: random.chance(0.4),
      wallOffsetMs: (random.next() - 0.5) * 1_000,
    }),
  );
  for (const adapter of ['left', 'right']) {
    const who = `switch-1/${adapter}`;
    const node = createShared(setting, { target: 'switch-1', adapter, device, send: up(who) });
    pair.push(node);
    nodes.set(who, node);
  }

  const violation = caught(() => {
    engine.start();
    for (const [who, node] of nodes) world.after(random.next() * (who.endsWith('right') ? 4_000 : 500), () => begin(who, node));
    chaos();
    attack();
    wants();
    looks();
    world.runUntil(startMs + faultsMs);
    calm();
    world.runUntil(startMs + faultsMs + calmMs);
    check();
  });
  const refused: { [reason: string]: number } = {};
  for (const node of nodes.values()) for (const [reason, n] of node.hold()?.counts ?? []) refused[reason] = (refused[reason] ?? 0) + n;
  return { violation, revisions: record.table(), ...counts, refused };

  function begin(who: string, node: AdapterNode | SharedNode): void {
    if (node.alive()) return;
    watch.restarted(who);
    node.start();
  }

  /** Those who are there, have the say of their target, and were heard of. */
  function live(): readonly string[] {
    const lead = engine.lead();
    return [...nodes].flatMap(([who, node]) => {
      const target = lead?.targets.get(node.target);
      if (!node.alive() || target === undefined || (firstHeard.get(who) ?? Infinity) > world.now() - 50) return [];
      return 'adapter' in node && target.grant?.instance.adapter !== node.adapter ? [] : [who];
    });
  }

  function chaos(): void {
    if (!faults.on) return;
    const what = random.next();
    if (what < 0.12) crash(engine, 100 + random.next() * 1_500);
    else if (what < 0.32) crash(random.pick([...nodes.values()]), 20 + random.next() * 1_500);
    else if (what < 0.4) interrupt(random.next() * 2_000);
    else if (what < 0.55) rotate();
    else if (what < 0.65) revoke();
    world.after(30 + random.next() * 400, chaos);
  }

  /** @param last nothing ends by itself any more: that a new key comes into use is then the engine's doing. */
  function rotate(last = false): void {
    const kept = set.keys.filter((key) => !over(key)).slice(1 - keysAtOnce);
    for (const key of set.keys) if (!kept.includes(key)) gone.push(key);
    counts.rotations += 1;
    look();
    const to = Math.floor(world.now() + 1_000 + random.next() * 8_000);
    put([...kept.map((key) => ({ ...key, to: last ? null : (key.to ?? to) })), newKey()]);
    engine.give(keysInput());
  }

  function revoke(): void {
    const can = usable();
    const key = can.length > 1 ? random.pick(can) : undefined;
    if (key === undefined) return;
    const left = set.keys.filter((one) => one !== key);
    gone.push(key);
    counts.revocations += 1;
    look();
    put(left.map((one, i) => (i === left.length - 1 ? { ...one, to: null } : one)));
    engine.give(keysInput());
  }

  /** Somebody with the keys that are over or taken out, with everything that was ever sent, and with a root of his own. */
  function attack(): void {
    if (!faults.on) return;
    const who = random.pick([...nodes.keys()]);
    const target = nodes.get(who)?.target ?? '';
    const wire = forge(random, who, target);
    if (wire !== null) {
      counts.hostile += 1;
      // Word for word, and where it belongs: it was only overtaken.
      hear(who, wire, wire.target === target && past.includes(wire));
    }
    world.after(20 + random.next() * 250, attack);
  }

  function forge(by: Seeded, who: string, target: string): Wire | null {
    const what = by.integer(7);
    const old = past.length === 0 ? null : by.pick(past);
    if (what === 0) return old !== null && old.target === target ? old : null;
    if (what === 1) return old !== null && old.target !== target ? old : null;
    if (what === 2) {
      if (old === null) return null;
      const payload = Buffer.from(old.payload);
      payload[by.integer(payload.length)] = 48 + by.integer(10);
      return { ...old, payload };
    }
    const hold = nodes.get(who)?.hold();
    const known = hold?.keys?.set.keys ?? [];
    // One whose revocation is still on its way to the target is good there: that is what a revocation is for.
    const bad = [...gone, ...set.keys].filter(({ id }) => {
      const there = known.find((key) => key.id === id);
      return (
        known.length > 0 && (there === undefined ? gone.some((key) => key.id === id) : there.to !== null && there.to + 3_000 < world.now())
      );
    });
    const stranger = what === 3 || bad.length === 0;
    const chosen = stranger ? { id: usable()[0]?.id ?? '', public: ring.stranger.text } : by.pick(bad);
    const key = chosen.id;
    const sign = (kind: 'diff' | 'head' | 'snapshot', payload: Uint8Array): string =>
      stranger ? ring.stranger.sign(signedBytes(kind, payload)) : ring.sign(kind, payload, key);
    const own = record.rowOf(target);
    const table: Table = byId([avoid(90 + by.integer(9), null)]);
    const now = Math.floor(world.now());
    const epoch = now + 1_000_000 + by.integer(1_000);
    const common = { v: 1, target, at: now, epoch, revision: (own?.revision ?? 0) + 1, hash: tableHash(target, table), issued: now };
    const keySet = by.chance(0.3) ? ring.set(1_000, [{ id: key, public: chosen.public, from: 0, to: null }], ring.stranger) : null;
    const above = { overrides: [], lifted: [], keySet };
    const wire = (channel: 'diff' | 'head' | 'snapshot', message: object): Wire => {
      const payload = encode(message);
      return { channel, target, payload, key, signature: sign(channel, payload) };
    };
    if (what === 4) {
      const from = own?.entries ?? [];
      const ops = [...from.map(({ id }) => ({ op: 'drop', id })), ...table.map((entry) => ({ op: 'put', id: entry.id, entry }))];
      ops.sort((a, b) => (a.id < b.id ? -1 : 1));
      return wire('diff', { ...common, table: 1, base: own?.revision ?? 0, baseHash: own?.hash ?? '', ops });
    }
    const instance = hold?.options.instance ?? { adapter: 'x', boot: 1 };
    const grant = { epoch, n: 1, instance: by.chance(0.5) ? instance : { adapter: 'x', boot: 1 } };
    if (what === 5) return wire('head', { ...common, ...above, grant });
    const nonce = hold?.ask.nonce ?? '00'.repeat(16);
    return wire('snapshot', { ...common, ...above, nonce, instance, grant, entries: table, part: 0, parts: 1, hashes: [] });
  }

  function crash(node: { readonly alive: () => boolean; readonly crash: () => void; readonly start: () => void }, ms: number): void {
    if (!node.alive()) return;
    node.crash();
    const who = [...nodes].find(([, one]) => one === node)?.[0] ?? '';
    world.after(ms, () => {
      if (node.alive() || (!faults.on && node === engine)) return;
      if (node !== engine) watch.restarted(who);
      node.start();
    });
  }

  function interrupt(ms: number): void {
    cut = true;
    world.after(ms, () => {
      cut = false;
      engine.connected();
      for (const node of nodes.values()) node.connected();
    });
  }

  function wants(): void {
    if (engine.alive() && faults.on) engine.want(new Map(names.filter(() => random.chance(0.8)).map((name) => [name, someTable()])));
    world.after(50 + random.next() * 700, wants);
  }

  function someTable(): Table {
    const ids = [1, 2, 3, 4, 5].filter(() => random.chance(0.45));
    const base = Math.floor(world.now() / 2_000) * 2_000;
    return byId(ids.map((n) => avoid(n, random.chance(0.3) ? null : base + 1_000 * (1 + random.integer(4)))));
  }

  function calm(): void {
    faults.on = false;
    cut = false;
    // Two who take the device from each other have no end; one of them goes home.
    random.pick(pair).end();
    for (const [who, node] of nodes) if (!node.alive() && !pair.some((one) => one === node)) begin(who, node);
    const stays = pair.find((node) => node.staying());
    if (stays !== undefined && !stays.alive()) begin(`switch-1/${stays.adapter}`, stays);
    if (!engine.alive()) engine.start();
    rotate(true);
    world.after(5_000, () => engine.want(new Map(names.map((name) => [name, someTable()]))));
  }

  function check(): void {
    const lead = engine.lead();
    if (lead === null) return;
    must(lead.keyId === set.keys.at(-1)?.id, `the engine signs with ${lead.keyId}, the newest key is ${set.keys.at(-1)?.id}`);
    for (const [who, node] of nodes) {
      if ('staying' in node && !node.staying()) continue;
      const hold = node.hold();
      const own = record.rowOf(node.target);
      const said = `${who} at the end: `;
      const held = hold?.file.held;
      must(
        own !== null && held?.revision === own.revision && held.hash === own.hash,
        `${said}holds ${held?.revision}, the record has ${own?.revision}`,
      );
      must(hold?.inForce === true && hold.job === null, `${said}not in force`);
      must(node.disk()?.keySet?.payload === signed.payload, `${said}does not keep the newest key set`);
      const left = (own?.entries ?? []).filter((e) => !hold?.file.ended.some((x) => x.id === e.id && x.until === e.until));
      const there = 'device' in node ? (node.device() ?? []) : device.readback();
      must(canon(left) === canon(there), `${said}the device has another table`);
      const late = there.find((e) => e.until !== null && e.until + lateMs < world.now());
      must(late === undefined, `${said}an entry is in force ${world.now() - (late?.until ?? 0)} ms past its until`);
    }
    if (pair.some(({ takeovers }) => takeovers() > 0)) counts.takeovers += 1;
  }
}

function caught(run: () => void): string | null {
  try {
    run();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
