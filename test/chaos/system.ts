import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { faults } from '../../connectors/shop/faults.ts';
import { shop } from '../../connectors/shop/network.ts';
import { keepPart, type Part } from '../../src/engine/up/parts.ts';
import { startShop, type Shop } from '../../src/engine/up/shop.ts';
import type { StatusView, TableView } from '../../src/engine/views.ts';
import { prepareBus, type PreparedBus } from '../../src/runtime/bus.ts';
import { startChild, type Child } from '../../src/runtime/children.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { apiToken, openHome } from '../../src/runtime/home.ts';
import { engineKeys } from '../../src/runtime/keys.ts';
import { commandFile } from '../../src/runtime/package.ts';
import { openDatabase, type Database } from '../../src/runtime/postgres.ts';
import { until } from '../scenario/process.ts';

/** The shop with its sidecars, a nats-server, Postgres and two engines, each a real process that a test may kill. */
export type System = {
  readonly home: string;
  readonly database: Database;
  readonly bus: PreparedBus;
  readonly engines: ReadonlyMap<string, Engine>;
  readonly sidecar: (service: string) => string;
  readonly adapter: (target: string) => Part;
  /** Slows replica c3, or lets it be. */
  readonly fault: (on: boolean) => void;
  /** The engine that says it leads; null: none does. */
  readonly leader: () => Promise<Engine | null>;
  /** A question to the database. */
  readonly query: <Row extends pg.QueryResultRow>(sql: string) => Promise<readonly Row[]>;
  readonly admin: <T>(run: (client: pg.Client) => Promise<T>) => Promise<T>;
  /** What the parts said, newest last. */
  readonly said: () => string;
  readonly stop: () => Promise<void>;
};

export type Engine = {
  readonly id: string;
  readonly pid: () => number;
  readonly start: () => Promise<void>;
  readonly kill: () => Promise<void>;
  readonly get: <T>(path: string) => Promise<T | null>;
  readonly post: (path: string, body: unknown) => Promise<{ readonly status: number; readonly body: unknown }>;
  readonly status: () => Promise<StatusView | null>;
};

const askMsMax = 2_000;
const saidMax = 400;

