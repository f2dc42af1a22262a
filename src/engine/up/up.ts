import { join } from 'node:path';
import { shop } from '../../../connectors/shop/network.ts';
import type { LoadConfig, LoadReport } from '../../../connectors/shop/messages.ts';
import type { Deed } from '../../../connectors/shop/scenario.ts';
import type { Served } from '../../../connectors/shop/share.ts';
import { fail, ok, type Problem, type Result } from '../../model/problem.ts';
import { callApi } from '../../runtime/apiclient.ts';
import { prepareBus, type BusMode } from '../../runtime/bus.ts';
import { systemClock } from '../../runtime/clock.ts';
import { writeAtomic } from '../../runtime/files.ts';
import { apiToken, lockHome, openHome, type Home } from '../../runtime/home.ts';
import { engineKeys } from '../../runtime/keys.ts';
import { copiesOf } from '../../runtime/postgres/copies.ts';
import { openDatabase } from '../../runtime/postgres.ts';
import { removeRun, writeRun } from '../../runtime/run.ts';
import { withSecretFiles } from '../../runtime/secretfiles.ts';
import { openLate } from './late.ts';
import { keepPart, type Part, type TelemetryMessage } from './parts.ts';
import { startShop } from './shop.ts';

export type UpOptions = {
  readonly bus: BusMode;
  readonly recordFile: string | null;
  /** Whether the demo network runs, with its load; without it only database, bus and engine. */
  readonly demo: boolean;
  readonly rules: readonly string[];
  readonly say: (line: string) => void;
  /** Ends the start, e.g. at Ctrl-C. */
  readonly signal: AbortSignal;
  /** Of two engines one stands by; they meet on NATS. */
  readonly engines: 1 | 2;
  /** A target whose first table may be sent once more (a deed); null: none. */
  readonly late: string | null;
  /** Where the users differ from the usual. */
  readonly load: Partial<LoadConfig>;
  readonly onLoad: (report: LoadReport) => void;
  readonly onServed: (served: Served) => void;
};

export type Up = {
  readonly home: Home;
  readonly about: { readonly bus: string; readonly sidecar: string; readonly database: string };
  /** Does something to the demo network, or undoes it. */
  readonly perform: (deed: Deed) => void;
  /** Where the users come in; null without the demo network. */
  readonly entrance: string | null;
  /** Ends everything that was started, in reverse order; nothing of it is left. */
  readonly stop: () => Promise<void>;
};

/**
 * Everything on one machine: Postgres, bus, engine, sidecars, the shop under load; each a process of its own, this one their parent.
 * What was started is ended again when a later step fails.
 */
