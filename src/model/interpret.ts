import { canon } from './canon.ts';
import type { ActionOf, Decision, Edits, Limit, Say } from './decision.ts';
import { attributeOf, type Facts } from './facts.ts';
import type { Inventory } from './inventory.ts';
import { matcher } from './match.ts';
import { compareEntries, partOf } from './normal.ts';
import { steer } from './steer.ts';
import { tagOf, type Action, type Entry, type Table } from './table.ts';

/** What a table does to a request or packet (rules.md section 4). Every forwarding engine is compared with this. */
export function interpret(table: Table, inventory: Inventory, facts: Facts, nowMs?: number): Decision {
  return interpreter(table, inventory)(facts, nowMs);
}

/**
 * As `interpret`, for many requests on one table: patterns are compiled and entries sorted once.
 * @returns called with `nowMs` (engine time), entries whose `until` has come are left out; without it none has ended.
 */
export function interpreter(table: Table, inventory: Inventory): (facts: Facts, nowMs?: number) => Decision {
  const ready = [...table].sort(compareEntries).map((entry) => ({ entry, holds: matcher(entry.match), part: partOf(entry) }));
  return (facts, nowMs = -Infinity) => {
    const says = (about: Facts): readonly Say[] => once(ready.filter(({ entry, holds }) => inForce(entry, nowMs) && holds(about)));
    const all = says(facts);
    return {
      admit: admitted(all),
      limits: only(all, 'limit').map((say) => limitOf(say, facts)),
      steer: steer({ says: all, avoidsFor: (about) => only(says(about), 'avoid'), inventory, facts }),
      mirrors: only(all, 'mirror'),
      edits: editsOf(only(all, 'set')),
    };
  };
}

type Ready = { readonly entry: Entry; readonly part: string };

const inForce = ({ until }: Entry, nowMs: number): boolean => until === null || nowMs < until;

/** Alternatives of one action count once. */
function once(matching: readonly Ready[]): readonly Say[] {
  const parts = new Map(matching.toReversed().map((one) => [one.part, one]));
  return matching
    .filter((one) => parts.get(one.part) === one)
    .map(({ entry, part }) => ({ part, tag: tagOf(entry.owner), action: entry.action }));
}

export function only<K extends Action['kind']>(says: readonly Say[], ...kinds: readonly K[]): readonly Say<ActionOf<K>>[] {
  return says.filter((say): say is Say<ActionOf<K>> => kinds.some((kind) => kind === say.action.kind));
}

/** admit: the first match by priority decides; a deny that is not drawn goes on to the next. */
function admitted(says: readonly Say[]): Decision['admit'] {
  const all = only(says, 'allow', 'deny', 'respond');
  const certain = all.findIndex(({ action }) => action.kind !== 'deny' || action.ppm >= 1_000_000);
  return certain < 0 ? all : all.slice(0, certain + 1);
}

/** police: every match applies. */
const limitOf = (say: Say<ActionOf<'limit'>>, facts: Facts): Limit => ({ ...say, bucket: bucketOf(say, facts) });

/** A bucket for each value of `per`, as canonical JSON; those without the attribute share one. */
export const bucketOf = ({ part, action }: Say<ActionOf<'limit'>>, facts: Facts): string =>
  canon([part, ...action.per.map((path) => attributeOf(path)?.read(facts) ?? null)]);

/** edit: every match; for one header or dscp the highest priority, which comes first. Within one action `set` is after `remove`. */
function editsOf(says: readonly Say<ActionOf<'set'>>[]): Edits {
  const headers = new Map<string, string | null>();
  let dscp: number | null = null;
  const by = says.filter(({ action }) => {
    const own = new Map<string, string | null>([
      ...action.remove.map((name) => [name.toLowerCase(), null] as const),
      ...Object.entries(action.set).map(([name, value]) => [name.toLowerCase(), value] as const),
    ]);
    const fresh = [...own].filter(([name]) => !headers.has(name));
    for (const [name, value] of fresh) headers.set(name, value);
    const marks = dscp === null && action.dscp !== null;
    if (marks) dscp = action.dscp;
    return fresh.length > 0 || marks;
  });
  return {
    set: Object.fromEntries([...headers].flatMap(([name, value]) => (value === null ? [] : [[name, value]]))),
    remove: [...headers].flatMap(([name, value]) => (value === null ? [name] : [])),
    dscp,
    by,
  };
}
