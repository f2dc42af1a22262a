import { holdTickMs } from '../core/limits.ts';
import { createHold, step } from '../core/hold/hold.ts';
import { decodeFile } from '../core/hold/file.ts';
import type { Effect, Hold, HoldFile, HoldStatus, Input, OnEmpty } from '../core/hold/types.ts';
import { downChannels, everyTarget, keyHeader, signatureHeader, subjectOf } from '../core/publish/subjects.ts';
import { emptyInventory } from '../model/inventory.ts';
import type { Inventory } from '../model/inventory.ts';
import { fail, ok } from '../model/problem.ts';
import type { Result } from '../model/problem.ts';
import { targetName } from '../model/target.ts';
import type { Sees } from '../model/target.ts';
import type { Bus } from '../ports/bus.ts';
import type { Clock } from '../ports/clock.ts';
import type { Connector } from '../ports/connector.ts';
import type { Random } from '../ports/random.ts';
import type { Verifier } from '../ports/signer.ts';
import { serveControl } from '../runtime/control.ts';
import type { Durable } from '../runtime/durable.ts';
import { openDurable } from '../runtime/durable.ts';
import { atDesk } from './desk.ts';
import { announceProblem, apply, openDevice, openProblem, targetProblem } from './device.ts';
import type { Device } from './device.ts';
import { carryRecords } from './records.ts';
import type { Records } from './records.ts';
import { narrator } from './narrate.ts';

export type AdapterOptions = {
  readonly target: string;
  readonly connector: Connector;
  readonly settings: Readonly<Record<string, string>>;
  readonly inventory?: Inventory;
  readonly bus: Bus;
  readonly verifier: Verifier;
  readonly clock: Clock;
  readonly random: Random;
  /** The durable file; null: a target that keeps nothing (its boot number is its start time). */
  readonly file: string | null;
  readonly onEmpty: OnEmpty;
  /** Where a person may talk to it, a Unix socket; null: nowhere. */
  readonly socket: string | null;
  /** Narration for a person; the adapter itself writes nothing anywhere. */
  readonly say: (line: string) => void;
};

export type Adapter = {
  /** Where the enforcement point listens, as its connector says. */
  readonly address: string;
  readonly status: () => HoldStatus | null;
  /** Messages refused so far, by reason. */
  readonly refused: () => Readonly<Record<string, number>>;
  readonly recordsDropped: () => number;
  /** Gives the device its table again, with who is there by now. */
  readonly setInventory: (inventory: Inventory) => void;
  /** Resolves when another instance has the grant: exit 3, start again after 30 s (protocol.md section 5.9). */
  readonly superseded: Promise<void>;
  /** Ends the records, the source, the target and the file's lock; the bus is the caller's. */
  readonly stop: () => Promise<void>;
};

/**
 * Runs one enforcement point: bus, hold, device and records wired together, and nothing decided here. Problems: E-TARGET for a name that
 * cannot be a target's or a connector that offers none, E-CONNECTOR when it does not open, E-LOCKED, E-FILE, E-MESSAGE for capabilities
 * that cannot be announced.
 */
export async function runAdapter(options: AdapterOptions): Promise<Result<Adapter>> {
  if (!targetName.test(options.target) || options.target === everyTarget)
    return fail(targetProblem('a name of a target is [a-z0-9-]{1,63}, and not all', options.target));
  const opened = options.file === null ? null : openDurable(options.file, `flyball adapter ${options.target}`);
  if (opened !== null && !opened.ok) return opened;
  const durable = opened?.value ?? null;
  const device = await openDevice(options);
  if (!device.ok) {
    await durable?.close();
    return device;
  }
  const unsaid = announceProblem(options.target, device.value);
  if (unsaid === null) return await wire(options, durable, device.value);
  await device.value.target.stop();
  await durable?.close();
  return fail(unsaid);
}

