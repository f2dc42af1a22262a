import { diffTables } from '../../model/diff.ts';
import { mergeInventories } from '../../model/inventory.ts';
import type { RpcRecord } from '../../model/record.ts';
import type { RevisionRow } from '../../model/revision.ts';
import type { Entry, Table } from '../../model/table.ts';
import { ackEntry, diffEntry, entry as auditEntry, observedEntry } from '../audit/entries.ts';
import { setInstances } from '../decide/judge.ts';
import { awaitEntries, forgetEntries, observeRecord } from '../observe/observe.ts';
import type { LeadEffect } from '../publish/types.ts';
import { overrideText, recordOverride } from './override.ts';
import { isolate, liftIfChanged } from './quarantine.ts';
import { sentMax } from './types.ts';
import type { Loop, Sent, Turn } from './types.ts';
import { tell } from './tell.ts';

/** What the protocol reports, as the record and the timeline show it: accepted is not success, observed is. */
export function onLeadEffect(turn: Turn, effect: LeadEffect): void {
  const { loop, out } = turn;
  switch (effect.kind) {
    case 'commit':
      return onCommit(turn, effect);
    case 'settled':
      loop.decisions = loop.decisions.filter((d) => d.number > effect.last);
      return;
    case 'target':
      loop.targets.set(effect.info.name, effect.info);
      liftIfChanged(turn, effect.info);
      learnInstances(loop);
      loop.dirty = true;
      turn.audit.push(
        auditEntry({ at: turn.wallMs, kind: 'target', target: effect.info.name, body: { ...effect.info, address: effect.address } }),
      );
      return tell(turn, 'target', { target: effect.info.name, text: `${effect.info.name} (${effect.info.kind}) announces itself` });
    case 'delivery':
      return onDelivery(turn, effect);
    case 'ended':
      turn.audit.push(auditEntry({ at: turn.wallMs, kind: 'delivery', target: effect.target, entries: effect.ids, body: { revision: effect.revision, ended: 'by lease, at the target' } })); // prettier-ignore
      return;
    case 'learned':
      loop.dirty = true;
      out.push(effect);
      // Each engine hears of it; one writes it down.
      return loop.lead.leads ? recordOverride(turn, effect.override) : undefined;
    case 'over':
      loop.dirty = true;
      return tell(turn, 'override', {
        text: `${overrideText(effect.override)} is over: its time has come`,
        data: { id: effect.override.id },
      });
    case 'adopted': {
      const { target, proven, own, epoch } = effect;
      turn.audit.push(auditEntry({ at: turn.wallMs, kind: 'engine', target, body: { what: 'adopted', proven, own: { epoch: own.epoch, revision: own.revision, hash: own.hash }, epoch } })); // prettier-ignore
      return tell(turn, 'adopted', { target, text: `${target} is brought back from revision ${proven.revision} of epoch ${proven.epoch}: its next is above it` }); // prettier-ignore
    }
    case 'behind':
      tell(turn, 'behind', {
        target: effect.target,
        text: `${effect.target} proves revision ${effect.proven.revision}, which the record lacks`,
      });
      out.push(effect);
      return;
    default:
      out.push(effect);
  }
}

/** The decision's audit goes into the transaction of the revisions it led to. */
function onCommit(turn: Turn, effect: Extract<LeadEffect, { kind: 'commit' }>): void {
  const { loop, out, wallMs } = turn;
  const carried = loop.decisions.filter((d) => d.number <= effect.last);
  // Dropped when it is committed: a commit that fails is tried again, with the same audit.
  loop.committing = effect.last;
  const diffs = effect.rows.map((row) => {
    const ops = diffTables(committed(turn, row.target), row.entries);
    remember(turn, row);
    const { target, table, revision, base, epoch, hash } = row;
    return diffEntry({ at: wallMs, target, table, revision, base, epoch, hash, ops, reasons: loop.reasons });
  });
  const audit = [...carried.flatMap((d) => d.audit), ...diffs];
  out.push({ kind: 'commit', epoch: effect.epoch, rows: effect.rows, audit });
  const counts = countByRule(effect.rows.flatMap((row) => row.entries));
  const text = `table ${effect.table}: ${effect.rows.map((r) => `${r.target}@${r.revision}`).join(', ')}`;
  tell(turn, 'decided', { text, data: { table: effect.table, entries: counts, targets: effect.rows.map((r) => r.target) } });
}

