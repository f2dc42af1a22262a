import type { Entry, Table } from '../../model/table.ts';
import { endedKeepMs, endedMax } from '../limits.ts';
import type { Ended, HoldFile } from './types.ts';

/** What the device is to forward by: the held table, or what an override has put in its place, without what ended (protocol.md sections 5.7 and 6). */
export function forwarding(file: HoldFile): Table {
  const base = baseOf(file);
  if (file.ended.length === 0) return base;
  const gone = new Set(file.ended.map(pair));
  return base.filter((e) => e.until === null || !gone.has(pair({ id: e.id, until: e.until })));
}

/** Entries to be forwarded whose lease is over at `timeMs` and that were not ended yet; none while a freeze keeps them. */
export const due = (file: HoldFile, timeMs: number): readonly Ended[] => (isKept(file, timeMs) ? [] : overdue(file, timeMs));

function overdue(file: HoldFile, timeMs: number): readonly Ended[] {
  const over = baseOf(file).flatMap(({ id, until }) => (until !== null && until <= timeMs ? [{ id, until }] : []));
  if (over.length === 0) return [];
  const gone = new Set(file.ended.map(pair));
  return over.filter((e) => !gone.has(pair(e)));
}

/**
 * The file with all that is due at `timeMs` ended, and with what need not be remembered any longer forgotten. A table that is `new` here is not in
 * force: no freeze keeps what is past its time.
 */
export function endDue(file: HoldFile, timeMs: number, isNew: boolean): HoldFile {
  const over = isNew ? overdue(file, timeMs) : due(file, timeMs);
  const ended = [...file.ended, ...over];
  const here = new Set(
    [...(file.held?.entries ?? []), ...baseOf(file)].flatMap(({ id, until }) => (until === null ? [] : [pair({ id, until })])),
  );
  const kept = ended.filter((e) => here.has(pair(e)));
  const away = ended.filter((e) => !here.has(pair(e)) && e.until + endedKeepMs > timeMs).sort((a, b) => b.until - a.until);
  const all = [...kept, ...away.slice(0, Math.max(0, endedMax - kept.length))];
  return { ...file, ended: all.sort((a, b) => (pair(a) < pair(b) ? -1 : 1)), time: Math.max(0, timeMs) };
}

/** Ids of held entries that have ended, ascending. */
export function endedIds(file: HoldFile): readonly string[] {
  const gone = new Set(file.ended.map(pair));
  return (file.held?.entries ?? []).filter((e) => e.until !== null && gone.has(pair({ id: e.id, until: e.until }))).map((e) => e.id);
}

/** Whether two tables hold the same entries, leases aside. */
export const sameEntries = (a: Table, b: Table): boolean => a.length === b.length && a.every(({ id }, i) => id === b[i]?.id);

function baseOf(file: HoldFile): Table {
  const entries = file.held?.entries ?? [];
  if (file.mode === 'off') return entries.filter(({ until }) => until === null);
  return (file.mode === 'revert' ? revertedTo(file) : null) ?? entries;
}

/** The newest kept table with other entries than the held one. An entry that both have was renewed meanwhile: its newer lease counts. null: none is kept. */
export function revertedTo({ held, older }: HoldFile): Table | null {
  if (held === null) return null;
  const before = older.find(({ entries }) => !sameEntries(entries, held.entries));
  if (before === undefined) return null;
  const now = new Map(held.entries.map((entry) => [entry.id, entry]));
  return before.entries.map((entry): Entry => now.get(entry.id) ?? entry);
}

/** A freeze keeps what is forwarded, leases included; so does a revert without anything to go back to, and the grace after a freeze. */
function isKept(file: HoldFile, timeMs: number): boolean {
  if (file.mode === 'freeze') return true;
  if (file.mode === 'revert') return revertedTo(file) === null;
  return file.mode === null && file.graceUntil !== null && timeMs < file.graceUntil;
}

const pair = ({ id, until }: Ended): string => `${id}:${until}`;
