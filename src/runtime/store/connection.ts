import { drizzle } from 'drizzle-orm/node-postgres';
import type { NodePgDatabase } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import { StoreFailure, downProblem, failureKind } from './failure.ts';

/** All waits are bounded: an engine that waits for ever for its database cannot even say so. In ms. */
const connectMsMax = 2_000;
const statementMsMax = 10_000;
const lockMsMax = 5_000;
const idleInTransactionMsMax = 10_000;
/** Ours is longer than the server's, so that the server's own word comes first when it can speak. */
const answerMsMax = 12_000;
const connectionsMax = 8;
const backoffMsMin = 50;
const backoffMsMax = 500;
/** A server behind a dead link sends no end: asked this often. */
const pingEveryMs = 2_000;
const watchersMax = 100;

export type Db = NodePgDatabase & { readonly $client: pg.Pool | pg.PoolClient };

export type Connection = {
  /** Runs statements, each in a transaction of its own. Throws StoreFailure when the database is away. */
  readonly query: <T>(run: (db: Db) => Promise<T>) => Promise<T>;
  /** One connection for one transaction; whoever uses it ends it. `release` with an error closes it for good. */
  readonly client: () => Promise<{ readonly db: Db; readonly release: (error?: Error) => void }>;
  readonly up: () => boolean;
  readonly watch: (handler: (up: boolean) => void) => () => void;
  readonly close: () => Promise<void>;
};

/** A pool, and one more connection that only watches: it hears at once when the server goes, and finds out when it is back. */
export function connect(url: string, address: string): Connection {
  const pool = new pg.Pool({
    connectionString: url,
    max: connectionsMax,
    connectionTimeoutMillis: connectMsMax,
    // Kept: a new connection costs 10 ms and a cold backend more, which a commit after a quiet minute should not pay.
    idleTimeoutMillis: 0,
    statement_timeout: statementMsMax,
    lock_timeout: lockMsMax,
    idle_in_transaction_session_timeout: idleInTransactionMsMax,
    query_timeout: answerMsMax,
    keepAlive: true,
    application_name: 'flyball',
  });
  // An idle connection that breaks says so here; without a listener it would end the process. The watcher tells of it.
  pool.on('error', () => undefined);
  const db = drizzle(pool);
  const watcher = watchServer(url);
  return {
    query: async (run) => {
      try {
        return await run(db);
      } catch (error) {
        if (failureKind(error) === 'down') throw new StoreFailure(downProblem(error, address), error);
        throw error;
      }
    },
    client: async () => {
      const client = await pool.connect();
      // A break while it is lent out fails the query that waits; the event itself says nothing more.
      const ignore = (): void => undefined;
      client.on('error', ignore);
      return {
        db: drizzle(client),
        release: (error) => {
          client.off('error', ignore);
          client.release(error);
        },
      };
    },
    up: watcher.up,
    watch: watcher.watch,
    close: async () => {
      await watcher.close();
      await pool.end();
    },
  };
}

type Watcher = Pick<Connection, 'up' | 'watch' | 'close'>;

function watchServer(url: string): Watcher {
  const handlers = new Set<(up: boolean) => void>();
  let state = false;
  let closed = false;
  let backoff = backoffMsMin;
  let timer: NodeJS.Timeout | undefined;
  let client: pg.Client | null = null;
  let settled: Promise<void> = Promise.resolve();

  const set = (up: boolean): void => {
    if (up === state) return;
    state = up;
    for (const handler of handlers) handler(up);
  };
  const later = (ms: number, run: () => Promise<void>): void => {
    if (!closed) timer = setTimeout(() => void (settled = run()), ms);
  };
  const lost = (which: pg.Client): void => {
    if (client !== which) return;
    client = null;
    clearTimeout(timer);
    set(false);
    later(backoff, open);
    backoff = Math.min(backoff * 2, backoffMsMax);
  };
  const open = async (): Promise<void> => {
    const next = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: connectMsMax,
      query_timeout: connectMsMax,
      keepAlive: true,
      application_name: 'flyball watch',
    });
    client = next;
    next.on('error', () => lost(next));
    next.on('end', () => lost(next));
    try {
      await next.connect();
      await ping(next);
    } catch {
      lost(next);
      await end(next);
    }
  };
  const ping = async (which: pg.Client): Promise<void> => {
    // A standby that we were switched to answers, but cannot record.
    const { rows } = await which.query<{ standby: boolean }>('select pg_is_in_recovery() as standby');
    if (client !== which || closed) return;
    set(rows[0]?.standby === false);
    backoff = backoffMsMin;
    later(pingEveryMs, () =>
      ping(which).catch(async () => {
        lost(which);
        await end(which);
      }),
    );
  };
  settled = open();
  return {
    up: () => state,
    watch: (handler) => {
      if (handlers.size >= watchersMax) throw new Error(`more than ${watchersMax} watch the store`);
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
    close: async () => {
      closed = true;
      clearTimeout(timer);
      const last = client;
      client = null;
      await settled;
      if (last !== null) await end(last);
      set(false);
    },
  };
}

/** A client that never connected, or whose server died, may have nothing to end. */
const end = (client: pg.Client): Promise<void> => client.end().catch(() => undefined);