const committed = ({ loop }: Turn, target: string): Table => loop.lead.targets.get(target)?.row?.entries ?? [];

function remember(turn: Turn, row: RevisionRow): void {
  const { sent } = turn.loop;
  const ops = diffTables(committed(turn, row.target), row.entries);
  const puts = ops.flatMap((o) => (o.op === 'put' ? [o.entry] : []));
  const one: Sent = { revision: row.revision, hash: row.hash, ops, puts, counts: countByRule(row.entries) };
  sent.set(row.target, [...(sent.get(row.target) ?? []).filter((s) => s.revision < row.revision), one].slice(-sentMax));
}

function onDelivery(turn: Turn, effect: Extract<LeadEffect, { kind: 'delivery' }>): void {
  const { loop, wallMs } = turn;
  const { target, revision, hash, state } = effect;
  const waiting = loop.sent.get(target) ?? [];
  const one = waiting.find((s) => s.revision === revision);
  // One that another engine has sent: what it holds is in the record.
  const row = loop.lead.targets.get(target)?.row ?? null;
  const data = { revision, entries: one?.counts ?? countByRule(row?.revision === revision ? row.entries : []) };
  if (state === 'sent') return tell(turn, 'published', { target, text: `${target} revision ${revision} sent`, data });
  // A target that took a snapshot answers for all that went before it, too.
  const answered = waiting.filter((s) => s.revision <= revision);
  const touched = [...new Set(answered.flatMap((s) => s.ops.map((o) => o.id)))];
  const instance = effect.instance === null ? '' : `${effect.instance.adapter} boot ${effect.instance.boot}`;
  const text = effect.entries.map((e) => `${e.id}: ${e.code} ${e.text}`).join('; ');
  turn.audit.push(ackEntry({ at: wallMs, target, revision, hash, result: state, instance, text, entries: touched }));
  tell(turn, state, { target, text: `${target} revision ${revision} ${state}${text === '' ? '' : `: ${text}`}`, data });
  if (state === 'rejected') isolate(turn, effect);
  if (state !== 'accepted') return;
  loop.sent.set(target, waiting.filter((s) => s.revision > revision)); // prettier-ignore
  const gone = new Set(answered.flatMap((s) => s.ops.flatMap((o) => (o.op === 'drop' ? [o.id] : []))));
  forgetEntries(loop.watchlist, target, gone);
  const puts = answered.flatMap((s) => s.puts).filter((e) => !gone.has(e.id));
  awaitEntries(loop.watchlist, puts.map((entry) => ({ target, revision, acceptedAtMs: wallMs, entry }))); // prettier-ignore
}

/** A record that shows entries at work. */
export function onRecord(turn: Turn, record: RpcRecord): void {
  for (const shown of observeRecord(turn.loop.watchlist, record)) {
    const { target, revision, acceptedAtMs, entry } = shown;
    const { rule, revision: ruleRevision, key } = entry.owner;
    turn.audit.push(observedEntry({ at: turn.wallMs, target, rule, ruleRevision, key, entry: entry.id, revision, acceptedAtMs, record }));
    const entries = { [rule]: 1 };
    const text = `${entry.id.slice(0, 12)} at ${target}: request ${record.request.id ?? '?'}`;
    tell(turn, 'observed', { rule, revision: ruleRevision, key, target, text, data: { revision, entries } });
  }
}

/** The inventory of the file comes first: what a person wrote is not overruled by what a target says of itself. */
export function learnInstances(loop: Loop): void {
  const announced = [...loop.targets.values()].map(({ sees }) => ({ instances: sees.instances ?? [] }));
  loop.known = mergeInventories([loop.inventory, ...announced]);
  setInstances(loop.judge, loop.known.instances);
}

function countByRule(entries: readonly Entry[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const e of entries) counts[e.owner.rule] = (counts[e.owner.rule] ?? 0) + 1;
  return counts;
}
