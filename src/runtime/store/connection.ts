import { drizzle } from 'drizzle-orm/node-postgres';
import type { NodePgDatabase } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import { StoreFailure, downProblem, failureKind } from './failure.ts';
import { watchServer } from './watcher.ts';
import type { Watcher } from './watcher.ts';

/** All waits are bounded: an engine that waits for ever for its database cannot even say so. In ms. */
const connectMsMax = 2_000;
const statementMsMax = 10_000;
const lockMsMax = 5_000;
const idleInTransactionMsMax = 10_000;
/** Ours is longer than the server's, so that the server's own word comes first when it can speak. */
const answerMsMax = 12_000;
/** A beat that takes longer is of no use to the lease. */
const beatMsMax = 2_000;
const connectionsMax = 8;

export type Db = NodePgDatabase & { readonly $client: pg.Pool | pg.PoolClient };

export type Connection = Watcher & {
  /** Runs statements, each in a transaction of its own. Throws StoreFailure when the database is away. */
  readonly query: <T>(run: (db: Db) => Promise<T>) => Promise<T>;
  /** As query, on a connection of its own whose answers are not waited for long: signs of life do not queue behind work. */
  readonly beats: <T>(run: (db: Db) => Promise<T>) => Promise<T>;
  /** One connection for one transaction; whoever uses it ends it. `release` with an error closes it for good. */
  readonly client: () => Promise<Lent>;
  /** The one connection that commits run on, so that it is the one whose statement is planned: a plan belongs to its connection. */
  readonly committer: () => Promise<Lent>;
};

export type Lent = { readonly db: Db; readonly release: (error?: Error) => void };

/** Two pools, and a watcher. They connect again by themselves. */
export function connect(url: string, address: string): Connection {
  const pool = openPool(url, connectionsMax);
  const commits = openPool(url, 1);
  const signs = openPool(url, 1, beatMsMax);
  const watcher = watchServer(url);
  const queryOn =
    (db: Db): Connection['query'] =>
    async (run) => {
      try {
        return await run(db);
      } catch (error) {
        if (failureKind(error) === 'down') throw new StoreFailure(downProblem(error, address), error);
        throw error;
      }
    };
  return {
    query: queryOn(drizzle(pool)),
    beats: queryOn(drizzle(signs)),
    client: () => lend(pool),
    committer: () => lend(commits),
    looked: watcher.looked,
    up: watcher.up,
    watch: watcher.watch,
    close: async () => {
      await watcher.close();
      await Promise.all([pool.end(), commits.end(), signs.end()]);
    },
  };
}

async function lend(pool: pg.Pool): Promise<Lent> {
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
}

function openPool(url: string, max: number, msMax = statementMsMax): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    connectionTimeoutMillis: connectMsMax,
    // Kept: a new connection costs 10 ms and a cold backend more, which a commit after a quiet minute should not pay.
    idleTimeoutMillis: 0,
    statement_timeout: msMax,
    lock_timeout: Math.min(lockMsMax, msMax),
    idle_in_transaction_session_timeout: idleInTransactionMsMax,
    query_timeout: msMax + answerMsMax - statementMsMax,
    keepAlive: true,
    application_name: 'flyball',
  });
  // An idle connection that breaks says so here; without a listener it would end the process. The watcher tells of it.
  pool.on('error', () => undefined);
  // The same for one that is thrown away after an error: its server's last word may come when the pool listens no more.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}
