import type { Entry } from '../../model/table.ts';
import type { TargetInfo } from '../../model/target.ts';
import type { Standing } from './compose.ts';
import type { Part } from './entries.ts';
import { sortParts } from './rank.ts';

export type { Standing } from './compose.ts';

type Wanted = { readonly part: Part; readonly entries: readonly Entry[]; readonly placement: { readonly targets: readonly string[] } };
type Over = { readonly part: Part; readonly entries: readonly Entry[]; readonly target: string; readonly text: string };

/**
 * Entries by target, never more than its table holds. A full table keeps the higher priority, then what is in force already, then the
 * rank of rank.ts; an action that does not fit whole is left out whole and reported.
 */
export function fit(wanted: readonly Wanted[], targets: readonly TargetInfo[], standing: Standing) {
  const over: Over[] = [];
  const entries = new Map<string, readonly Entry[]>();
  for (const { name, capabilities } of targets) {
    const kept = new Map<string, Entry>();
    for (const [part, own] of partsAt(wanted, name, standing)) {
      const fresh = own.filter(({ id }) => !kept.has(id));
      if (kept.size + fresh.length > capabilities.entriesMax) {
        over.push({ part, entries: own, target: name, text: `the table of ${name} is full: ${capabilities.entriesMax} entries` });
      } else for (const entry of fresh) kept.set(entry.id, entry);
    }
    entries.set(name, [...kept.values()]);
  }
  return { entries, over };
}

/** The parts placed at a target, with their entries for all its services, in the order in which they get room. */
function partsAt(wanted: readonly Wanted[], target: string, standing: Standing): readonly (readonly [Part, readonly Entry[]])[] {
  const own = new Map<Part, Map<string, Entry>>();
  for (const { part, entries, placement } of wanted) {
    if (!placement.targets.includes(target)) continue;
    const map = own.get(part) ?? new Map<string, Entry>();
    for (const entry of entries) map.set(entry.id, entry);
    own.set(part, map);
  }
  const ranked = sortParts([...own], ([part]) => part).map(([part, map]) => [part, [...map.values()]] as const);
  return ranked.toSorted(([a], [b]) => b.rule.rule.priority - a.rule.rule.priority || standing(b) - standing(a));
}
