import { counters, keyStandings, revertedKeys } from '../core/decide/judge.ts';
import type { Loop } from '../core/loop/types.ts';
import type { Problem } from '../model/problem.ts';
import type { EngineOptions } from './engine.ts';
import type { Feed } from './feed.ts';
import { overrideProblems, overrideViews } from './overrides.ts';
import type { RuleView, StatusView, TableView, TargetView } from './views.ts';

const keysShownMax = 100;

/** What the engine shows of itself; `problems` names everything that is not as it should be. */
export function statusOf(of: {
  readonly options: EngineOptions;
  readonly loop: Loop;
  readonly feed: Feed;
  readonly startedAt: number;
  readonly problems: readonly Problem[];
  readonly auditDropped: number;
}): StatusView {
  const { options, loop, feed, startedAt, auditDropped } = of;
  const { store, bus, version, pid } = options;
  const busState = bus.state();
  const targets = targetViews(loop);
  const sources = [...feed.sources].map(([name, s]) => ({
    name,
    state: s.state,
    records: s.records,
    dropped: s.dropped,
    heardAt: s.heardAt,
  }));
  const view = {
    version,
    pid,
    startedAt,
    epoch: loop.lead.epoch,
    bus: { kind: bus.kind, address: bus.address, ...busState },
    database: { ...store.about, up: store.up() },
    records: { ...feed.counts, auditDropped },
    sources,
    targets,
    rules: ruleViews(loop),
    overrides: overrideViews(loop, options.clock.now()),
  };
  return { ...view, problems: [...of.problems, ...overrideProblems(view.overrides), ...problemsOf(view, loop, options.notifier !== null)] };
}

export const tablesOf = (loop: Loop): readonly TableView[] =>
  [...loop.lead.targets.values()].flatMap(({ name, row }) =>
    row === null ? [] : [{ target: name, revision: row.revision, hash: row.hash, entries: row.entries }],
  );

const targetViews = (loop: Loop): readonly TargetView[] =>
  [...loop.lead.targets.values()].map((t) => ({
    name: t.name,
    kind: t.info?.kind ?? 'unknown',
    revision: t.row?.revision ?? 0,
    acked: t.acked,
    state: t.state,
    entries: t.row?.entries.length ?? 0,
    sees: t.info?.sees.services ?? [],
    address: t.address,
    heardAt: t.heardAt,
  }));

function ruleViews(loop: Loop): readonly RuleView[] {
  const counted = counters(loop.judge);
  const standings = keyStandings(loop.judge, { onlyActive: true });
  return [...loop.rules.values()].map(({ rule, revision }) => ({
    name: rule.name,
    revision,
    mode: rule.mode,
    owner: rule.owner,
    why: rule.why,
    keys: standings
      .filter((k) => k.rule === rule.name && k.state !== 'clear')
      .slice(0, keysShownMax)
      .map((k) => ({
        key: k.keyText,
        state: k.state,
        verdict: k.verdict,
        sinceAt: k.sinceNs === null ? 0 : Number(k.sinceNs / 1_000_000n),
      })),
    counters: counted.get(rule.name) ?? {},
  }));
}

type Shown = Pick<StatusView, 'bus' | 'database' | 'sources' | 'targets' | 'records'>;

function problemsOf({ bus, database, sources, targets, records }: Shown, loop: Loop, canNotify: boolean): readonly Problem[] {
  const found: Problem[] = [];
  const add = (code: Problem['code'], what: string, at: string, todo: string): void => void found.push({ code, what, at, todo });
  if (!bus.connected) add('E-BUS-DOWN', 'the bus is away', bus.address, 'targets keep their tables and end leases by themselves');
  if (!database.up)
    add('E-DB-DOWN', 'the database does not answer', database.address, 'nothing new is published and no lease is renewed until it does');
  for (const s of sources) if (s.state === 'stale') add('W-SOURCE-STALE', 'silent for three report intervals', s.name, 'see its adapter'); // prettier-ignore
  for (const t of targets) {
    if (t.heardAt === null) add('W-TARGET-SILENT', 'has not announced itself to this engine', t.name, 'see its adapter');
    else if (t.state === 'rejected') add('E-REJECTED', `revision ${t.revision} was rejected`, t.name, `flyball why ${t.name}`);
    else if (t.revision !== t.acked && t.state !== 'sent') add('W-TARGET-BEHIND', `acknowledged ${t.acked} of ${t.revision}`, t.name, 'see its adapter'); // prettier-ignore
  }
  for (const reason of ['not-a-record', 'from-the-future', 'not-its-own', 'batch-too-long'] as const) {
    const count = records[reason] ?? 0;
    if (count > 0) add('W-RECORDS', `${count} lines refused: ${reason}`, 'records', 'see the adapters that send them');
  }
  if ((records['auditDropped'] ?? 0) > 0) add('E-AUDIT-LOST', `${records['auditDropped'] ?? 0} audit entries were dropped`, database.address, 'the database was away for too long'); // prettier-ignore
  for (const { rule, key } of revertedKeys(loop.judge))
    add('W-REVERTED', `withdrawn: what was expected did not come for ${key}`, rule, `flyball resume ${rule}`);
  for (const [name, counted] of counters(loop.judge)) {
    if (counted.keysOver > 0)
      add(
        'W-KEYS-OVER',
        `${counted.keysOver} records of keys beyond the bound are only counted`,
        name,
        'group by fewer values, or narrow `where`',
      );
    if (counted.recordsOver > 0)
      add(
        'E-RECORDS-OVER',
        `${counted.recordsOver} records were not kept: verdicts are unknown until their windows have passed`,
        name,
        'shorten the windows, or narrow `where`',
      );
  }
  const notifies = [...loop.rules.values()]
    .filter(({ rule }) => rule.notify !== null && rule.mode === 'enforce')
    .map(({ rule }) => rule.name);
  if (!canNotify && notifies.length > 0)
    add('W-NOTIFY', `nobody is told of ${notifies.join(', ')}`, 'ALERTMANAGER_URL', 'start the engine with ALERTMANAGER_URL=http://…');
  for (const text of loop.told) add('W-NOT-IN-FORCE', text, 'plan', 'see flyball why, and the rule');
  return found;
}
