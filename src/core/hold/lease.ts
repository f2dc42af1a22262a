import type { Table } from '../../model/table.ts';
import { endedKeepMs, endedMax } from '../limits.ts';
import type { Ended, Held, HoldFile } from './types.ts';

/** What the device is to forward by: held − ended (protocol.md section 5.7). */
export function forwarding(held: Held, ended: readonly Ended[]): Table {
  if (ended.length === 0) return held.entries;
  const gone = new Set(ended.map(pair));
  return held.entries.filter((e) => e.until === null || !gone.has(pair({ id: e.id, until: e.until })));
}

/** Held entries whose lease is over at `timeMs` and that were not ended yet. */
export function due(file: HoldFile, timeMs: number): readonly Ended[] {
  if (file.held === null) return [];
  const over = file.held.entries.flatMap(({ id, until }) => (until !== null && until <= timeMs ? [{ id, until }] : []));
  if (over.length === 0) return [];
  const gone = new Set(file.ended.map(pair));
  return over.filter((e) => !gone.has(pair(e)));
}

/** The file with all that is due at `timeMs` ended, and with what need not be remembered any longer forgotten. */
export function endDue(file: HoldFile, timeMs: number): HoldFile {
  const over = due(file, timeMs);
  const ended = [...file.ended, ...over];
  const here = new Set(file.held?.entries.flatMap(({ id, until }) => (until === null ? [] : [pair({ id, until })])) ?? []);
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

const pair = ({ id, until }: Ended): string => `${id}:${until}`;
