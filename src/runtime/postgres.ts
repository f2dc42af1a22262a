import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { fail, ok } from '../model/problem.ts';
import type { Result } from '../model/problem.ts';
import { databaseTlsProblem } from './access/tls.ts';
import { fileProblem, readIfThere } from './files.ts';
import type { Home } from './home.ts';
import { takeLock, waitLock } from './lock.ts';
import type { Lock } from './lock.ts';
import { ordinaryAccount } from './postgres/account.ts';
import { findBinaries } from './postgres/binaries.ts';
import { makeCluster, placeIn } from './postgres/cluster.ts';
import { databaseName, urlOf } from './postgres/contact.ts';
import { occupantOf } from './postgres/pidfile.ts';
import { keepServer } from './postgres/keep.ts';
import type { Kept } from './postgres/keep.ts';
import { runServer, stopServer } from './postgres/server.ts';

/** A first start makes the data folder; whoever comes second waits for it. */
const startMsMax = 180_000;

export type Database = {
  readonly kind: 'embedded' | 'external';
  /** With credentials: for the driver, never for a screen or a command line. */
  readonly url: string;
  /** host:port/database. */
  readonly address: string;
  /** `shared`: another living process started it and will stop it. */
  readonly how: 'external' | 'started' | 'adopted' | 'shared';
  /** Whether the data folder was made by this call. */
  readonly fresh: boolean;
  /** The postmaster by now; null for an external one, and while none runs. */
  readonly pid: () => number | null;
  /** Fast shutdown of an embedded server that is ours (started or adopted), until the process is gone; nothing otherwise. */
  readonly stop: () => Promise<Result<null>>;
};

/**
 * The database: DATABASE_URL's, or else a real server of this home. One that still runs in the home (its Flyball was killed) is adopted.
 * Safe to call from several processes at once.
 */
export async function openDatabase(options: {
  readonly home: Home;
  readonly env: NodeJS.ProcessEnv;
  readonly say: (line: string) => void;
  /** Start it again, on the same port, when it dies while it is ours. Default true. */
  readonly restart?: boolean;
}): Promise<Result<Database>> {
  const { home, env, say, restart = true } = options;
  if (env['DATABASE_URL']) return externalDatabase(env['DATABASE_URL'], env);
  return await underStartLock(home, () => startEmbedded(home, say, restart));
}

/** The database for a process that did not start it (`flyball engine`): DATABASE_URL's, or the one that runs in this home. */
export function findDatabase(home: Home, env: NodeJS.ProcessEnv): Result<Pick<Database, 'kind' | 'url' | 'address'>> {
  if (env['DATABASE_URL']) return externalDatabase(env['DATABASE_URL'], env);
  const place = placeIn(home.root);
  const occupant = occupantOf(place.data);
  const password = readIfThere(place.passwordFile)?.trim();
  if (occupant.state === 'running' && password !== undefined) {
    const { port } = occupant.postmaster;
    return ok({ kind: 'embedded', url: urlOf({ port, password }), address: addressOf(port) });
  }
  return fail({
    code: 'E-DB-NONE',
    what: 'no database runs in this home',
    at: home.root,
    todo: 'start it with `flyball up`, or set DATABASE_URL',
  });
}

/** Parses DATABASE_URL; whether it answers is for the store to find out. */
function externalDatabase(url: string, env: NodeJS.ProcessEnv): Result<Database> {
  const unverified = databaseTlsProblem(url, env);
  if (unverified !== null) return fail(unverified);
  try {
    // The driver's own reading of it, PGHOST and its like included; nothing is connected yet.
    const { host, port, database } = new pg.Client({ connectionString: url });
    if (/^postgres(?:ql)?:\/\//.test(url) && URL.canParse(url) && database) {
      const address = `${host}:${port}/${database}`;
      return ok({ kind: 'external', url, address, how: 'external', fresh: false, pid: () => null, stop: async () => ok(null) });
    }
  } catch (error) {
    // The parser's own text may hold the password: not shown.
    if (!(error instanceof Error)) throw error;
  }
  return fail({
    code: 'E-DB-URL',
    what: 'DATABASE_URL is not the address of a Postgres database',
    at: 'DATABASE_URL',
    todo: 'write it as postgres://user:password@host:5432/database',
  });
}

async function startEmbedded(home: Home, say: (line: string) => void, restart: boolean): Promise<Result<Database>> {
  const place = placeIn(home.root);
  const binaries = findBinaries(place.libraries);
  if (!binaries.ok) return binaries;
  const account = ordinaryAccount();
  if (!account.ok) return account;
  const start = { place, binaries: binaries.value, account: account.value, say };
  const fresh = occupantOf(place.data).state === 'running' ? ok(false) : await makeCluster(start);
  if (!fresh.ok) return fresh;
  const running = await runServer(start);
  if (!running.ok) return running;
  const { port, how } = running.value;
  // Who holds this may stop it. The lock of a killed process counts as free: its server is an orphan, and now ours.
  const owner = takeLock(join(home.root, 'postgres.owner'), 'the owner of Postgres');
  if (!owner.ok && owner.problem.code !== 'E-LOCKED') return owner;
  const kept = owner.ok && restart ? keepServer(running.value, () => underStartLock(home, () => runServer(start)), say) : null;
  const password = readFileSync(place.passwordFile, 'utf8').trim();
  let stopping: Promise<Result<null>> | null = null;
  return ok({
    kind: 'embedded',
    url: urlOf({ port, password }),
    address: addressOf(port),
    how: owner.ok ? how : 'shared',
    fresh: fresh.value,
    pid: () => {
      const now = occupantOf(place.data);
      return now.state === 'running' ? now.postmaster.pid : null;
    },
    stop: async () => {
      if (!owner.ok) return ok(null);
      return await (stopping ??= stopOwned(place.data, owner.value, kept));
    },
  });
}

/** Whoever runs on the folder by then: the server may have been started again since. */
async function stopOwned(data: string, owner: Lock, kept: Kept | null): Promise<Result<null>> {
  await kept?.end();
  const occupant = occupantOf(data);
  const stopped = occupant.state === 'running' ? await stopServer(occupant.postmaster.pid) : ok(null);
  if (stopped.ok) owner.release();
  return stopped;
}

async function underStartLock<T>(home: Home, run: () => Promise<Result<T>>): Promise<Result<T>> {
  const lock = await waitLock(join(home.root, 'postgres.start'), 'the start of Postgres', startMsMax);
  if (!lock.ok) return lock;
  try {
    return await run();
  } catch (error) {
    return fail(fileProblem('cannot start the database', home.root, error));
  } finally {
    lock.value.release();
  }
}

const addressOf = (port: number): string => `127.0.0.1:${port}/${databaseName}`;
