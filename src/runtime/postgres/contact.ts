import pg from 'pg';
import { superuser } from './cluster.ts';

/** Connecting on the loopback takes milliseconds, unless the machine is very busy. */
const connectMsMax = 5_000;
const unknownDatabase = '3D000';

export const databaseName = 'flyball';

export type Server = { readonly port: number; readonly password: string };

export type Contact =
  | { readonly state: 'ready'; readonly dataFolder: string; readonly version: string }
  /** Nobody listens, or it starts up or shuts down. */
  | { readonly state: 'not yet'; readonly why: string }
  | { readonly state: 'refused'; readonly why: string };

/** Asks the server on that port who it is; makes the database at the first contact. */
export async function contact(server: Server): Promise<Contact> {
  try {
    return { state: 'ready', ...(await ask(server, databaseName)) };
  } catch (error) {
    const code = error instanceof pg.DatabaseError ? (error.code ?? '') : '';
    const why = error instanceof Error ? error.message : String(error);
    if (code === unknownDatabase) return await create(server);
    // 28: wrong password or no such user; 57P03: starting up, shutting down or in recovery; 53300: full for a moment.
    return { state: code.startsWith('28') ? 'refused' : 'not yet', why };
  }
}

/** With its password in it: never to be shown. */
export const urlOf = ({ port, password }: Server, database = databaseName): string =>
  `postgres://${superuser}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`;

async function create(server: Server): Promise<Contact> {
  try {
    await withClient(server, 'postgres', async (client) => {
      const { rowCount } = await client.query('select from pg_database where datname = $1', [databaseName]);
      if (rowCount === 0) await client.query(`create database ${databaseName}`);
    });
    return { state: 'ready', ...(await ask(server, databaseName)) };
  } catch (error) {
    // Another start may have made it between our two questions: asked again, it is there.
    return { state: 'not yet', why: error instanceof Error ? error.message : String(error) };
  }
}

const ask = (server: Server, database: string): Promise<{ readonly dataFolder: string; readonly version: string }> =>
  withClient(server, database, async (client) => {
    const { rows } = await client.query<{ folder: string; version: string }>(
      `select current_setting('data_directory') as folder, current_setting('server_version') as version`,
    );
    return { dataFolder: rows[0]?.folder ?? '', version: rows[0]?.version ?? '' };
  });

async function withClient<T>(server: Server, database: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: urlOf(server, database),
    connectionTimeoutMillis: connectMsMax,
    query_timeout: connectMsMax,
    application_name: 'flyball start',
  });
  // A connection that breaks between two calls says so by an event; the next call fails by itself.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await use(client);
  } finally {
    await client.end();
  }
}
