import type { Line, RpcRecord } from '../../src/model/record.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Source } from '../../src/ports/source.ts';
import { nanoseconds } from './time.ts';

/** A record waits at most this long for company: half of what the port allows, the other half is for a busy event loop. */
const batchMs = 10;
const recordsPerBatchMax = 256;
/** What is kept while nobody listens; the oldest is dropped and counted. */
const recordsHeldMax = 4_096;
/** A tag that was not on any record for so long is news, and news goes at once: it shows that a change has its effect. */
const newsAfterMs = 1_000;
/** Tags that are remembered; with more, all are news again. */
const tagsMax = 1_024;
/** A source silent for three of these is stale (rules.md section 3, 4). */
const heartbeatMs = 1_000;

export type RecordSource = Source & { readonly add: (record: RpcRecord) => void };

/** Batches what the proxy reports and says each second that it is alive, traffic or not. */
export function recordSource({ clock, target }: { readonly clock: Clock; readonly target: string }): RecordSource {
  let emit: ((lines: readonly Line[]) => void) | null = null;
  let held: Line[] = [];
  let records = 0;
  let dropped = 0;
  let cancelFlush: (() => void) | null = null;
  let cancelHeartbeat: (() => void) | null = null;

  const flush = (): void => {
    cancelFlush?.();
    cancelFlush = null;
    const lines = held;
    held = [];
    for (let i = 0; i < lines.length; i += recordsPerBatchMax) emit?.(lines.slice(i, i + recordsPerBatchMax));
  };

  const hold = (line: Line): void => {
    if (held.length >= recordsHeldMax) {
      held.shift();
      dropped++;
    }
    held.push(line);
    if (emit === null) return;
    if (held.length >= recordsPerBatchMax) flush();
    else cancelFlush ??= clock.after(batchMs, flush);
  };

  const seenMs = new Map<string, number>();
  const isNews = ({ applied }: RpcRecord): boolean => {
    if (applied.length === 0) return false;
    const nowMs = clock.monotonic();
    if (seenMs.size > tagsMax) seenMs.clear();
    let news = false;
    for (const tag of applied) {
      news ||= nowMs - (seenMs.get(tag) ?? Number.NEGATIVE_INFINITY) >= newsAfterMs;
      seenMs.set(tag, nowMs);
    }
    return news;
  };

  const sign = (state: 'live' | 'stale'): void => {
    hold({ stream: 'source', time: nanoseconds(clock.now()), source: target, state, streams: ['rpc'] });
    flush();
  };

  return {
    add: (record) => {
      records++;
      hold(record);
      if (emit !== null && isNews(record)) flush();
    },
    start: async (to) => {
      emit = to;
      sign('live');
      cancelHeartbeat ??= clock.each(heartbeatMs, () => sign('live'));
    },
    health: () => ({ live: emit !== null, records, dropped: dropped === 0 ? {} : { 'queue-full': dropped } }),
    stop: async () => {
      cancelHeartbeat?.();
      cancelHeartbeat = null;
      if (emit !== null) sign('stale');
      emit = null;
    },
  };
}
