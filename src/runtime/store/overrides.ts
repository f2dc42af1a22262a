import { and, asc, getTableColumns, gt, inArray, isNull } from 'drizzle-orm';
import type { Override } from '../../model/override.ts';
import type { Overrides } from '../../ports/store.ts';
import { withoutNul } from './audit.ts';
import type { Db } from './connection.ts';
import { override } from './schema.ts';

/** Longer than an override may last: a late copy of a lifted one is known by then (protocol.md section 6). */
const liftedKeepMs = 25 * 3_600_000;
const overridesReadMax = 10_000;

/** Those that are there stay as they are: what was lifted is not set again. */
export async function saveOverrides(db: Db, overrides: readonly Override[]): Promise<void> {
  if (overrides.length === 0) return;
  const rows = overrides.map((one) => ({ ...one, by: withoutNul(one.by), reason: withoutNul(one.reason) }));
  await db.insert(override).values(rows).onConflictDoNothing();
}

export async function liftOverrides(db: Db, ids: readonly string[], atMs: number): Promise<void> {
  if (ids.length === 0) return;
  await db
    .update(override)
    .set({ lifted: atMs })
    .where(and(inArray(override.id, [...ids]), isNull(override.lifted)));
}

export async function readOverrides(db: Db, nowMs: number): Promise<Overrides> {
  const { lifted: _lifted, ...columns } = getTableColumns(override);
  const active = await db
    .select(columns)
    .from(override)
    .where(and(isNull(override.lifted), gt(override.until, nowMs)))
    .orderBy(asc(override.at), asc(override.id))
    .limit(overridesReadMax);
  const lifted = await db
    .select({ id: override.id })
    .from(override)
    .where(gt(override.lifted, nowMs - liftedKeepMs))
    .orderBy(asc(override.lifted))
    .limit(overridesReadMax);
  return { active, lifted: lifted.map(({ id }) => id) };
}
