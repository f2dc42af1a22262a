import { sql } from 'drizzle-orm';
import type { Problem, Result } from '../../model/problem.ts';
import { assert, fail, ok } from '../../model/problem.ts';
import type { Connection, Db, Lent } from './connection.ts';
import { downProblem, failureKind, isRefusal } from './failure.ts';

/** What became of a transaction. `unknown`: COMMIT was sent and no answer came, so it may have happened. */
export type Outcome<T> =
  | { readonly state: 'done'; readonly value: T }
  /** `run` gave up by itself; nothing was written. */
  | { readonly state: 'abandoned'; readonly problem: Problem }
  | { readonly state: 'conflict' | 'down' | 'unknown'; readonly problem: Problem };

/**
 * Runs one transaction, READ COMMITTED, and learns how it ended as far as that can be learned. Bugs (a wrong statement) are thrown.
 * @param run answers a problem to abandon the transaction.
 */
export async function transact<T>(
  connection: Connection,
  at: string,
  run: (db: Db) => Promise<{ readonly value: T } | { readonly problem: Problem }>,
  lend: () => Promise<Lent> = connection.client,
): Promise<Outcome<T>> {
  const lent = await borrow(lend, at);
  if (!lent.ok) return { state: 'down', problem: lent.problem };
  const client = lent.value;
  let committing = false;
  try {
    await client.db.execute(sql`begin`);
    const result = await run(client.db);
    if ('problem' in result) {
      await client.db.execute(sql`rollback`);
      client.release();
      return { state: 'abandoned', problem: result.problem };
    }
    committing = true;
    const ended = await client.db.execute(sql`commit`);
    // The server answers COMMIT of a failed transaction with ROLLBACK, and no error.
    assert(ended.command === 'COMMIT', `COMMIT was answered with ${ended.command}`);
    client.release();
    return { state: 'done', value: result.value };
  } catch (error) {
    // Never back into the pool: it may hold an open transaction or an answer that comes late.
    client.release(error instanceof Error ? error : new Error(String(error)));
    const kind = failureKind(error);
    if (kind === 'bug') throw error;
    return { state: committing && !isRefusal(error) ? 'unknown' : kind, problem: downProblem(error, at) };
  }
}

/** Runs one statement on the committer, which commits by itself. Once it was sent and no answer came, it may have happened. */
export async function atOnce<T>(
  connection: Connection,
  at: string,
  run: (db: Db) => Promise<T>,
): Promise<Exclude<Outcome<T>, { state: 'abandoned' }>> {
  const lent = await borrow(connection.committer, at);
  if (!lent.ok) return { state: 'down', problem: lent.problem };
  const client = lent.value;
  try {
    const value = await run(client.db);
    client.release();
    return { state: 'done', value };
  } catch (error) {
    client.release(error instanceof Error ? error : new Error(String(error)));
    const kind = failureKind(error);
    if (kind === 'bug') throw error;
    return { state: isRefusal(error) ? kind : 'unknown', problem: downProblem(error, at) };
  }
}

/** No connection, whatever the reason, is a database that is down. */
async function borrow(lend: () => Promise<Lent>, at: string): Promise<Result<Lent>> {
  try {
    return ok(await lend());
  } catch (error) {
    return fail(downProblem(error, at));
  }
}
