import { assert } from '../../model/problem.ts';
import type { Problem } from '../../model/problem.ts';
import type { Commit, RevisionRow, Store } from '../../ports/store.ts';
import { insertAudit } from './audit.ts';
import type { Connection, Db } from './connection.ts';
import { runNamed } from './named.ts';
import { target } from './schema.ts';
import { transact } from './transaction.ts';

/** Targets of one commit; more would hold their locks too long. */
const revisionsPerCommitMax = 1_000;

/**
 * protocol.md section 4: leader check, targets, revisions, outbox and audit in one transaction; only what this returned as committed, or
 * what was read back, may be sent.
 */
export async function commit(connection: Connection, address: string, wanted: Commit): ReturnType<Store['commit']> {
  assert(wanted.revisions.length <= revisionsPerCommitMax, `at most ${revisionsPerCommitMax} revisions a commit`);
  const outcome = await transact(connection, address, async (db) => {
    const stale = await refusal(db, wanted);
    if (stale !== null) return { problem: stale };
    await write(db, wanted.revisions);
    // Last: its lock makes commits wait for each other, from here to COMMIT only.
    await insertAudit(db, wanted.audit);
    return { value: null };
  });
  switch (outcome.state) {
    case 'done':
      return 'committed';
    case 'abandoned':
      return { failed: 'stale', problem: outcome.problem };
    case 'conflict':
      return { failed: 'stale', problem: staleProblem('another wrote this revision first', address) };
    default:
      return { failed: outcome.state, problem: outcome.problem };
  }
}

/**
 * Does what a commit does and rolls it back, so that the first one that counts finds a connection, plans and compiled code (it took 40 ms
 * without, 3 ms with). Costs ids of audit and outbox, which need not be dense.
 */
export async function rehearse(connection: Connection, address: string): Promise<void> {
  for (let i = 0; i < rehearsals; i++) {
    await transact(connection, address, async (db) => {
      await db.insert(target).values({ name: rehearsed.target, revision: 0, hash: '', epoch: 0, enrolled: false }).onConflictDoNothing();
      const refused = await refusal(db, { holder: '', epoch: 0, revisions: [rehearsed], audit: [] });
      await write(db, [rehearsed]);
      await insertAudit(db, [{ id: 0, at: 0, target: null, rule: null, revision: null, key: null, kind: 'engine', entries: [], body: {} }]);
      return { problem: refused ?? staleProblem('rehearsed', address) };
    });
  }
}

/** The server keeps a statement's plan from its sixth run on. */
const rehearsals = 6;
const rehearsed: RevisionRow = {
  target: 'flyball-rehearsal',
  revision: 1,
  epoch: 0,
  table: 0,
  base: 0,
  baseHash: '',
  hash: '',
  entries: [],
  bytes: new Uint8Array(0),
  keyId: '',
  signature: '',
  at: 0,
};

/**
 * FOR SHARE: who takes an epoch waits for this commit, or this commit sees the new epoch. Targets are locked in the order of names, so that
 * two commits never wait for each other in a ring.
 */
const lockText = `
  with own as (select from leader where holder = $1 and epoch = $2 for share),
    held as (select name, revision, hash from target where name = any($3) order by name for update)
  select exists (select from own) as leads, held.* from (values (1)) as one left join held on true`;

/** One statement for all that belongs to revisions: each round trip costs as much as a write. */
const writeText = `
  with given as (
      select * from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::json[], $9::bytea[],
        $10::text[], $11::text[], $12::float8[]) with ordinality
        as row (target, revision, epoch, "table", base, base_hash, hash, entries, bytes, key_id, signature, at, place)),
    stored as (
      insert into revision (target, revision, epoch, "table", base, base_hash, hash, entries, bytes, key_id, signature, at)
      select target, revision, epoch, "table", base, base_hash, hash, entries, bytes, key_id, signature, at from given order by place),
    queued as (insert into outbox (target, revision) select target, revision from given order by place),
    newest as (select distinct on (target) target, revision, hash, epoch from given order by target, revision desc)
  update target set revision = newest.revision, hash = newest.hash, epoch = newest.epoch from newest where name = newest.target`;

/** Why it may not be written; null: it may. */
async function refusal(db: Db, { holder, epoch, revisions }: Commit): Promise<Problem | null> {
  type Held = { leads: boolean; name: string | null; revision: string; hash: string };
  const names = [...new Set(revisions.map((row) => row.target))];
  const rows = await runNamed<Held>(db, { name: 'flyball lock', text: lockText }, [holder, epoch, names]);
  if (rows[0]?.leads !== true) return staleProblem(`epoch ${epoch} of ${holder} has ended: another engine leads`, 'leader');
  const at = new Map(rows.map((row) => [row.name, { revision: Number(row.revision), hash: row.hash }]));
  for (const row of revisions) {
    const own = at.get(row.target);
    if (own === undefined) return staleProblem('the target is not enrolled', row.target);
    if (row.base !== own.revision || row.revision !== own.revision + 1)
      return staleProblem(`it is at revision ${own.revision}: ${row.revision} on base ${row.base} does not follow`, row.target);
    if (row.baseHash !== own.hash) return staleProblem(`revision ${row.revision} has another base than the stored one`, row.target);
    at.set(row.target, row);
  }
  return null;
}

async function write(db: Db, rows: readonly RevisionRow[]): Promise<void> {
  if (rows.length === 0) return;
  await runNamed(db, { name: 'flyball write', text: writeText }, [
    rows.map((row) => row.target),
    rows.map((row) => row.revision),
    rows.map((row) => row.epoch),
    rows.map((row) => row.table),
    rows.map((row) => row.base),
    rows.map((row) => row.baseHash),
    rows.map((row) => row.hash),
    rows.map((row) => JSON.stringify(row.entries)),
    rows.map((row) => bufferOf(row.bytes)),
    rows.map((row) => row.keyId),
    rows.map((row) => row.signature),
    rows.map((row) => row.at),
  ]);
}

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const staleProblem = (what: string, at: string): Problem => ({
  code: 'E-STALE',
  what,
  at,
  todo: 'load the present state, then plan again',
});
