import { canon } from '../../src/model/canon.ts';
import type { Table } from '../../src/model/table.ts';
import { avoid, byId } from '../protocol/fixtures.ts';
import { createAdapter } from './nodes.ts';
import type { AdapterNode, Setting, Wire } from './nodes.ts';
import { must } from './oracle.ts';
import { seeded } from '../protocol/random.ts';
import type { Seeded } from '../protocol/random.ts';
import { createDesk } from './people.ts';
import { createRecord } from './record.ts';
import { createRival } from './rival.ts';
import type { Rival } from './rival.ts';
import { createUmpire } from './rivals.ts';
import { createWorld } from './world.ts';
import type { Code } from './world.ts';

const startMs = 1_700_000_000_000;
const faultsMs = 35_000;
/** A take-over, an adoption, and one more table. */
const calmMs = 25_000;
const lateMs = 1_500;

export type Outcome = {
  readonly violation: string | null;
  readonly revisions: number;
  /** Terms that began. */
  readonly terms: number;
  readonly adopted: boolean;
};

/**
 * One seed of two or three engines on one record: they are killed, stopped and continued, cut off from the record or the bus, and the
 * record is restored; then calm, and a person who accepts what was restored. The same seed gives the same run.
 */
export function simulateEngines(seed: number, code: Code): Outcome {
  const random = seeded(seed);
  const world = createWorld(startMs);
  const record = createRecord(random);
  const rate = (most: number): number => (random.chance(0.3) ? 0 : random.next() * most);
  const faults = { on: true, loss: rate(0.3), dup: rate(0.2), slow: rate(0.1), device: 0, disk: 0, commit: rate(0.15) };
  const setting: Setting = { code, world, random, record, faults, desk: createDesk() };
  const mayRestore = random.chance(0.35);
  const umpire = createUmpire(world.now);
  let restored = false;
  let accepted = false;
  let isDown = false;
  let isBackedUp = false;
  let terms = 0;
  let desired: ReadonlyMap<string, Table> = new Map();
  const cut = new Set<string>();
  const past: (() => void)[] = [];
  const adapters = new Map<string, AdapterNode>();
  const engines: Rival[] = [];

  const carry = (engine: string, deliver: () => void): void => {
    if (!faults.on) return world.after(0.5 + random.next(), deliver);
    if (past.length < 400) past.push(deliver);
    if (cut.has(engine) || random.chance(faults.loss)) return;
    for (let copies = random.chance(faults.dup) ? 2 : 1; copies > 0; copies--) {
      world.after(random.chance(faults.slow) ? 50 + random.next() * 2_500 : 0.5 + random.next() * 15, deliver);
    }
  };
  const counting = { ...umpire, taken: (by: string, from: string): void => (terms++, umpire.taken(by, from)) };
  for (const id of random.chance(0.3) ? ['a', 'b', 'c'] : ['a', 'b']) {
    engines.push(
      createRival(setting, {
        id,
        umpire: counting,
        send: (message) => carry(id, () => adapters.get(message.target)?.deliver(message)),
        isDown: () => isDown,
        restored: () => restored,
        accepted: () => accepted,
        desired: () => desired,
      }),
    );
  }
  const names = random.chance(0.5) ? ['side-1'] : ['side-1', 'side-2'];
  for (const target of names) {
    const send = (message: Wire): void => engines.forEach((engine) => carry(engine.id, () => engine.deliver(message)));
    adapters.set(
      target,
      createAdapter(setting, { target, send, outlives: random.chance(0.4), wallOffsetMs: (random.next() - 0.5) * 1_000 }),
    );
  }

  const violation = caught(() => {
    for (const engine of engines) world.after(random.next() * 2_000, () => engine.alive() || engine.start());
    for (const adapter of adapters.values()) world.after(random.next() * 500, adapter.start);
    chaos();
    wants();
    person();
    world.runUntil(startMs + faultsMs);
    calm();
    world.runUntil(startMs + faultsMs + calmMs);
    checkEngines();
    for (const adapter of adapters.values()) check(adapter);
  });
  return { violation, revisions: record.table(), terms, adopted: record.adopted() > 0 };

  function chaos(): void {
    if (!faults.on) return;
    const what = random.next();
    const engine = random.chance(0.6) ? (engines.find((one) => one.leads()) ?? random.pick(engines)) : random.pick(engines);
    const replay = past.length > 0 ? random.pick(past) : null;
    if (what < 0.12) kill(engine, random.pick([50, 2_000, 9_000]) * random.next());
    else if (what < 0.27) pauseFor(engine, random.pick([500, 4_000, 12_000]) * random.next());
    else if (what < 0.37) kill(random.pick([...adapters.values()]), 20 + random.next() * 2_000);
    else if (what < 0.45) away(random.pick([300, 3_000, 8_000]) * random.next());
    else if (what < 0.52) cutOff(engine, random.next() * 8_000);
    else if (what < 0.56) engine.broken();
    else if (what < 0.62) stumble(engine);
    else if (what < 0.74 && mayRestore) backUpOrRestore();
    else if (replay !== null) replay();
    world.after(200 + random.next() * 2_000, chaos);
  }

  function kill(node: { readonly alive: () => boolean; readonly crash: () => void; readonly start: () => void }, ms: number): void {
    if (!node.alive()) return;
    node.crash();
    world.after(ms, () => !node.alive() && node.start());
  }

  function pauseFor(engine: Rival, ms: number): void {
    engine.stop();
    world.after(ms, engine.go);
  }

  /** Stopped while its beat is on the way; when it goes on, the record is away. */
  function stumble(engine: Rival): void {
    world.after(random.next() * 1_000, () => {
      pauseFor(engine, 500 + random.next() * 3_500);
      world.after(15, () => away(9_000));
    });
  }

  /** The database goes away, for everybody: whoever is connected notices. */
  function away(ms: number): void {
    isDown = true;
    for (const engine of engines) engine.broken();
    world.after(ms, () => (isDown = false));
  }

  function cutOff(engine: Rival, ms: number): void {
    cut.add(engine.id);
    world.after(ms, () => {
      cut.delete(engine.id);
      engine.connected();
    });
  }

  /** Once: a person gives up what lies between, for good; what is lost after that would be another loss. */
  function backUpOrRestore(): void {
    if (restored) return;
    if (!isBackedUp) {
      isBackedUp = true;
      return record.backup();
    }
    record.restore();
    restored = true;
    umpire.restored();
    // Its connections do not survive it.
    for (const engine of engines) engine.broken();
  }

  /** Looks now and then, and accepts what was restored when the engine that leads says that it is behind. */
  function person(): void {
    const leader = engines.find((one) => one.leads());
    if (restored && leader !== undefined && (leader.lead()?.behind.size ?? 0) > 0 && (!faults.on || random.chance(0.3))) {
      accepted = true;
      leader.accept();
    }
    world.after(1_000 + random.next() * 2_000, person);
  }

  function wants(): void {
    if (faults.on) {
      desired = new Map(names.filter(() => random.chance(0.8)).map((name) => [name, someTable(random, world.now())]));
      for (const engine of engines) engine.want(desired);
    }
    world.after(200 + random.next() * 1_500, wants);
  }

  function calm(): void {
    faults.on = false;
    isDown = false;
    cut.clear();
    for (const engine of engines) {
      engine.go();
      if (!engine.alive()) engine.start();
      engine.connected();
    }
    for (const adapter of adapters.values()) {
      if (!adapter.alive()) adapter.start();
      adapter.connected();
    }
    world.after(calmMs - 6_000, () => {
      desired = new Map(names.map((name) => [name, someTable(random, world.now())]));
      for (const engine of engines) engine.want(desired);
    });
  }

  function checkEngines(): void {
    const leading = engines.filter((engine) => engine.leads());
    must(leading.length === 1, `${leading.length} engines lead at the end`);
    const [leader] = leading;
    must(record.leader().holder === leader?.id, 'the record names another leader');
    for (const engine of engines) {
      if (engine === leader) continue;
      must(engine.lease()?.seen?.row.holder === leader?.id, `${engine.id} does not know who leads`);
    }
    must(leader?.lead()?.behind.size === 0, 'the leader is behind still, though a person accepts');
    must(leader?.lead()?.ready === true, 'the leader is in doubt still');
  }

  function check(adapter: AdapterNode): void {
    const hold = adapter.hold();
    const device = adapter.device() ?? [];
    const own = record.rowOf(adapter.target);
    const said = `${adapter.target} at the end: `;
    const held = hold?.file.held;
    must(
      own !== null && held?.revision === own.revision && held.hash === own.hash,
      `${said}holds ${held?.revision}, the record has ${own?.revision}`,
    );
    must(canon(own?.entries ?? []) === canon(desired.get(adapter.target) ?? []), `${said}the record has another table than was asked for`);
    const over = device.find((e) => e.until !== null && e.until + lateMs < world.now());
    must(over === undefined, `${said}an entry is in force ${world.now() - (over?.until ?? 0)} ms past its until`);
    const left = (own?.entries ?? []).filter((e) => !hold?.file.ended.some((x) => x.id === e.id && x.until === e.until));
    must(canon(left) === canon(device), `${said}the device has another table`);
    const fence = record.leader().epoch;
    must(hold?.file.fence === fence, `${said}its fence is ${hold?.file.fence}, the epoch ${fence}`);
  }
}

function someTable(random: Seeded, nowMs: number): Table {
  const ids = [1, 2, 3, 4, 5].filter(() => random.chance(0.4));
  const base = Math.floor(nowMs / 2_000) * 2_000;
  return byId(ids.map((n) => avoid(n, random.chance(0.3) ? null : base + 1_000 * (1 + random.integer(4)))));
}

function caught(run: () => void): string | null {
  try {
    run();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
