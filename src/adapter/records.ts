import { formatLine } from '../model/line.ts';
import type { Line, Stream } from '../model/record.ts';
import type { Bus } from '../ports/bus.ts';
import type { Clock } from '../ports/clock.ts';
import type { Source } from '../ports/source.ts';
import { messageBytesMax, recordsFlushMs, recordsPerBatchMax, recordsQueueMax, reportEveryMs } from '../core/limits.ts';
import { subjectOf } from '../core/publish/subjects.ts';

/**
 * Headers of a record batch. `seq` counts the batches of one instance from 1: a hole is a batch that the bus lost. `dropped` counts the
 * lines this adapter and its source have given up since they started.
 */
export const recordHeaders = { instance: 'Flyball-Instance', seq: 'Flyball-Seq', dropped: 'Flyball-Dropped' } as const;

export type Records = {
  readonly dropped: () => number;
  readonly stop: () => Promise<void>;
};

/**
 * Carries what a source reports to `flyball.v1.record.T`: JSON lines, ≤ 512 KiB and ≤ 1,000 lines a batch, at most `recordsFlushMs` after
 * they were given. A batch goes out at least each `reportEveryMs`, an empty one if nothing happened: that is the report interval after
 * three of which the engine calls the source stale (rules.md section 3.4). While the bus is away lines are kept, the oldest dropped and counted.
 */
export async function carryRecords(options: {
  readonly target: string;
  readonly instance: string;
  readonly source: Source;
  readonly bus: Bus;
  readonly clock: Clock;
}): Promise<Records> {
  const { target, instance, source, bus, clock } = options;
  const queue = lineQueue(recordsQueueMax);
  const streams = new Set<Stream>();
  let seq = 0;
  let sentMs = Number.NEGATIVE_INFINITY;
  let live = true;
  let cancelFlush: (() => void) | null = null;

  const dropped = (): number => queue.dropped() + Object.values(source.health().dropped).reduce((a, b) => a + b, 0);

  const publish = (lines: readonly string[]): void => {
    seq += 1;
    sentMs = clock.monotonic();
    bus.publish({
      subject: subjectOf('record', target),
      payload: Buffer.from(lines.length === 0 ? '' : `${lines.join('\n')}\n`, 'utf8'),
      headers: { [recordHeaders.instance]: instance, [recordHeaders.seq]: String(seq), [recordHeaders.dropped]: String(dropped()) },
    });
  };

  const flush = (): void => {
    cancelFlush?.();
    cancelFlush = null;
    if (!bus.state().connected) return;
    for (let batch = queue.take(); batch.length > 0; batch = queue.take()) publish(batch);
  };

  const add = (lines: readonly Line[]): void => {
    for (const line of lines) {
      if (line.stream === 'rpc' || line.stream === 'flow') streams.add(line.stream);
      queue.add(formatLine(line));
    }
    // What comes seldom goes at once; what comes often goes together.
    const waited = clock.monotonic() - sentMs;
    if (waited >= recordsFlushMs || queue.size() >= recordsPerBatchMax) flush();
    else cancelFlush ??= clock.after(recordsFlushMs - waited, flush);
  };

  const beat = (): void => {
    const health = source.health();
    if (health.live !== live) {
      live = health.live;
      if (streams.size > 0)
        add([{ stream: 'source', time: wallNs(clock), source: target, state: live ? 'live' : 'stale', streams: [...streams] }]);
    }
    flush();
    if (bus.state().connected && clock.monotonic() - sentMs >= reportEveryMs / 2) publish([]);
  };

  await source.start(add);
  const cancelBeat = clock.each(reportEveryMs, beat);
  return {
    dropped,
    stop: async () => {
      cancelBeat();
      await source.stop();
      flush();
    },
  };
}

type LineQueue = {
  readonly add: (line: string) => void;
  /** Up to one message full, oldest first. */
  readonly take: () => readonly string[];
  readonly size: () => number;
  readonly dropped: () => number;
};

/** Keeps the newest `max` lines. */
export function lineQueue(max: number): LineQueue {
  let lines: string[] = [];
  /** Lines before this were taken or dropped; cut off now and then, so that taking is not quadratic. */
  let start = 0;
  let dropped = 0;
  const cut = (): void => {
    if (start <= max) return;
    lines = lines.slice(start);
    start = 0;
  };
  return {
    add: (line) => {
      if (Buffer.byteLength(line, 'utf8') + 1 > messageBytesMax) {
        dropped += 1;
        return;
      }
      lines.push(line);
      if (lines.length - start <= max) return;
      start += 1;
      dropped += 1;
      cut();
    },
    take: () => {
      let bytes = 0;
      let end = start;
      while (end < lines.length && end - start < recordsPerBatchMax) {
        bytes += Buffer.byteLength(lines[end] ?? '', 'utf8') + 1;
        if (bytes > messageBytesMax) break;
        end += 1;
      }
      const batch = lines.slice(start, end);
      start = end;
      if (start === lines.length) {
        lines = [];
        start = 0;
      }
      cut();
      return batch;
    },
    size: () => lines.length - start,
    dropped: () => dropped,
  };
}

const wallNs = (clock: Clock): bigint => BigInt(Math.round(clock.now() * 1_000)) * 1_000n;
