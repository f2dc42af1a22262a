import type { FlyRecord, RpcRecord } from '../../model/record.ts';
import { holds } from '../../model/match.ts';
import { tagOf, type Entry } from '../../model/table.ts';

/**
 * Accepted is not success (protocol.md): an entry is *observed* when a request that its match covers, and that began after the target
 * accepted it, comes back with the rule's tag. The tag alone would not do: another key of the same rule carries the same one.
 */
export type Awaiting = {
  readonly target: string;
  readonly revision: number;
  /** Target's time in ms at which it accepted the revision. */
  readonly acceptedAtMs: number;
  readonly entry: Entry;
};

/** Entries that wait for their first request; over it the oldest are given up and counted. */
export const awaitingMax = 10_000;

export type Observed = Awaiting & { readonly record: RpcRecord };

export type Watchlist = { readonly byTarget: Map<string, Awaiting[]>; size: number; givenUp: number };

export const createWatchlist = (): Watchlist => ({ byTarget: new Map(), size: 0, givenUp: 0 });

export function awaitEntries(list: Watchlist, entries: readonly Awaiting[]): void {
  for (const a of entries) {
    const waiting = list.byTarget.get(a.target) ?? [];
    if (waiting.some((w) => w.entry.id === a.entry.id)) continue;
    list.byTarget.set(a.target, [...waiting, a]);
    list.size += 1;
  }
  for (const [target, waiting] of list.byTarget) {
    if (list.size <= awaitingMax) return;
    const kept = waiting.slice(list.size - awaitingMax);
    list.givenUp += waiting.length - kept.length;
    list.size -= waiting.length - kept.length;
    list.byTarget.set(target, kept);
  }
}

/** An entry that left its target's table can be observed no more. */
export function forgetEntries(list: Watchlist, target: string, ids: ReadonlySet<string>): void {
  const waiting = list.byTarget.get(target);
  if (waiting === undefined) return;
  keep(list, target, waiting.filter((w) => !ids.has(w.entry.id))); // prettier-ignore
}

/** The entries that this record shows at work; they wait no longer. */
export function observeRecord(list: Watchlist, record: FlyRecord): readonly Observed[] {
  if (record.stream !== 'rpc' || record.applied.length === 0 || list.size === 0) return [];
  const target = record.reporter.target;
  const waiting = target === undefined ? undefined : list.byTarget.get(target);
  if (target === undefined || waiting === undefined || waiting.length === 0) return [];
  const beganMs = Number((record.time - (record.response.duration ?? 0n)) / 1_000n) / 1_000;
  const facts = { source: record.source, destination: record.destination, request: record.request };
  const shown = waiting.filter(
    (w) => beganMs >= w.acceptedAtMs && record.applied.includes(tagOf(w.entry.owner)) && holds(w.entry.match, facts),
  );
  if (shown.length === 0) return [];
  keep(list, target, waiting.filter((w) => !shown.includes(w))); // prettier-ignore
  return shown.map((w) => ({ ...w, record }));
}

function keep(list: Watchlist, target: string, kept: Awaiting[]): void {
  list.size -= (list.byTarget.get(target)?.length ?? 0) - kept.length;
  if (kept.length === 0) list.byTarget.delete(target);
  else list.byTarget.set(target, kept);
}
