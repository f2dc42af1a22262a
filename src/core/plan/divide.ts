import type { Action, Entry } from '../../model/table.ts';
import { entryIdOf } from './entries.ts';

/**
 * rules.md section 2, `scope: global`: a limit is divided over the targets that hold it, so that together they let through what it says.
 * What does not divide evenly goes to the first by name; a bucket holds at least one token, for one that holds none lets nothing through.
 */
export function divideGlobal(entries: ReadonlyMap<string, readonly Entry[]>): ReadonlyMap<string, readonly Entry[]> {
  const holders = new Map<string, string[]>();
  for (const [target, own] of entries) {
    for (const { id, action } of own) {
      if (action.kind === 'limit' && action.scope === 'global') holders.set(id, [...(holders.get(id) ?? []), target].sort());
    }
  }
  if (![...holders.values()].some(({ length }) => length > 1)) return entries;
  return new Map([...entries].map(([target, own]) => [target, own.map((entry) => shareOf(entry, holders.get(entry.id) ?? [], target))]));
}

function shareOf(entry: Entry, holders: readonly string[], target: string): Entry {
  const { action } = entry;
  if (action.kind !== 'limit' || holders.length < 2) return entry;
  const at = holders.indexOf(target);
  const part = (whole: number): number => Math.floor(whole / holders.length) + (at < whole % holders.length ? 1 : 0);
  const divided: Action = { ...action, rateMilli: part(action.rateMilli), burst: Math.max(1, part(action.burst)) };
  const own = { ...entry, action: divided };
  return { ...own, id: entryIdOf(own) };
}
