import type { QueryResultRow } from 'pg';
import type { Db } from './connection.ts';
import { StatementFailure } from './failure.ts';

/** A statement with a fixed text, which the server parses and plans once a connection. */
export type Named = { readonly name: string; readonly text: string };

/**
 * Runs a named statement below drizzle, which cannot name free SQL. Only for the statements of a commit: unnamed they took 1.7 ms of
 * parsing and planning, named 0.7 ms in all. Columns of several rows come as arrays, so that the text never changes.
 */
export async function runNamed<Row extends QueryResultRow>(
  db: Db,
  { name, text }: Named,
  values: readonly unknown[],
): Promise<readonly Row[]> {
  try {
    const { rows } = await db.$client.query<Row>({ name, text, values: [...values] });
    return rows;
  } catch (error) {
    throw new StatementFailure(name, error);
  }
}
