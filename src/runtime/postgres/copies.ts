import pg from 'pg';

/** A rehearsal of a database that is lost and comes back as it was: a copy beside it, and the way back. For the Postgres that Flyball keeps. */
export type Copies = { readonly backup: () => Promise<void>; readonly restore: () => Promise<void> };

const copyName = 'flyball_backup';

/** @param url of the database; its user must be its owner. Whoever is connected is sent away, and connects again. */
export function copiesOf(url: string): Copies {
  const name = decodeURIComponent(new URL(url).pathname.slice(1));
  const admin = async (...statements: readonly string[]): Promise<void> => {
    const elsewhere = new URL(url);
    elsewhere.pathname = '/postgres';
    const client = new pg.Client({ connectionString: elsewhere.href });
    client.on('error', () => undefined);
    await client.connect();
    try {
      for (const statement of statements) await client.query(statement);
    } finally {
      await client.end();
    }
  };
  const own = pg.escapeIdentifier(name);
  return {
    backup: () =>
      admin(
        `drop database if exists ${copyName}`,
        `alter database ${own} allow_connections false`,
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = ${pg.escapeLiteral(name)}`,
        `create database ${copyName} template ${own}`,
        `alter database ${own} allow_connections true`,
      ),
    restore: () => admin(`drop database ${own} with (force)`, `create database ${own} template ${copyName}`),
  };
}
