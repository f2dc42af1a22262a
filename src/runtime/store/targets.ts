import { createHash } from 'node:crypto';
import { and, asc, desc, eq, inArray, max, sql } from 'drizzle-orm';
import { assert } from '../../model/problem.ts';
import { targetName } from '../../model/target.ts';
import type { OutboxRow, Place, RevisionRow, Store, TargetRow } from '../../ports/store.ts';
import type { Db } from './connection.ts';
import { leader, outbox, revision, target } from './schema.ts';

/** Unsent rows of one answer, oldest first; the publisher asks again when it sent them. */
const unsentMax = 1_000;
const revisionsMax = 1_000;

/** Makes the target known, at revision 0 with the hash of an empty table; one that is known keeps what it has. */
export async function enrol(db: Db, name: string): Promise<TargetRow> {
  assert(targetName.test(name), `"${name}" is no target's name`);
  await db
    .insert(target)
    .values({ name, revision: 0, hash: emptyTableHash(name), epoch: 0, enrolled: true })
    .onConflictDoUpdate({ target: target.name, set: { enrolled: true } });
  const [row] = await readTargets(db, name);
  assert(row !== undefined, 'a target that was just written is there');
  return row;
}

/** Every target with the table it was given last; one target with `name`. */
export async function readTargets(db: Db, name?: string): Promise<readonly TargetRow[]> {
  const rows = await db
    .select({
      name: target.name,
      revision: target.revision,
      hash: target.hash,
      epoch: target.epoch,
      enrolled: target.enrolled,
      entries: revision.entries,
      quarantine: target.quarantine,
    })
    .from(target)
    .leftJoin(revision, and(eq(revision.target, target.name), eq(revision.revision, target.revision)))
    .where(name === undefined ? undefined : eq(target.name, name))
    .orderBy(asc(target.name));
  return rows.map(({ quarantine, entries, ...row }) => ({
    ...row,
    entries: entries ?? [],
    ...('capabilities' in quarantine ? { quarantine } : {}),
  }));
}

/** Where each target is, without its entries. */
export const readPlaces = async (db: Db): Promise<readonly Place[]> =>
  await db
    .select({ name: target.name, revision: target.revision, hash: target.hash, epoch: target.epoch })
    .from(target)
    .where(eq(target.enrolled, true))
    .orderBy(asc(target.name));

/** Nothing is written in an epoch that has ended. */
export async function writeQuarantine(
  db: Db,
  { holder, epoch, target: name, quarantine }: Parameters<Store['quarantine']>[0],
): Promise<void> {
  const leads = sql`exists (select from ${leader} where ${leader.holder} = ${holder} and ${leader.epoch} = ${epoch})`;
  await db
    .update(target)
    .set({ quarantine: quarantine ?? [] })
    .where(and(eq(target.name, name), leads));
}

/** The epoch in which a person accepted this history; 0: never. */
export async function adoptedEpoch(db: Db): Promise<number> {
  const [row] = await db.select({ adopted: leader.adopted }).from(leader);
  return row?.adopted ?? 0;
}

/** Newest first. */
export async function readRevisions(db: Db, name: string, limit: number): Promise<readonly RevisionRow[]> {
  assert(Number.isSafeInteger(limit) && limit >= 0 && limit <= revisionsMax, `revisions limit ${limit}`);
  return await db.select().from(revision).where(eq(revision.target, name)).orderBy(desc(revision.revision)).limit(limit);
}

/** The greatest table number used; 0 if none. */
export async function lastTable(db: Db): Promise<number> {
  const [row] = await db.select({ last: max(revision.table) }).from(revision);
  return row?.last ?? 0;
}

/** What is still to be sent, in the order it was committed. */
export async function readUnsent(db: Db): Promise<readonly OutboxRow[]> {
  const rows = await db
    .select({ id: outbox.id, row: revision })
    .from(outbox)
    .innerJoin(revision, and(eq(revision.target, outbox.target), eq(revision.revision, outbox.revision)))
    .where(sql`not ${outbox.sent}`)
    .orderBy(asc(outbox.id))
    .limit(unsentMax);
  return rows;
}

export async function markSent(db: Db, ids: readonly number[]): Promise<void> {
  if (ids.length > 0)
    await db
      .update(outbox)
      .set({ sent: true })
      .where(and(inArray(outbox.id, [...ids]), sql`not ${outbox.sent}`));
}

/** One statement for all rows of a commit. */
export async function markRevisionsSent(db: Db, rows: readonly { readonly target: string; readonly revision: number }[]): Promise<void> {
  if (rows.length === 0) return;
  const pairs = sql.join(
    rows.map((row) => sql`(${row.target}, ${row.revision}::bigint)`),
    sql`, `,
  );
  await db.update(outbox).set({ sent: true }).where(sql`not ${outbox.sent} and (${outbox.target}, ${outbox.revision}) in (${pairs})`); // prettier-ignore
}

export async function revisionHash(db: Db, name: string, number: number): Promise<string | null> {
  const [row] = await db
    .select({ hash: revision.hash })
    .from(revision)
    .where(and(eq(revision.target, name), eq(revision.revision, number)));
  return row?.hash ?? null;
}

/** protocol.md section 2, for a table without leaves; src/core/publish has the whole of it, and runtime may not import core. */
const emptyTableHash = (name: string): string => createHash('sha256').update(`flyball/table/v1\n${name}\n`).digest('hex');