async function wire(options: AdapterOptions, durable: Durable | null, device: Device): Promise<Result<Adapter>> {
  const { target, bus, clock, random, verifier } = options;
  const say = narrator(options.say, clock);
  if (durable?.aside) say('aside', `${durable.aside.path}: set aside, ${durable.aside.why}`);
  const file = readFile(options, durable, say);
  // Above every boot on disk, and above those of a file that was lost, as long as the clock runs.
  const boot = Math.max((file?.boot ?? 0) + 1, Math.floor(clock.now()));
  const instance = { adapter: file?.adapter ?? random.hex(8), boot };
  const { kind, capabilities, sees } = device.target;
  const hold: Hold = createHold({
    target,
    instance,
    file,
    kind,
    capabilities,
    sees,
    address: device.address === '' ? null : device.address,
    onEmpty: options.onEmpty,
    verify: verifier.verify,
    draw: random,
    wallMs: clock.now(),
    monoMs: clock.monotonic(),
  });
  let inventory = options.inventory ?? emptyInventory;
  let stopped = false;
  let working: Promise<void> = Promise.resolve();
  let supersede = (): void => undefined;
  const superseded = new Promise<void>((resolve) => (supersede = resolve));
  let lastLine = '';

  const told = (status: HoldStatus): void => {
    // Revisions come and go; what a person wants to hear of is whether it enforces at all.
    const line = statusLine(target, status);
    if (line !== lastLine) options.say(line);
    lastLine = line;
  };
  const give = (input: Input): void => {
    if (stopped) return;
    for (const effect of step(hold, input, clock.monotonic())) carryOut(effect);
  };
  /** Save and apply take time; hold has at most one of them under way. */
  const later = (work: Promise<Input>): void => {
    working = work.then((input) => {
      give(input);
      lookBehind();
    });
  };
  /** A table brings who is there by now, and the device may see others than it announced. */
  let announced: Sees = sees;
  const lookBehind = (): void => {
    if (device.target.sees === announced) return;
    announced = device.target.sees;
    give({ kind: 'sees', sees: announced });
  };
  const carryOut = (effect: Effect): void => {
    switch (effect.kind) {
      case 'send':
        return bus.publish({ subject: subjectOf(effect.channel, target), payload: effect.payload, headers: {} });
      case 'save':
        return later(save(durable, effect.file, say));
      case 'apply':
        return later(apply(device.target, effect.table, inventory));
      case 'report':
        return say(effect.reason, `${target}: ${effect.reason}: ${effect.what} (${effect.count})`);
      case 'status':
        return told(effect.status);
      case 'stop':
        say('stop', `${target}: another adapter has the grant`);
        return supersede();
    }
  };

  const heard = [...downChannels.map((channel) => ({ channel, name: target })), { channel: 'override' as const, name: everyTarget }];
  const listen = heard.map(({ channel, name }) =>
    bus.subscribe(subjectOf(channel, name), ({ payload, headers }) =>
      give({ kind: 'message', channel, payload, key: headers[keyHeader] ?? '', signature: headers[signatureHeader] ?? '' }),
    ),
  );
  let connected = bus.state().connected;
  const unwatch = bus.watch((state) => {
    if (state.connected && !connected) give({ kind: 'connected' });
    connected = state.connected;
  });
  const cancelTick = clock.each(holdTickMs, () => give({ kind: 'tick' }));
  give({ kind: 'start' });
  let records: Records | null = null;
  const control = options.socket === null ? ok(null) : await serveControl(options.socket, (body) => atDesk(body, hold, give));

  const stop = async (): Promise<void> => {
    if (stopped) return;
    cancelTick();
    unwatch();
    for (const off of listen) off();
    await records?.stop();
    if (control.ok) await control.value?.close();
    stopped = true;
    await working;
    await device.target.stop();
    await durable?.close();
  };
  if (!control.ok) {
    await stop();
    return control;
  }
  try {
    const { source } = device;
    if (source !== null) records = await carryRecords({ target, instance: `${instance.adapter}.${boot}`, source, bus, clock });
  } catch (error) {
    await stop();
    return fail(openProblem(options, error));
  }
  return ok({
    address: device.address,
    status: () => hold.status,
    refused: () => Object.fromEntries(hold.counts),
    recordsDropped: () => records?.dropped() ?? 0,
    setInventory: (next) => {
      inventory = next;
      give({ kind: 'reapply' });
    },
    superseded,
    stop,
  });
}

function readFile(
  { target, verifier }: AdapterOptions,
  durable: Durable | null,
  say: (key: string, line: string) => void,
): HoldFile | null {
  if (durable === null || durable.value === null) return null;
  const read = decodeFile(durable.value, target, verifier.verify);
  if (read.ok) return read.value;
  const { path, why } = durable.reject(read.problem.what);
  say('aside', `${path}: set aside, ${why}`);
  return null;
}

async function save(durable: Durable | null, file: HoldFile, say: (key: string, line: string) => void): Promise<Input> {
  if (durable === null) return { kind: 'saved', ok: true };
  const saved = await durable.save(file);
  if (!saved.ok) say('save', `${saved.problem.what} · ${saved.problem.todo}`);
  return { kind: 'saved', ok: saved.ok };
}

function statusLine(target: string, { revision, ready, provisional, onEmpty }: HoldStatus): string {
  if (revision === null) return `${target}: nothing held, ${onEmpty} until something is`;
  return `${target}: ${ready ? 'ready' : 'not ready, the device has not taken its table'}${provisional ? ', with a table from storage' : ''}`;
}
