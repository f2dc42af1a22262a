import { diffTables } from '../../model/diff.ts';
import type { AuditEntry } from '../../model/audit.ts';
import type { Table } from '../../model/table.ts';
import { entry as auditEntry, intentEntry } from '../audit/entries.ts';
import { intents } from '../decide/judge.ts';
import type { Intent } from '../decide/types.ts';
import { plan, type Plan } from '../plan/plan.ts';
import { isOverridden } from '../publish/above.ts';
import { underOverrides } from './override.ts';
import { tell } from './tell.ts';
import type { Turn } from './types.ts';

/**
 * Plans anew and hands back the tables that changed, or null. Only targets that have announced themselves get one: after a restart the
 * others keep what they have until they are heard.
 */
export function decide(turn: Turn): ReadonlyMap<string, Table> | null {
  const { loop, wallMs } = turn;
  const { intents: inForce, rules } = underOverrides(loop, intents(loop.judge), wallMs);
  // What was on its way to a target that an override holds still never went out.
  const isStill = (name: string): boolean => isOverridden(loop.lead, name, wallMs);
  for (const [name, { row }] of loop.lead.targets) if (row !== null && isStill(name)) loop.tables.set(name, row.entries);
  const planned = plan({
    intents: inForce,
    rules,
    inventory: loop.known,
    targets: [...loop.targets.values()],
    inForce: loop.tables,
    nowMs: Math.floor(wallMs),
    guardState: loop.guards,
  });
  loop.guards = planned.guardState;
  tellRefused(turn, planned);
  showShadow(turn, planned);
  const changed = [...planned.tables].filter(
    ([name, table]) => !isStill(name) && diffTables(loop.tables.get(name) ?? [], table).length > 0,
  );
  if (changed.length === 0) return null;
  const begun = newIds(turn, changed);
  loop.decisions.push({ number: loop.wanted + 1, audit: intentEntries(turn, inForce, planned, begun) });
  giveReasons(turn, planned, changed, inForce);
  for (const [name, table] of changed) loop.tables.set(name, table);
  return new Map(changed);
}

/** Entries that stand nowhere yet. */
function newIds({ loop }: Turn, changed: readonly (readonly [string, Table])[]): ReadonlySet<string> {
  const known = new Set([...loop.tables.values()].flat().map((e) => e.id));
  return new Set(changed.flatMap(([, table]) => table.map((e) => e.id)).filter((id) => !known.has(id)));
}

/** One audit entry for each intent that begins to be in a table. */
function intentEntries(
  { loop, wallMs }: Turn,
  inForce: readonly Intent[],
  planned: Plan,
  begun: ReadonlySet<string>,
): readonly AuditEntry[] {
  const entries = [...planned.tables.values()].flat();
  return inForce.flatMap((intent) => {
    const rule = loop.rules.get(intent.rule)?.rule;
    const own = entries.filter((e) => e.owner.rule === intent.rule && e.owner.key === intent.keyText).map((e) => e.id);
    const ids = [...new Set(own)].filter((id) => begun.has(id)).toSorted();
    if (rule === undefined || ids.length === 0) return [];
    return [intentEntry({ at: wallMs, intent, when: rule.when, mode: rule.mode, entries: ids })];
  });
}

/** Why each entry stands where it does, or left: what the diff's audit entry says of it. */
function giveReasons({ loop }: Turn, planned: Plan, changed: readonly (readonly [string, Table])[], inForce: readonly Intent[]): void {
  const reasons = new Map<string, string>();
  for (const [name, table] of changed) {
    for (const { id, owner, part } of table) {
      const p = planned.placements.find((x) => x.rule === owner.rule && x.key === owner.key && x.part === part && x.targets.includes(name));
      if (p !== undefined) reasons.set(id, p.text);
    }
    const kept = new Set(table.map((e) => e.id));
    for (const { id, owner } of loop.tables.get(name) ?? []) {
      if (kept.has(id)) continue;
      const asks = inForce.some((i) => i.rule === owner.rule && i.revision === owner.revision && i.keyText === owner.key);
      const refusal = planned.refusals.find((r) => r.rule === owner.rule && r.key === owner.key);
      reasons.set(id, asks ? (refusal?.text ?? 'its place or its form changed') : (loop.ends.get(`${owner.rule}\n${owner.key}`) ?? 'its rule does not ask for it any more')); // prettier-ignore
    }
  }
  loop.reasons = reasons;
}

/** What is asked for and not in force is told once, when it begins. */
function tellRefused(turn: Turn, { refusals, losses }: Plan): void {
  const { loop, wallMs } = turn;
  const said = [...refusals.map((r) => ({ ...r, target: null, why: r.guard })), ...losses.map((l) => ({ ...l, why: 'no target' }))];
  const now = new Map(said.map((s) => [`${s.rule}@${s.revision} ${s.key}: ${s.text}`, s]));
  for (const [text, s] of now) {
    if (loop.told.has(text)) continue;
    const { rule, revision, key, target, why, part } = s;
    turn.audit.push(auditEntry({ at: wallMs, kind: 'guard', rule, revision, key, target, body: { why, part, text: s.text } }));
    tell(turn, 'refused', { rule, revision, key, target, text, data: { why } });
  }
  loop.told = new Set(now.keys());
}

/** What shadow rules would do: shown at each change, never published. */
function showShadow(turn: Turn, { shadow }: Plan): void {
  for (const [name, table] of shadow.tables) {
    const ops = diffTables(turn.loop.shadow.get(name) ?? [], table).filter((o) => o.op !== 'renew');
    if (ops.length > 0) tell(turn, 'shadow', { target: name, text: `would hold ${table.length} entries of shadow rules`, data: { ops } });
  }
  turn.loop.shadow = shadow.tables;
}
