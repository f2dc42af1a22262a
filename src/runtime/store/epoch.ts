import { and, eq, sql } from 'drizzle-orm';
import { assert } from '../../model/problem.ts';
import type { Problem } from '../../model/problem.ts';
import type { LeaderRow, Store, Taken } from '../../ports/store.ts';
import type { Connection, Db } from './connection.ts';
import { leader } from './schema.ts';
import { transact } from './transaction.ts';

const drawMax = 63;

type Told = { readonly epoch: number } | { readonly refused: LeaderRow };

/**
 * protocol.md section 1: max(stored + 1, now, floor + 1) + draw, in the transaction that takes the lease, if the row is still what was
 * seen. FOR UPDATE waits for commits under way. `clock` when our clock and Postgres's differ by more than skewMaxMs: an epoch from a clock
 * far ahead would bind everyone after.
 */
export async function takeEpoch(connection: Connection, address: string, ask: Parameters<Store['takeEpoch']>[0]): Promise<Taken> {
  const { holder, nowMs, draw, skewMaxMs, over, floor, adopts } = ask;
  assert(holder !== '', 'a leader has a name');
  assert(Number.isSafeInteger(draw) && draw >= 0 && draw <= drawMax, `draw ${draw}`);
  assert(Number.isFinite(nowMs) && Number.isSafeInteger(floor), 'a clock that tells the time');
  // The caller read its clock before the call; a connection may take a while.
  const began = performance.now();
  const now = (): number => nowMs + (performance.now() - began);
  const outcome = await transact<Told>(connection, address, async (db) => {
    const held = await leaderRow(db, true);
    if (held.epoch !== over.epoch || (over.beat !== null && held.beat !== over.beat)) return { value: { refused: held } };
    const before = now();
    const { rows } = await db.execute<{ ms: number }>(sql`select extract(epoch from clock_timestamp())::float8 * 1000 as ms`);
    const theirs = rows[0]?.ms ?? NaN;
    const after = now();
    // Theirs was read somewhere between the two: inside that interval the clocks agree.
    const skew = theirs < before ? before - theirs : theirs > after ? theirs - after : 0;
    if (!(skew <= skewMaxMs)) return { problem: clockProblem(theirs - before, skewMaxMs) };
    const epoch = Math.max(held.epoch + 1, Math.floor(before), floor + 1) + draw;
    await db
      .update(leader)
      .set({ holder, epoch, address: ask.address, beat: sql`${leader.beat} + 1`, ...(adopts ? { adopted: epoch } : {}) })
      .where(eq(leader.one, true));
    return { value: { epoch } };
  });
  if (outcome.state === 'done') return outcome.value;
  const { state, problem } = outcome;
  return { failed: state === 'abandoned' ? 'clock' : state === 'unknown' ? 'unknown' : 'down', problem };
}

/** Who leads; with `lock`, held until the end of the transaction. */
export async function leaderRow(db: Db, lock = false): Promise<LeaderRow> {
  const asked = db.select({ holder: leader.holder, epoch: leader.epoch, beat: leader.beat, address: leader.address }).from(leader);
  const [row] = await (lock ? asked.for('update') : asked);
  assert(row !== undefined, 'the leader row is there: migrations ran');
  return row;
}

export async function beat(db: Db, { holder, epoch, address }: Parameters<Store['beat']>[0]): Promise<'held' | 'lost'> {
  const rows = await db
    .update(leader)
    .set({ beat: sql`${leader.beat} + 1`, address })
    .where(and(eq(leader.holder, holder), eq(leader.epoch, epoch)))
    .returning({ beat: leader.beat });
  return rows.length === 1 ? 'held' : 'lost';
}

export async function release(db: Db, { holder, epoch }: Parameters<Store['release']>[0]): Promise<void> {
  await db
    .update(leader)
    .set({ holder: '', address: '', beat: sql`${leader.beat} + 1` })
    .where(and(eq(leader.holder, holder), eq(leader.epoch, epoch)));
}

const clockProblem = (differsMs: number, skewMaxMs: number): Problem => ({
  code: 'E-CLOCK',
  what: `this machine's clock is ${Math.abs(Math.round(differsMs))} ms ${differsMs > 0 ? 'behind' : 'ahead of'} the database's, at most ${skewMaxMs} ms are allowed`,
  at: 'clock',
  todo: 'synchronise both clocks (NTP)',
});
