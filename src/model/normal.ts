import { canon } from './canon.ts';
import { compareText } from './order.ts';
import type { Entry, Table } from './table.ts';

/** Entries as a table: ordered by id, each id once. Of two with one id (one intent) the one that ends later stays. */
export function toTable(entries: Iterable<Entry>): Table {
  const byId = new Map<string, Entry>();
  for (const entry of entries) {
    const before = byId.get(entry.id);
    if (before === undefined || endsLater(entry.until, before.until)) byId.set(entry.id, entry);
  }
  return [...byId.values()].sort((a, b) => compareText(a.id, b.id));
}

/** The bytes of a table: equal tables, equal text. */
export const tableText = (table: Table): string => canon(table);

/** Whether `until` a is after b; null is never. */
export const endsLater = (a: number | null, b: number | null): boolean => b !== null && (a === null || a > b);

/**
 * The order in which entries of one stage are looked at: priority, then what they do, then id. What they do comes before the id because
 * the id hashes the owner's name too, and a name never decides (rules.md section 4).
 */
export function compareEntries(a: Entry, b: Entry): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  return compareText(canon(a.action), canon(b.action)) || compareText(a.id, b.id);
}

/** Entries with the same part are alternatives of one action: one draw, one bucket, one token (table.ts). */
export const partOf = ({ owner, part }: Pick<Entry, 'owner' | 'part'>): string => canon([owner.rule, owner.revision, owner.key, part]);
