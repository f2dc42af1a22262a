import { canon } from '../../src/model/canon.ts';
import type { HoldFile } from '../../src/core/hold/types.ts';
import type { Table } from '../../src/model/table.ts';
import { avoid, byId } from '../protocol/fixtures.ts';
import { createAdapter, createEngine } from './nodes.ts';
import type { AdapterNode, Setting, Wire } from './nodes.ts';
import { must } from './oracle.ts';
import { seeded } from '../protocol/random.ts';
import type { Seeded } from '../protocol/random.ts';
import { createDesk, someOverride } from './people.ts';
import { createRecord } from './record.ts';
import { createWorld } from './world.ts';
import type { Code, World } from './world.ts';

const startMs = 1_700_000_000_000;
const faultsMs = 6_000;
const calmMs = 11_000;
/** How late a lease may end: the tick, the disk, the device, and what the network may have cost engine time. */
const lateMs = 1_500;

export type Outcome = { readonly violation: string | null; readonly revisions: number; readonly behind: boolean; readonly sent: number };

/** One seed: some seconds of faults, then calm, then what must be so. The same seed gives the same run. */
export function simulate(seed: number, code: Code): Outcome {
  const random = seeded(seed);
  const world = createWorld(startMs);
  const record = createRecord(random);
  const rate = (most: number): number => (random.chance(0.3) ? 0 : random.next() * most);
  const faults = {
    on: true,
    loss: rate(0.4),
    dup: rate(0.3),
    slow: rate(0.2),
    device: rate(0.2),
    disk: random.chance(0.15) ? 0.2 : 0,
    commit: rate(0.2),
  };
  const desk = createDesk();
  const setting: Setting = { code, world, random, record, faults, desk };
  const mayRestore = random.chance(0.3);
  const engineStays = random.chance(0.85);
  let restored = false;
  let cut = false;
  let deaf = false;
  let sent = 0;
  const past: (() => void)[] = [];
  const adapters = new Map<string, AdapterNode>();

  const carry = (deliver: () => void): void => {
    sent += 1;
    if (!faults.on) return world.after(0.5 + random.next(), deliver);
    if (past.length < 400) past.push(deliver);
    if (cut || random.chance(faults.loss)) return;
    for (let copies = random.chance(faults.dup) ? 2 : 1; copies > 0; copies--) {
      world.after(random.chance(faults.slow) ? 50 + random.next() * 2_500 : 0.5 + random.next() * 15, deliver);
    }
  };
  const engine = createEngine(setting, {
    send: (message) => {
      for (const [name, adapter] of adapters)
        if (message.target === name || message.target === 'all') carry(() => adapter.deliver(message));
    },
    restored: () => restored,
  });
  const names = random.chance(0.5) ? ['side-1'] : ['side-1', 'side-2'];
  for (const target of names) {
    const wallOffsetMs = random.chance(0.15) ? (random.next() - 0.5) * 120_000 : (random.next() - 0.5) * 1_000;
    const send = (message: Wire): void => (deaf ? undefined : carry(() => engine.deliver(message)));
    adapters.set(target, createAdapter(setting, { target, send, outlives: random.chance(0.4), wallOffsetMs }));
  }

  const restoreNow = (): void => {
    record.restore();
    restored = true;
  };
  const violation = caught(() => {
    engine.start();
    for (const adapter of adapters.values()) world.after(random.next() * 500, adapter.start);
    chaos();
    wants(
      world,
      random,
      () => engine.alive() && faults.on,
      (tables) => engine.want(tables),
      names,
    );
    world.runUntil(startMs + faultsMs);
    calm();
    world.runUntil(startMs + faultsMs + calmMs);
    for (const adapter of adapters.values()) check(adapter);
  });
  const behind = (engine.lead()?.behind.size ?? 0) > 0;
  return { violation, revisions: record.table(), behind, sent };

  /** Things that happen while there are faults. */
  function chaos(): void {
    if (!faults.on) return;
    const what = random.next();
    const replay = past.length > 0 ? random.pick(past) : null;
    if (what < 0.1) crash(engine, 100 + random.next() * 2_000);
    else if (what < 0.3) crash(random.pick([...adapters.values()]), 20 + random.next() * 1_500);
    else if (what < 0.35) interrupt(random.next() * 3_000);
    else if (what < 0.4) {
      // Heard by all, hearing nobody: an engine that learns late what it lacks.
      deaf = true;
      world.after(random.next() * 3_000, () => (deaf = false));
    } else if (what < 0.55 && mayRestore) {
      if (restored || random.chance(0.5)) record.backup();
      else {
        engine.crash();
        restoreNow();
        world.after(200, () => !engine.alive() && engine.start());
      }
    } else if (what < 0.75) person();
    else if (replay !== null) replay();
    world.after(30 + random.next() * 400, chaos);
  }

  /** Somebody freezes, reverts, switches off or lifts, through the engine or at an adapter. */
  function person(): void {
    const adapter = random.pick([...adapters.values()]);
    const active = desk.active(world.now()).map(({ id }) => id);
    const here = random.chance(0.4);
    if (active.length > 0 && random.chance(0.4)) {
      const ids = [random.pick(active)];
      if (!here) return engine.alive() ? engine.lift(ids) : undefined;
      return adapter.ask({ kind: 'lift', ids });
    }
    const override = someOverride(random, world.now(), adapter.target);
    if (here) adapter.ask({ kind: 'override', override });
    else if (engine.alive()) engine.override(override);
  }

  function crash(node: { readonly alive: () => boolean; readonly crash: () => void; readonly start: () => void }, ms: number): void {
    if (!node.alive()) return;
    node.crash();
    world.after(ms, () => !node.alive() && (faults.on || node !== engine) && node.start());
  }

  function interrupt(ms: number): void {
    cut = true;
    world.after(ms, () => {
      cut = false;
      engine.connected();
      for (const adapter of adapters.values()) adapter.connected();
    });
  }

  function calm(): void {
    faults.on = false;
    cut = false;
    deaf = false;
    for (const adapter of adapters.values()) if (!adapter.alive()) adapter.start();
    if (!engineStays) return engine.crash();
    if (!engine.alive()) engine.start();
    // Once more something to publish, some of which ends within the calm.
    world.after(4_000, () => engine.want(new Map(names.map((name) => [name, someTable(random, world.now())]))));
  }

  function check(adapter: AdapterNode): void {
    const hold = adapter.hold();
    const lead = engine.lead();
    const device = adapter.device() ?? [];
    const own = record.rowOf(adapter.target);
    const said = `${adapter.target} at the end: `;
    if (hold?.file.held != null && hold.clock.contact) {
      const over = device.find((e) => e.until !== null && e.until + lateMs < world.now());
      must(over === undefined || waits(hold.file), `${said}an entry is in force ${world.now() - (over?.until ?? 0)} ms past its until`);
    }
    must(
      hold?.file.mode == null || !hold.clock.contact || hold.file.overrides.some(({ until }) => until + lateMs > world.now()),
      `${said}an override outlives its time`,
    );
    if (lead === null) return;
    if (restored && lead.behind.size > 0) return;
    const held = hold?.file.held;
    must(
      own !== null && held?.revision === own.revision && held.hash === own.hash,
      `${said}holds ${held?.revision}, the record has ${own?.revision}`,
    );
    must(hold?.inForce === true && hold.job === null, `${said}not in force`);
    const left = (own?.entries ?? []).filter((e) => !hold?.file.ended.some((x) => x.id === e.id && x.until === e.until));
    must(canon(left) === canon(device), `${said}the device has another table`);
    must(adapter.disk()?.held?.hash === own?.hash, `${said}the disk has another table`);
    const state = lead.targets.get(adapter.target)?.state;
    must(own?.revision === 0 || state === 'accepted', `${said}the engine takes it for ${state}`);
    must(lead.targets.get(adapter.target)?.info !== null, `${said}the engine does not know what it can do`);
  }
}

/** After a freeze that nobody's snapshot followed. */
const waits = ({ graceUntil }: HoldFile): boolean => graceUntil !== null && graceUntil < startMs + faultsMs + 2_500 + 11_000;

function wants(
  world: World,
  random: Seeded,
  on: () => boolean,
  want: (tables: ReadonlyMap<string, Table>) => void,
  names: readonly string[],
): void {
  const next = (): void => {
    if (on()) want(new Map(names.filter(() => random.chance(0.8)).map((name) => [name, someTable(random, world.now())])));
    world.after(50 + random.next() * 700, next);
  };
  world.after(300, next);
}

function someTable(random: Seeded, nowMs: number): Table {
  const ids = [1, 2, 3, 4, 5].filter(() => random.chance(0.4));
  // Now and then the same instant again, so that equal tables and equal untils come back.
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