export async function startUp(options: UpOptions): Promise<Result<Up>> {
  const { say } = options;
  const given = withSecretFiles(process.env);
  if (!given.ok) return given;
  const env = given.value;
  const clock = systemClock();
  const opened: (() => unknown)[] = [];
  let stopping: Promise<void> | null = null;
  const stop = (): Promise<void> =>
    (stopping ??= (async () => {
      for (const close of opened.splice(0).toReversed()) await close();
    })());
  const failed = async <T>(result: Result<T>): Promise<Result<never>> => {
    await stop();
    return result as Result<never>;
  };

  const home = openHome({ env, cwd: process.cwd(), say });
  if (!home.ok) return home;
  const lock = lockHome(home.value, 'up');
  if (!lock.ok) return lock;
  opened.push(lock.value.release);
  // Made here, so that adapters that start together with the engine find its public key.
  const keys = engineKeys(home.value.keys);
  if (!keys.ok) return failed(keys);
  const token = apiToken(home.value);
  if (!token.ok) return failed(token);

  const [database, bus, demo] = await Promise.all([
    openDatabase({ home: home.value, env, say }),
    prepareBus({ mode: options.bus, home: home.value, targets: options.demo ? shop.map(({ target }) => target) : [], env, say }),
    options.demo ? startShop({ env, onServed: options.onServed, onExit: (name) => say(`shop: ${name} ended`), say }) : ok(null),
  ]);
  if (database.ok) opened.push(database.value.stop);
  if (bus.ok) opened.push(bus.value.stop);
  if (demo.ok && demo.value !== null) opened.push(demo.value.stop);
  if (!database.ok) return failed(database);
  if (!bus.ok) return failed(bus);
  if (!demo.ok) return failed(demo);
  if (options.engines === 2 && bus.value.address.kind === 'local') return failed(fail(oneEngine));
  say(`database: PostgreSQL, ${database.value.kind}, ${database.value.how}, ${database.value.address}`);

  const inventoryFile = join(home.value.data, 'inventory.json');
  writeAtomic(inventoryFile, `${JSON.stringify(demo.value?.inventory ?? { instances: [] })}\n`);
  // A database that another Flyball keeps is reached by address, not by this home.
  const childEnv = { ...env, FLYBALL_HOME: home.value.root };
  // Only a first start reads the rule folders: a restarted engine must not undo what people have saved since.
  const first = [
    ...options.rules.flatMap((dir) => ['--rules', dir]),
    ...(options.recordFile === null ? [] : ['--record', options.recordFile]),
  ];
  // Without an engine no sidecar ever becomes ready: one that cannot start ends the wait for the others.
  const starting = new AbortController();
  options.signal.addEventListener('abort', () => starting.abort(), { once: true });
  if (options.signal.aborted) starting.abort();
  const { signal } = starting;
  const engine = keepPart({
    name: 'engine',
    args: (address) => ['engine', '--inventory', inventoryFile, ...(address === null ? first : portOf(address))],
    env: childEnv,
    clock,
    say,
    // It writes its own.
    onReady: () => undefined,
    signal,
  });
  // The first saves the rules and leads; the other one begins after it.
  const second = { name: 'engine b', env: childEnv, clock, say, onReady: () => undefined, signal, args: (address: string | null) => ['engine', '--id', 'b', '--inventory', inventoryFile, ...(address === null ? [] : portOf(address))] }; // prettier-ignore
  const standby = options.engines === 1 ? null : engine.then((part) => (part.ok ? keepPart(second) : part));
  void engine.then((part) => (part.ok ? undefined : starting.abort()));
  const sidecars = demo.value === null ? [] : shop.map(({ service, target }) => ({ service, target, part: startSidecar({ service, target, inventoryFile, signal,
            env: childEnv, say, onReady: (pid, address) => writeRun(home.value, `adapter.${target}`, { pid, address }) }) })); // prettier-ignore
  const parts: readonly (readonly [string, Result<Part>])[] = [
    ['engine', await engine],
    ...(standby === null ? [] : [['engine.b', await standby] as const]),
    ...(await Promise.all(sidecars.map(async ({ target, part }) => [`adapter.${target}`, await part] as const))),
  ];
  for (const [, part] of parts) if (part.ok) opened.push(part.value.stop);
  for (const [name, part] of parts) {
    if (!part.ok) return failed(part);
    opened.push(() => removeRun(home.value, name));
  }
  const addresses = new Map<string, string>();
  const reporting = new Map<string, Part>();
  for (const { service, target, part } of sidecars) {
    const sidecar = await part;
    if (!sidecar.ok) continue;
    addresses.set(service, sidecar.value.address());
    reporting.set(target, sidecar.value);
  }
  demo.value?.connect(addresses);
  const load = await demo.value?.load({ sidecars: addresses, as: options.load, onReport: options.onLoad });
  if (load !== undefined && !load.ok) return failed(load);
  const late = options.late === null ? ok(null) : await openLate({ home: home.value, env: childEnv, target: options.late });
  if (!late.ok) return failed(late);
  if (late.value !== null) opened.push(late.value.close);
  const leader = await engine;
  const copies = copiesOf(database.value.url);
  const change = async (what: 'backup' | 'restore'): Promise<void> => {
    try {
      await copies[what]();
    } catch (error) {
      say(`the database: ${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  return ok({
    home: home.value,
    about: { bus: bus.value.address.kind === 'nats' ? 'nats' : 'local', sidecar: 'builtin', database: database.value.kind },
    perform: (deed) => {
      if (deed.kind === 'fault') demo.value?.setFault(deed.fault, deed.on, deed.is);
      else if (deed.kind === 'flood') demo.value?.setFlood(deed.flood);
      else if (deed.kind === 'engine') (leader.ok ? leader.value : null)?.setRunning(deed.is);
      else if (deed.kind === 'late') late.value?.send();
      else if (deed.kind === 'database') void change(deed.what);
      else if (deed.kind === 'accept')
        void callApi({ method: 'POST', path: '/v1/resume-restored', body: { author: 'scenario', reason: 'a rehearsal' }, env: childEnv }); // prettier-ignore
      else reporting.get(deed.target)?.send({ kind: 'telemetry', on: deed.is } satisfies TelemetryMessage);
    },
    entrance: addresses.get('gateway') ?? null,
    stop,
  });
}

function startSidecar(of: {
  readonly service: string;
  readonly target: string;
  readonly inventoryFile: string;
  readonly env: NodeJS.ProcessEnv;
  readonly say: (line: string) => void;
  readonly onReady: (pid: number, address: string) => void;
  readonly signal: AbortSignal;
}): Promise<Result<Part>> {
  const { service, target, inventoryFile, env, say, onReady, signal } = of;
  return keepPart({
    name: `adapter ${target}`,
    args: (address) => [
      'adapter',
      'builtin',
      `--target=${target}`,
      `--inventory=${inventoryFile}`,
      `--set=service=${service}`,
      `--set=listen=${address === null ? '127.0.0.1:0' : new URL(address).host}`,
    ],
    env,
    clock: systemClock(),
    say,
    onReady,
    signal,
  });
}

const oneEngine: Problem = {
  code: 'E-BUS-LOCAL',
  what: 'the local bus lives inside one engine: two cannot meet there',
  at: '--bus',
  todo: 'use --bus nats',
};

const portOf = (address: string): readonly string[] => ['--port', new URL(address).port];