/** Starts it all: engine a first, which leads, then b. What was started is ended when a later step fails. */
export async function startSystem(bus: 'nats' | 'local' = 'nats'): Promise<System> {
  const root = mkdtempSync(join(tmpdir(), 'flyball-chaos-'));
  const opened: (() => unknown)[] = [() => rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })];
  const stop = async (): Promise<void> => {
    for (const close of opened.splice(0).toReversed()) await close();
  };
  try {
    return await begin(root, bus, opened, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function begin(root: string, mode: 'nats' | 'local', opened: (() => unknown)[], stop: () => Promise<void>): Promise<System> {
  const lines: string[] = [];
  const say = (line: string): void => {
    lines.push(line);
    if (lines.length > saidMax) lines.shift();
  };
  const clock = systemClock();
  // Servers of our own: these tests kill them.
  const env = { ...process.env, FLYBALL_HOME: join(root, 'home'), DATABASE_URL: '', NATS_URL: '' };
  const home = unwrap(openHome({ env, cwd: root, say }));
  unwrap(engineKeys(home.keys));
  const token = unwrap(apiToken(home));
  const rules = rulesIn(root);
  const database = unwrap(await openDatabase({ home, env, say }));
  opened.push(database.stop);
  const bus = unwrap(await prepareBus({ mode, home, targets: shop.map(({ target }) => target), env, say }));
  opened.push(bus.stop);
  const demo: Shop = unwrap(await startShop({ env, onServed: () => undefined, onExit: say, say }));
  opened.push(demo.stop);
  const inventory = join(root, 'inventory.json');
  writeFileSync(inventory, JSON.stringify(demo.inventory));
  const log = join(root, 'parts.log');

  const engine = (id: string, args: readonly string[]): Engine => {
    let child: Child | null = null;
    let address = '';
    const call = async (method: string, path: string, body?: unknown): Promise<Response> =>
      await fetch(new URL(path, address), {
        method,
        headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(askMsMax),
      });
    const get = async <T>(path: string): Promise<T | null> => {
      try {
        const answer = await call('GET', path);
        return answer.status === 200 ? ((await answer.json()) as T) : null;
      } catch {
        // Killed, stopped, or not there yet: that is what is being looked for.
        return null;
      }
    };
    opened.push(async () => {
      if (child !== null) process.kill(child.pid, 'SIGCONT');
      await child?.stop();
    });
    return {
      id,
      pid: () => child?.pid ?? 0,
      start: async () => {
        const started = unwrap(await startChild({ name: id, module: commandFile(), args: ['engine', '--id', id, '--inventory', inventory, ...args], env, output: { file: log } })); // prettier-ignore
        const ready = new Promise<string>((resolve, reject) => {
          started.onMessage((m) => resolve((m as { readonly address: string }).address));
          void started.exited.then(({ code }) =>
            reject(new Error(`engine ${id} ended (${code}): ${readFileSync(log, 'utf8').slice(-2_000)}`)),
          );
        });
        address = await ready;
        child = started;
      },
      kill: async () => {
        const mine = child;
        child = null;
        if (mine === null) return;
        process.kill(mine.pid, 'SIGKILL');
        await mine.exited;
      },
      get,
      post: async (path, body) => {
        const answer = await call('POST', path, body);
        return { status: answer.status, body: await answer.json() };
      },
      status: () => get<StatusView>('/v1/status'),
    };
  };
  const engines = new Map([
    ['a', engine('a', ['--rules', rules])],
    ['b', engine('b', [])],
  ]);
  await engines.get('a')?.start();
  await engines.get('b')?.start();

  const abort = new AbortController();
  const adapters = new Map<string, Part>();
  for (const { service, target } of shop) {
    const args = (address: string | null): readonly string[] => ['adapter', 'builtin', `--target=${target}`, `--inventory=${inventory}`, `--set=service=${service}`, `--set=listen=${address === null ? '127.0.0.1:0' : new URL(address).host}`]; // prettier-ignore
    const part = unwrap(await keepPart({ name: target, args, env, clock, say, onReady: () => undefined, signal: abort.signal }));
    adapters.set(target, part);
    opened.push(part.stop);
  }
  const sidecars = new Map(shop.map(({ service, target }) => [service, adapters.get(target)?.address() ?? '']));
  demo.connect(sidecars);
  unwrap(await demo.load({ sidecars, as: {}, onReport: () => undefined }));

  const admin = async <T>(run: (client: pg.Client) => Promise<T>, name = 'postgres'): Promise<T> => {
    const url = new URL(database.url);
    url.pathname = `/${name}`;
    const client = new pg.Client({ connectionString: url.href });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return await run(client);
    } finally {
      await client.end();
    }
  };
  return {
    home: home.root,
    database,
    bus,
    engines,
    sidecar: (service) => sidecars.get(service) ?? '',
    adapter: (target) => adapters.get(target) ?? missing(target),
    fault: (on) => demo.setFault(faults.grayFailure, ['c3'], on),
    leader: async () => {
      // All at once: one that is stopped answers late, or never.
      const asked = [...engines.values()].map(async (one) => {
        if ((await one.status())?.lead.role !== 'leader') throw new Error(`${one.id} does not lead`);
        return one;
      });
      return await Promise.any(asked).catch(() => null);
    },
    query: async (sql) => await admin(async (client) => (await client.query(sql)).rows, 'flyball'),
    admin,
    said: () => `${lines.join('\n')}\n${readFileSync(log, 'utf8').slice(-4_000)}`,
    stop,
  };
}

/** gray-failure alone, kept for as long as a test needs, with the shortest lease. */
function rulesIn(root: string): string {
  const rules = join(root, 'rules');
  cpSync('rules/gray-failure', join(rules, 'gray-failure'), { recursive: true });
  const file = join(rules, 'gray-failure', 'rule.yaml');
  writeFileSync(
    file,
    readFileSync(file, 'utf8')
      .replace(/^keep_firing_for: .*$/m, 'keep_firing_for: 10m')
      .replace(/^lease: .*$/m, 'lease: 15s'),
  );
  return rules;
}

/** The entry for c3 is in force at checkout's sidecar; resolves with the ids in its table. */
export const enforced = (system: System, msMax = 60_000): Promise<readonly string[]> =>
  until(
    'the entry is enforced',
    async () => {
      const leader = await system.leader();
      const target = (await leader?.status())?.targets.find((t) => t.name === 'shop-checkout');
      if (target === undefined || target.acked !== target.revision || target.entries === 0) return null;
      return (await entriesAt(leader))?.length === 0 ? null : await entriesAt(leader);
    },
    msMax,
  );

export const entriesAt = async (engine: Engine | null): Promise<readonly string[] | null> =>
  (await engine?.get<readonly TableView[]>('/v1/tables'))?.find((t) => t.target === 'shop-checkout')?.entries.map((e) => e.id) ?? null;

export function unwrap<T>(
  result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: { readonly what: string } },
): T {
  if (!result.ok) throw new Error(result.problem.what);
  return result.value;
}

function missing(name: string): never {
  throw new Error(`there is no ${name}`);
}
