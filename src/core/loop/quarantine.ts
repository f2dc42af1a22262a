import { createHash } from 'node:crypto';
import { canon } from '../../model/canon.ts';
import type { Quarantined, TargetRow } from '../../model/revision.ts';
import type { Table } from '../../model/table.ts';
import type { Capabilities, TargetInfo } from '../../model/target.ts';
import { entry as auditEntry } from '../audit/entries.ts';
import { quarantineMax } from '../limits.ts';
import type { RejectedEntry } from '../publish/messages.ts';
import { tell } from './tell.ts';
import type { Loop, Turn } from './types.ts';

/** As the record has it; a target whose capabilities have changed since starts afresh. */
export function keepQuarantine(turn: Turn, targets: readonly TargetRow[]): void {
  const { loop } = turn;
  loop.quarantine = new Map(targets.flatMap(({ name, quarantine }) => (quarantine === undefined ? [] : [[name, quarantine]])));
  for (const info of loop.targets.values()) liftIfChanged(turn, info);
}

/**
 * A target will not take these entries: it gets the rest of its table without them. An ack is no authority: it can leave out entries of
 * its own target only, and only those that were really sent there.
 */
export function isolate(
  turn: Turn,
  of: { readonly target: string; readonly revision: number; readonly entries: readonly RejectedEntry[] },
): void {
  const { loop, out, wallMs } = turn;
  const info = loop.targets.get(of.target);
  const sent = new Map((loop.lead.targets.get(of.target)?.row?.entries ?? []).map((e) => [e.id, e]));
  const known = loop.quarantine.get(of.target)?.entries ?? [];
  const fresh = of.entries.filter(({ id }) => sent.has(id) && !known.some((one) => one.id === id));
  if (info === undefined || fresh.length === 0) return;
  const added = fresh.map(({ id, code, text }): Quarantined => ({ id, code, text, revision: of.revision, at: Math.floor(wallMs) }));
  const quarantine = { capabilities: hashOf(info.capabilities), entries: [...known, ...added].slice(-quarantineMax) };
  loop.quarantine.set(of.target, quarantine);
  loop.dirty = true;
  out.push({ kind: 'quarantine', target: of.target, quarantine });
  for (const { id, code, text } of added) {
    const owner = sent.get(id)?.owner;
    const about = { target: of.target, rule: owner?.rule ?? null, key: owner?.key ?? null };
    const body = { quarantined: true, revision: of.revision, code, text };
    turn.audit.push(auditEntry({ at: wallMs, kind: 'delivery', ...about, entries: [id], body }));
    tell(turn, 'quarantined', { ...about, text: `${of.target} refuses ${id.slice(0, 12)}: ${code} ${text}: it gets its table without it` });
  }
}

/** What it can do has changed: everything may be tried again. */
export function liftIfChanged(turn: Turn, { name, capabilities }: TargetInfo): void {
  const { loop, out, wallMs } = turn;
  const quarantine = loop.quarantine.get(name);
  if (quarantine === undefined || quarantine.capabilities === hashOf(capabilities)) return;
  loop.quarantine.delete(name);
  loop.dirty = true;
  out.push({ kind: 'quarantine', target: name, quarantine: null });
  const entries = quarantine.entries.map(({ id }) => id);
  turn.audit.push(
    auditEntry({ at: wallMs, kind: 'delivery', target: name, entries, body: { quarantined: false, why: 'its capabilities changed' } }),
  );
  tell(turn, 'quarantined', { target: name, text: `${name} has other capabilities: what it refused is tried again` });
}

/** A planned table without what its target refuses. */
export function admitted(loop: Loop, target: string, table: Table): Table {
  const refused = new Set(loop.quarantine.get(target)?.entries.map(({ id }) => id));
  return refused.size === 0 ? table : table.filter(({ id }) => !refused.has(id));
}

/** Why an entry that is asked for is not in a target's table; null: it did not refuse it. */
export function refusedText(loop: Loop, target: string, id: string): string | null {
  const one = loop.quarantine.get(target)?.entries.find((entry) => entry.id === id);
  return one === undefined ? null : `${target} refused it: ${one.code} ${one.text}`;
}

const hashOf = (capabilities: Capabilities): string => createHash('sha256').update(canon(capabilities)).digest('hex');
