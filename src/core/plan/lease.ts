import type { Entry, Table } from '../../model/table.ts';

/** Engines renew when a third of the lease is gone (protocol.md section 1) … */
const dueShare = 2 / 3;
/** … and then take with them what would be due soon, so that a target gets one diff instead of many. */
const alongShare = 5 / 6;

/**
 * The `until` of each entry for one target: an entry that is in force keeps what it has while more than 2/3 of its lease is left, or else
 * every evaluation would be a new revision. When a diff goes out anyway (a renewal is due, an entry comes or goes), every entry with less
 * than 5/6 left is renewed with it. A renewal never shortens, and never goes beyond what the intent's own lease says.
 * @param leaseMsOf the length of an entry's lease, ms.
 */
export function renewed({
  entries,
  inForce,
  nowMs,
  leaseMsOf,
}: {
  readonly entries: readonly Entry[];
  readonly inForce: Table;
  readonly nowMs: number;
  readonly leaseMsOf: (entry: Entry) => number;
}): readonly Entry[] {
  const held = new Map(inForce.map((entry) => [entry.id, entry.until]));
  const spent = (entry: Entry, share: number): boolean => {
    const until = held.get(entry.id);
    if (entry.until === null || until === null || until === undefined) return until !== entry.until;
    return entry.until > until && until - nowMs <= share * leaseMsOf(entry);
  };
  const goesOut = entries.length !== inForce.length || entries.some((entry) => !held.has(entry.id) || spent(entry, dueShare));
  return entries.map((entry) => {
    const until = held.get(entry.id);
    return until === undefined || (goesOut && spent(entry, alongShare)) ? entry : { ...entry, until };
  });
}
