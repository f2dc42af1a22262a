import { sql } from 'drizzle-orm';
import { fail, ok } from '../model/problem.ts';
import type { Result } from '../model/problem.ts';
import type { AuditEntry, Loaded, Store } from '../ports/store.ts';
import type { Database } from './postgres.ts';
import { auditRowsPerInsertMax, insertAudit, readAudit } from './store/audit.ts';
import { commit, rehearse } from './store/commit.ts';
import { connect } from './store/connection.ts';
import type { Connection } from './store/connection.ts';
import { takeEpoch } from './store/epoch.ts';
import { StoreFailure, isFinal } from './store/failure.ts';
import { liftOverrides, readOverrides, saveOverrides } from './store/overrides.ts';
import { newestRules, ruleHistory, saveRule } from './store/rules.ts';
import { enrol, lastTable, markRevisionsSent, markSent, readRevisions, readTargets, readUnsent, revisionHash } from './store/targets.ts';
import { transact } from './store/transaction.ts';

export { StoreFailure } from './store/failure.ts';

/** Postgres 15 is the oldest that its makers still mend. */
const versionMin = 15;
/** Later statements wait behind the pool's own bounds; the first contact is waited for this long. */
const firstMsMax = 5_000;

/**
 * The record, on a database that `migrate` brought up to date. Rejections are StoreFailure (with a Problem) while the database is away;
 * commit and takeEpoch return theirs. It reconnects by itself.
 */
export async function openStore(database: Pick<Database, 'kind' | 'url' | 'address'>): Promise<Result<Store>> {
  const { kind, url, address } = database;
  const connection = connect(url, address);
  const version = await firstContact(connection, address);
  if (!version.ok) {
    await connection.close();
    return version;
  }
  await Promise.all([rehearse(connection, address), connection.looked()]);
  let closing: Promise<void> | null = null;
  return ok({
    about: { kind, address, version: version.value },
    takeEpoch: (ask) => takeEpoch(connection, address, ask),
    load: () => load(connection, address),
    commit: (wanted) => commit(connection, address, wanted),
    markSent: (ids) => connection.query((db) => markSent(db, ids)),
    markRevisionsSent: (rows) => connection.query((db) => markRevisionsSent(db, rows)),
    revisionHash: (target, revision) => connection.query((db) => revisionHash(db, target, revision)),
    saveOverrides: (overrides) => connection.query((db) => saveOverrides(db, overrides)),
    liftOverrides: (ids, atMs) => connection.query((db) => liftOverrides(db, ids, atMs)),
    overrides: (nowMs) => connection.query((db) => readOverrides(db, nowMs)),
    enrol: (name) => connection.query((db) => enrol(db, name)),
    saveRule: (save) => saveRule(connection, address, save),
    ruleHistory: (name) => connection.query((db) => ruleHistory(db, name)),
    revisions: (target, limit) => connection.query((db) => readRevisions(db, target, limit)),
    append: (entries) => append(connection, address, entries),
    audit: (filter) => connection.query((db) => readAudit(db, filter)),
    up: connection.up,
    watch: connection.watch,
    close: () => (closing ??= connection.close()),
  });
}

/** All of it as of one moment. */
async function load(connection: Connection, address: string): Promise<Loaded> {
  const outcome = await transact<Loaded>(connection, address, async (db) => {
    await db.execute(sql`set transaction isolation level repeatable read, read only`);
    const [rules, targets, table, unsent] = [await newestRules(db), await readTargets(db), await lastTable(db), await readUnsent(db)];
    return { value: { rules, targets, table, unsent } };
  });
  if (outcome.state === 'done') return outcome.value;
  throw new StoreFailure(outcome.problem, null);
}

/** All or nothing. */
async function append(connection: Connection, address: string, entries: readonly AuditEntry[]): Promise<void> {
  if (entries.length <= auditRowsPerInsertMax) return await connection.query((db) => insertAudit(db, entries));
  const outcome = await transact(connection, address, async (db) => ({ value: await insertAudit(db, entries) }));
  if (outcome.state !== 'done') throw new StoreFailure(outcome.problem, null);
}

async function firstContact(connection: Connection, address: string): Promise<Result<string>> {
  const end = performance.now() + firstMsMax;
  for (;;) {
    try {
      const { rows } = await connection.query((db) =>
        db.execute<{ version: string; ready: boolean }>(
          sql`select current_setting('server_version') as version, to_regclass('leader') is not null as ready`,
        ),
      );
      const { version = '', ready = false } = rows[0] ?? {};
      if (Number.parseInt(version, 10) < versionMin) return fail(tooOld(version, address));
      return ready ? ok(version) : fail(notMigrated(address));
    } catch (error) {
      if (!(error instanceof StoreFailure)) throw error;
      if (isFinal(error) || performance.now() > end) return fail(error.problem);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

const notMigrated = (at: string) =>
  ({
    code: 'E-DB-MIGRATION',
    what: 'the database has no tables of Flyball',
    at,
    todo: 'start it with `flyball up`, which makes them',
  }) as const;

const tooOld = (version: string, at: string) =>
  ({ code: 'E-DB-VERSION', what: `Postgres ${version} is too old`, at, todo: `use Postgres ${versionMin} or newer` }) as const;
