import { and, asc, desc, eq, sql } from 'drizzle-orm';
import type { AuditEntry, RuleRevision, Store } from '../../ports/store.ts';
import { insertAudit, withoutNul } from './audit.ts';
import type { Connection, Db } from './connection.ts';
import { StoreFailure } from './failure.ts';
import { leader, rule } from './schema.ts';
import { transact } from './transaction.ts';

/** Revisions of one answer; a rule that was saved more often shows its newest. */
const historyMax = 10_000;

type Save = Parameters<Store['saveRule']>[0];
type Saved = Awaited<ReturnType<Store['saveRule']>>;

/** A new revision and its audit entry, or the present one when the text is the same. Saves of one rule wait for each other. */
export async function saveRule(connection: Connection, address: string, save: Save): Promise<Saved> {
  if (save.text?.includes('\0') === true) throw new StoreFailure(nulProblem(save.name), null);
  const { as, ...rest } = save;
  const outcome = await transact<Saved>(connection, address, async (db) => {
    // Held until the end: whoever takes over reads the rules after this save, or refuses it.
    if (as !== undefined && !(await leadsAs(db, as))) return { problem: anotherLeads(as.holder) };
    await db.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`flyball.rule ${save.name}`}, 0))`);
    const [present] = await db.select().from(rule).where(eq(rule.name, save.name)).orderBy(desc(rule.revision)).limit(1);
    if (present !== undefined && present.text === save.text) return { value: { revision: present, changed: false } };
    if (present === undefined && save.text === null) return { problem: unknownRule(save.name) };
    const revision: RuleRevision = {
      ...rest,
      author: withoutNul(save.author),
      reason: withoutNul(save.reason),
      revision: (present?.revision ?? 0) + 1,
    };
    await db.insert(rule).values(revision);
    await insertAudit(db, [auditOf(revision)]);
    return { value: { revision, changed: true } };
  });
  if (outcome.state === 'done') return outcome.value;
  throw new StoreFailure(outcome.problem, null);
}

async function leadsAs(db: Db, { holder, epoch }: NonNullable<Save['as']>): Promise<boolean> {
  const rows = await db
    .select({ epoch: leader.epoch })
    .from(leader)
    .where(and(eq(leader.holder, holder), eq(leader.epoch, epoch)))
    .for('share');
  return rows.length === 1;
}

/** The newest revision of each rule by name; removed ones included. */
export const newestRules = async (db: Db): Promise<readonly RuleRevision[]> =>
  await db.selectDistinctOn([rule.name]).from(rule).orderBy(asc(rule.name), desc(rule.revision));

/** Oldest first. */
export async function ruleHistory(db: Db, name: string | null): Promise<readonly RuleRevision[]> {
  const all = db.select().from(rule);
  const rows = await (name === null
    ? all.orderBy(desc(rule.at), desc(rule.name), desc(rule.revision)).limit(historyMax)
    : all.where(eq(rule.name, name)).orderBy(desc(rule.revision)).limit(historyMax));
  return rows.reverse();
}

const auditOf = ({ name, revision, text, author, reason, at }: RuleRevision): AuditEntry => ({
  id: 0,
  at,
  target: null,
  rule: name,
  revision,
  key: null,
  entries: [],
  kind: 'rule',
  body: { event: text === null ? 'removed' : 'saved', author, reason },
});

const nulProblem = (at: string) =>
  ({ code: 'E-RULE-TEXT', what: 'the text holds a NUL character', at, todo: 'remove it: YAML does not allow it either' }) as const;

const anotherLeads = (at: string) =>
  ({ code: 'E-STANDBY', what: 'another engine leads by now', at, todo: 'nothing was saved: flyball status says who leads' }) as const;

const unknownRule = (name: string) =>
  ({ code: 'E-RULE-UNKNOWN', what: `there is no rule "${name}"`, at: name, todo: 'see `flyball rule list`' }) as const;
