import { and, arrayContains, desc, eq, gt, inArray } from 'drizzle-orm';
import { assert } from '../../model/problem.ts';
import type { AuditEntry, Store } from '../../ports/store.ts';
import type { Db } from './connection.ts';
import { runNamed } from './named.ts';
import { audit } from './schema.ts';

/** As the table checks it. */
const bodyBytesMax = 65_536;
/** What is kept of a body that is too long, for a person to see what it was. */
const headCharsMax = 2_000;
/** Rows of one statement. */
export const auditRowsPerInsertMax = 4_000;
const readMax = 10_000;

const insertText = `
  insert into audit (at, kind, target, rule, revision, key, entries, body)
  select at, kind, target, rule, revision, key, array(select json_array_elements_text(entries)), body
  from unnest($1::float8[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::json[], $8::json[]) with ordinality
    as row (at, kind, target, rule, revision, key, entries, body, place)
  order by place`;

/** Appends; the ids are given in the order of the list. */
export async function insertAudit(db: Db, entries: readonly AuditEntry[]): Promise<void> {
  for (let i = 0; i < entries.length; i += auditRowsPerInsertMax) {
    const rows = entries.slice(i, i + auditRowsPerInsertMax);
    await runNamed(db, { name: 'flyball audit', text: insertText }, auditColumns(rows));
  }
}

/** Parameters of a statement that appends: a list a column, the rows in order. */
export const auditColumns = (rows: readonly AuditEntry[]): readonly unknown[] => [
  rows.map((row) => row.at),
  rows.map((row) => row.kind),
  rows.map((row) => clean(row.target)),
  rows.map((row) => clean(row.rule)),
  rows.map((row) => row.revision),
  rows.map((row) => clean(row.key)),
  rows.map((row) => JSON.stringify(row.entries)),
  rows.map((row) => bounded(row.body)),
];

/** Oldest first, of the newest `limit` that fit the filter; with `sinceId`, those after it. */
export async function readAudit(db: Db, filter: Parameters<Store['audit']>[0]): Promise<readonly AuditEntry[]> {
  const { entry, rule, key, target, kinds, sinceId, limit } = filter;
  assert(Number.isSafeInteger(limit) && limit >= 0 && limit <= readMax, `audit limit ${limit}`);
  const rows = await db
    .select()
    .from(audit)
    .where(
      and(
        entry === undefined ? undefined : arrayContains(audit.entries, [entry]),
        rule === undefined ? undefined : eq(audit.rule, rule),
        key === undefined ? undefined : eq(audit.key, key),
        target === undefined ? undefined : eq(audit.target, target),
        kinds === undefined ? undefined : inArray(audit.kind, [...kinds]),
        sinceId === undefined ? undefined : gt(audit.id, sinceId),
      ),
    )
    .orderBy(desc(audit.id))
    .limit(limit);
  return rows.reverse();
}

/** The rest of an entry is worth more than nothing of it: a body over the bound is cut, and says so. */
function bounded(body: AuditEntry['body']): string {
  const text = JSON.stringify(body);
  const bytes = Buffer.byteLength(text);
  return bytes <= bodyBytesMax ? text : JSON.stringify({ cut: true, bytes, head: text.slice(0, headCharsMax) });
}

/** Postgres's text holds every character but this one, and a name with it must not stop a commit. */
export const withoutNul = (text: string): string => text.replaceAll('\0', '\uFFFD');

const clean = (text: string | null): string | null => (text === null ? null : withoutNul(text));
