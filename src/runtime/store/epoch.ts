import { eq, sql } from 'drizzle-orm';
import { assert, fail, ok } from '../../model/problem.ts';
import type { Result } from '../../model/problem.ts';
import type { Store } from '../../ports/store.ts';
import type { Connection } from './connection.ts';
import { leader } from './schema.ts';
import { transact } from './transaction.ts';

const drawMax = 63;

/**
 * protocol.md section 1: max(stored + 1, now) + draw, in the transaction that takes the lease. FOR UPDATE waits for commits under way.
 * Refused (`E-CLOCK`) when our clock and Postgres's differ by more than skewMaxMs: an epoch from a clock far ahead would bind everyone after.
 */
export async function takeEpoch(connection: Connection, address: string, ask: Parameters<Store['takeEpoch']>[0]): Promise<Result<number>> {
  const { holder, nowMs, draw, skewMaxMs } = ask;
  assert(holder !== '', 'a leader has a name');
  assert(Number.isSafeInteger(draw) && draw >= 0 && draw <= drawMax, `draw ${draw}`);
  assert(Number.isFinite(nowMs), 'a clock that tells the time');
  // The caller read its clock before the call; a connection may take a while.
  const began = performance.now();
  const now = (): number => nowMs + (performance.now() - began);
  const outcome = await transact<number>(connection, address, async (db) => {
    const [held] = await db.select({ epoch: leader.epoch }).from(leader).for('update');
    assert(held !== undefined, 'the leader row is there: migrations ran');
    const before = now();
    const { rows } = await db.execute<{ ms: number }>(sql`select extract(epoch from clock_timestamp())::float8 * 1000 as ms`);
    const theirs = rows[0]?.ms ?? NaN;
    const after = now();
    // Theirs was read somewhere between the two: inside that interval the clocks agree.
    const skew = theirs < before ? before - theirs : theirs > after ? theirs - after : 0;
    if (!(skew <= skewMaxMs)) return { problem: clockProblem(theirs - before, skewMaxMs) };
    const epoch = Math.max(held.epoch + 1, Math.floor(before)) + draw;
    await db
      .update(leader)
      .set({ holder, epoch, beat: sql`${leader.beat} + 1` })
      .where(eq(leader.one, true));
    return { value: epoch };
  });
  return outcome.state === 'done' ? ok(outcome.value) : fail(outcome.problem);
}

const clockProblem = (differsMs: number, skewMaxMs: number) =>
  ({
    code: 'E-CLOCK',
    what: `this machine's clock is ${Math.abs(Math.round(differsMs))} ms ${differsMs > 0 ? 'behind' : 'ahead of'} the database's, at most ${skewMaxMs} ms are allowed`,
    at: 'clock',
    todo: 'synchronise both clocks (NTP)',
  }) as const;
