import { assert } from '../../model/problem.ts';
import type { Problem } from '../../model/problem.ts';
import type { Commit, RevisionRow, Store } from '../../ports/store.ts';
import { auditColumns } from './audit.ts';
import type { Connection, Db } from './connection.ts';
import { runNamed } from './named.ts';
import { target } from './schema.ts';
import { atOnce, transact } from './transaction.ts';

/** Targets of one commit; more would hold their locks too long. */
const revisionsPerCommitMax = 1_000;

/**
 * protocol.md section 4: leader check, targets, revisions, outbox and audit in one transaction; only what this returned as committed, or
 * what was read back, may be sent.
 */
export async function commit(connection: Connection, address: string, wanted: Commit): ReturnType<Store['commit']> {
  assert(wanted.revisions.length <= revisionsPerCommitMax, `at most ${revisionsPerCommitMax} revisions a commit`);
  const outcome = await atOnce(connection, address, (db) => write(db, wanted));
  switch (outcome.state) {
    case 'done':
      return outcome.value === null ? 'committed' : { failed: 'stale', problem: outcome.value };
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
    const rehearsal = async (db: Db): Promise<{ readonly problem: Problem }> => {
      await db.insert(target).values({ name: rehearsed.target, revision: 0, hash: '', epoch: 0, enrolled: false }).onConflictDoNothing();
      const audit = [{ id: 0, at: 0, target: null, rule: null, revision: null, key: null, kind: 'engine', entries: [], body: {} }] as const;
      const refused = await write(db, { holder: '', epoch: 0, revisions: [rehearsed], audit });
      return { problem: refused ?? staleProblem('rehearsed', address) };
    };
    await transact(connection, address, rehearsal, connection.committer);
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
 * All of a commit in one statement, which is a transaction: BEGIN, a statement for each step and COMMIT took five round trips, 12 ms on a
 * busy machine. Nothing is written unless `fine`.
 * - `own`, FOR SHARE: who takes an epoch waits for this commit, or this commit sees the new epoch.
 * - `held`: targets are locked in the order of names, so that two commits never wait for each other in a ring, and are read as they are
 *   once the lock is had, even when another commit changed them meanwhile.
 * - `still`: an override that holds one of the targets still (protocol.md section 4).
 * - `wrong`: a row that does not follow the one before it (of the same commit, or the stored one).
 * - the audit last: its trigger makes commits wait for each other from there to the end only.
 */
const text = `
  with own as (select holder from leader where holder = $13 and epoch = $14 for share),
    given as (
      select * from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::json[], $9::bytea[],
        $10::text[], $11::text[], $12::float8[]) with ordinality
        as row (target, revision, epoch, "table", base, base_hash, hash, entries, bytes, key_id, signature, at, place)),
    held as (select name, revision, hash from target where name = any($1::text[]) order by name for update),
    chained as (
      select given.*, coalesce(lag(given.revision) over before, held.revision) as own_revision,
        coalesce(lag(given.hash) over before, held.hash) as own_hash
      from given left join held on held.name = given.target
      window before as (partition by given.target order by place)),
    wrong as (
      select * from chained
      where own_revision is null or base <> own_revision or revision <> own_revision + 1 or base_hash <> own_hash
      order by place limit 1),
    still as (
      select id from override
      where lifted is null and until > $23
        and (scope->>'kind' = 'all' or (scope->>'kind' = 'target' and scope->>'name' = any($1::text[]))) limit 1),
    fine as (select 1 where exists (select from own) and not exists (select from wrong) and not exists (select from still)),
    stored as (
      insert into revision (target, revision, epoch, "table", base, base_hash, hash, entries, bytes, key_id, signature, at)
      select target, revision, epoch, "table", base, base_hash, hash, entries, bytes, key_id, signature, at from given, fine order by place),
    queued as (insert into outbox (target, revision) select target, revision from given, fine order by place),
    newest as (select distinct on (target) target, revision, hash, epoch from given, fine order by target, revision desc),
    moved as (
      update target set revision = newest.revision, hash = newest.hash, epoch = newest.epoch from newest where name = newest.target),
    told as (
      insert into audit (at, kind, target, rule, revision, key, entries, body)
      select at, kind, target, rule, revision, key, array(select json_array_elements_text(entries)), body
      from fine, unnest($15::float8[], $16::text[], $17::text[], $18::text[], $19::bigint[], $20::text[], $21::json[], $22::json[])
        with ordinality as row (at, kind, target, rule, revision, key, entries, body, place)
      order by place)
  select exists (select from own) as leads, wrong.target, wrong.own_revision, wrong.revision, wrong.base,
    (select id from still) as still
  from (values (1)) as one left join wrong on true`;

/** null: it is written. */
async function write(db: Db, { holder, epoch, revisions: rows, audit }: Commit): Promise<Problem | null> {
  type Found = { leads: boolean; still: string | null; target: string | null; own_revision: string | null; revision: string; base: string };
  const [found] = await runNamed<Found>(db, { name: 'flyball commit', text }, [
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
    holder,
    epoch,
    ...auditColumns(audit),
    Math.max(...rows.map((row) => row.at), 0),
  ]);
  assert(found !== undefined, 'a commit answers');
  if (!found.leads) return staleProblem(`epoch ${epoch} of ${holder} has ended: another engine leads`, 'leader');
  if (found.still !== null) return staleProblem(`override ${found.still} holds a target still`, 'override');
  const { target: at, own_revision: own, revision, base } = found;
  if (at === null) return null;
  if (own === null) return staleProblem('the target is not enrolled', at);
  if (base !== own || Number(revision) !== Number(own) + 1)
    return staleProblem(`it is at revision ${own}: ${revision} on base ${base} does not follow`, at);
  return staleProblem(`revision ${revision} has another base than the stored one`, at);
}

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const staleProblem = (what: string, at: string): Problem => ({
  code: 'E-STALE',
  what,
  at,
  todo: 'load the present state, then plan again',
});
