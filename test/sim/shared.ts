import type { Effect, Hold, HoldFile, Input } from '../../src/core/hold/types.ts';
import type { Instance } from '../../src/core/publish/messages.ts';
import type { Table } from '../../src/model/table.ts';
import type { Device, DeviceGrant } from './device.ts';
import { capabilities } from '../protocol/fixtures.ts';
import type { Setting, Wire } from './nodes.ts';
import { must } from './oracle.ts';

/** After a stop the process ends, and its keeper starts it anew; sooner than the 30 s of the real one, so that it happens in a seed. */
const againMs = 3_000;
/** What the network may have cost engine time. */
const lateMs = 1_200;

/**
 * One of several adapters of a device that they share. What protocol.md section 5.9 says of it is kept here, apart from the code: it writes
 * only under a grant that the device has taken, and only after a snapshot that it asked for after that.
 */
export function createShared(
  { code, world, random, faults, more }: Setting,
  options: { readonly target: string; readonly adapter: string; readonly device: Device; readonly send: (message: Wire) => void },
) {
  const { target, adapter, device, send } = options;
  let disk: string | null = null;
  let pendingSave: string | null = null;
  let hold: Hold | null = null;
  let instance: Instance = { adapter, boot: 0 };
  let life = 0;
  let wanted = true;
  let takeovers = 0;
  let bootMs = 0;
  let asked = new Set<string>();
  let taken: DeviceGrant | null = null;
  /** Grants for which an answer came to what was asked after the device took them. */
  let answered = new Set<string>();
  /** The highest grant of another that it was told of in this life. */
  let told: DeviceGrant | null = null;
  const mono = (): number => world.now() - bootMs + 1_000;

  const later = (ms: number, run: () => void): void => {
    const mine = life;
    world.after(ms, () => {
      if (mine === life) run();
    });
  };
  const give = (input: Input): void => {
    if (hold === null) return;
    for (const effect of code.holdStep(hold, input, mono())) carryOut(hold, effect);
  };
  const carryOut = (owner: Hold, effect: Effect): void => {
    switch (effect.kind) {
      case 'send':
        if (effect.channel === 'announce') asked.add(String(owner.ask.nonce));
        return send({ channel: effect.channel, target, payload: effect.payload, key: '', signature: '' });
      case 'save':
        return save(effect.file);
      case 'master':
        return master(effect.grant);
      case 'apply':
        return apply(effect.table, effect.revision);
      case 'stop':
        takeovers += 1;
        crash();
        return world.after(againMs, () => hold === null && wanted && start());
      default:
        return;
    }
  };
  const save = (file: HoldFile): void => {
    more?.saving(`${target}/${adapter}`, file);
    const text = JSON.stringify(file);
    pendingSave = text;
    later(0.2 + random.next() * 4, () => {
      pendingSave = null;
      if (faults.on && random.chance(faults.disk)) return give({ kind: 'saved', ok: false });
      disk = text;
      more?.saved(`${target}/${adapter}`, file);
      give({ kind: 'saved', ok: true });
    });
  };
  const master = (grant: DeviceGrant & { readonly instance: Instance }): void => {
    must(grant.instance.adapter === adapter && grant.instance.boot === instance.boot, `${adapter} gives the device another's grant`);
    const fails = faults.on && random.chance(faults.device);
    later(0.5 + random.next() * 20, () => {
      const answer = fails ? 'failed' : device.takeMastership(grant);
      if (answer === 'taken') {
        taken = grant;
        asked = new Set();
      }
      later(0.5 + random.next() * 5, () => give({ kind: 'mastered', answer, table: answer === 'taken' ? device.readback() : null }));
    });
  };
  const apply = (table: Table, revision: number | null): void => {
    must(taken !== null, `${adapter} writes and the device has not taken its grant`);
    must(taken !== null && answered.has(nameOf(taken)), `${adapter} writes before an answer to what it asked after its grant`);
    must(told === null || taken === null || !above(told, taken), `${adapter} writes though it was told of a higher grant`);
    const inForce = new Set(device.readback().map((e) => `${e.id}:${e.until}`));
    const late = table.find((e) => e.until !== null && e.until < world.now() - lateMs && !inForce.has(`${e.id}:${e.until}`));
    must(late === undefined, `${adapter} installs an entry ${world.now() - (late?.until ?? 0)} ms past its until`);
    const grant = taken;
    const refuses = faults.on && random.chance(faults.device);
    later(0.2 + random.next() * 10, () => {
      if (refuses) return give({ kind: 'applied', rejected: [{ id: 'f'.repeat(32), code: 'E-TEST', text: 'not today' }] });
      if (!device.write(grant, table, revision ?? -1)) return give({ kind: 'applied', rejected: null, superseded: true });
      later(random.next() * 2, () => give({ kind: 'applied', rejected: null }));
    });
  };
  const tick = (): void => {
    later(100, () => {
      give({ kind: 'tick' });
      tick();
    });
  };
  const start = (): void => {
    if (!wanted || hold !== null) return;
    life += 1;
    bootMs = world.now();
    asked = new Set();
    answered = new Set();
    taken = null;
    told = null;
    const file: HoldFile | null = disk === null ? null : JSON.parse(disk);
    instance = { adapter, boot: Math.max((file?.boot ?? 0) + 1, Math.floor(world.now())) };
    hold = code.createHold({
      target,
      instance,
      file,
      kind: 'p4',
      capabilities,
      sees: { services: ['checkout'] },
      address: null,
      onEmpty: 'closed',
      shared: true,
      verify: () => false,
      draw: random,
      wallMs: world.now(),
      monoMs: mono(),
      ...more?.hold,
    });
    give({ kind: 'start' });
    tick();
  };
  const crash = (): void => {
    if (hold === null) return;
    life += 1;
    hold = null;
    if (pendingSave !== null && random.chance(0.5)) {
      disk = pendingSave;
      more?.saved(`${target}/${adapter}`, JSON.parse(disk));
    }
    pendingSave = null;
  };

  return {
    target,
    adapter,
    start,
    crash,
    /** For good. */
    end: (): void => {
      wanted = false;
      crash();
    },
    alive: (): boolean => hold !== null,
    staying: (): boolean => wanted,
    takeovers: (): number => takeovers,
    /** `real`: the engine made it and it is meant for this target. */
    deliver: ({ channel, payload, key, signature }: Wire, real: boolean): void => {
      if (channel !== 'diff' && channel !== 'head' && channel !== 'snapshot') return;
      if (hold !== null && real && signature !== '') hear(JSON.parse(Buffer.from(payload).toString('utf8')));
      give({ kind: 'message', channel, payload, key, signature });
    },
    connected: (): void => give({ kind: 'connected' }),
    hold: (): Hold | null => hold,
    disk: (): HoldFile | null => (disk === null ? null : JSON.parse(disk)),
  };

  function hear(message: { readonly nonce?: string; readonly grant?: (DeviceGrant & { readonly instance: Instance }) | null }): void {
    const { nonce, grant } = message;
    if (nonce === undefined || grant == null) return;
    if (grant.instance.adapter !== adapter) {
      // Only an answer is known to be no echo of another term.
      if (asked.has(nonce) && taken !== null && above(grant, taken)) told = grant;
    } else if (asked.has(nonce) && taken !== null && nameOf(grant) === nameOf(taken)) answered.add(nameOf(taken));
  }
}
export type SharedNode = ReturnType<typeof createShared>;

const nameOf = ({ epoch, n }: DeviceGrant): string => `${epoch}:${n}`;
const above = (a: DeviceGrant, b: DeviceGrant): boolean => a.epoch > b.epoch || (a.epoch === b.epoch && a.n > b.n);
