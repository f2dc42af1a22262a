import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type pg from 'pg';
import { fail, ok } from '../model/problem.ts';
import type { Problem, Result } from '../model/problem.ts';
import { fileProblem, textOf } from './files.ts';
import { withoutCredentials } from './log.ts';
import { newClient } from './postgres/client.ts';

/** Any number, the same in every Flyball: migrations run one process at a time. */
const lockNumber = 0x666c7962;
const migrationsMax = 9_999;
const connectMsMax = 5_000;
/** Another engine may be migrating: wait for it, not for ever. */
const lockMsMax = 60_000;
const fileName = /^(\d{4})_[a-z0-9_]+\.sql$/;

export type Migrated = { readonly applied: readonly string[]; readonly already: number };

type Migration = { readonly name: string; readonly sql: string; readonly checksum: string };

/**
 * Brings the database to this version: the files of migrations/ in order, each in a transaction of its own, recorded with its checksum.
 * Refused: a file that changed after it was applied, a gap, and a database that a newer Flyball wrote.
 */
export async function migrate(url: string, folder: string = migrationsFolder()): Promise<Result<Migrated>> {
  const files = readMigrations(folder);
  if (!files.ok) return files;
  const client = newClient({ connectionString: url, connectionTimeoutMillis: connectMsMax, application_name: 'flyball migrate' });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await underLock(client, files.value);
  } catch (error) {
    return fail(migrationProblem(withoutCredentials(textOf(error)), 'database', 'check DATABASE_URL, its rights and that the server runs'));
  } finally {
    await client.end();
  }
}

/** migrations/ of this package, from src/ as from dist/. */
export function migrationsFolder(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json')) && existsSync(join(folder, 'migrations'))) return join(folder, 'migrations');
    if (dirname(folder) === folder) return join(import.meta.dirname, 'migrations');
  }
}

async function underLock(client: pg.Client, files: readonly Migration[]): Promise<Result<Migrated>> {
  await client.query(`set lock_timeout = ${lockMsMax}`);
  await client.query('select pg_advisory_lock($1)', [lockNumber]);
  await client.query('set lock_timeout = 0');
  await client.query(
    'create table if not exists migration (name text primary key, checksum text not null, at timestamptz not null default now())',
  );
  const { rows } = await client.query<{ name: string; checksum: string }>('select name, checksum from migration order by name');
  const problem = mismatch(rows, files);
  if (problem !== null) return fail(problem);
  const applied: string[] = [];
  for (const file of files.slice(rows.length)) {
    const failed = await apply(client, file);
    if (failed !== null) return fail(failed);
    applied.push(file.name);
  }
  // The session's end gives the lock back.
  return ok({ applied, already: rows.length });
}

async function apply(client: pg.Client, { name, sql, checksum }: Migration): Promise<Problem | null> {
  try {
    await client.query('begin');
    await client.query(sql);
    await client.query('insert into migration (name, checksum) values ($1, $2)', [name, checksum]);
    await client.query('commit');
    return null;
  } catch (error) {
    await client.query('rollback');
    return migrationProblem(textOf(error), name, 'nothing of this file was applied; use a database of its own for Flyball');
  }
}

/** Applied files must be the first of ours, unchanged. */
function mismatch(rows: readonly { readonly name: string; readonly checksum: string }[], files: readonly Migration[]): Problem | null {
  for (const [i, row] of rows.entries()) {
    const file = files[i];
    if (file === undefined)
      return migrationProblem(`the database has ${row.name}, which this Flyball does not`, row.name, 'use the newer Flyball');
    if (file.name !== row.name)
      return migrationProblem(
        `the database has ${row.name} where this Flyball has ${file.name}`,
        row.name,
        'use the Flyball that wrote it',
      );
    if (file.checksum !== row.checksum)
      return migrationProblem('the file changed after it was applied', row.name, 'put the file back as it was; changes go into a new file');
  }
  return null;
}

function readMigrations(folder: string): Result<readonly Migration[]> {
  try {
    const names = readdirSync(folder)
      .filter((name) => name.endsWith('.sql'))
      .sort();
    const wrong = names.find((name, i) => Number(fileName.exec(name)?.[1]) !== i + 1);
    if (wrong !== undefined || names.length === 0 || names.length > migrationsMax) {
      const what = wrong === undefined ? `${names.length} migrations` : `${wrong} is out of order`;
      return fail(migrationProblem(what, folder, 'name them 0001_word.sql, 0002_word.sql … without a gap'));
    }
    return ok(
      names.map((name) => {
        const sql = readFileSync(join(folder, name), 'utf8').replaceAll('\r\n', '\n');
        return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
      }),
    );
  } catch (error) {
    return fail(fileProblem('cannot read the migrations', folder, error));
  }
}

const migrationProblem = (what: string, at: string, todo: string): Problem => ({ code: 'E-DB-MIGRATION', what, at, todo });
