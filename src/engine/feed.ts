import type { FlyRecord, Line } from '../model/record.ts';
import { formatLine, parseLine } from '../model/line.ts';
import { heard, nsOf, overdue, tickLine, type Sources } from '../core/loop/sources.ts';
import { recordsPerBatchMax, skewMaxMs } from '../core/limits.ts';

/** Bytes of one batch as a header says them, and what was wrong with lines, counted by reason. */
export type FeedCounts = Record<string, number>;

export type Batch = { readonly target: string; readonly payload: Uint8Array; readonly dropped: number };
export type Now = { readonly monoMs: number; readonly wallMs: number };

export type Feed = {
  readonly sources: Sources;
  readonly counts: FeedCounts;
  /** A batch from the bus as lines, in the order in which they are read. */
  readonly batch: (batch: Batch, now: Now) => readonly Line[];
  /** Time passed: what became stale, and a tick. */
  readonly tick: (now: Now) => readonly Line[];
};

/**
 * Turns what adapters send into the lines that the loop reads. A target speaks for itself only; what comes from the future would move
 * stream time for everybody, so it is dropped and counted.
 */
export function createFeed(): Feed {
  const sources: Sources = new Map();
  const counts: FeedCounts = {};
  const count = (reason: string, n = 1): void => void (counts[reason] = (counts[reason] ?? 0) + n);
  return {
    sources,
    counts,
    batch: ({ target, payload, dropped }, now) => {
      const texts = Buffer.from(payload).toString('utf8').split('\n').filter((t) => t !== ''); // prettier-ignore
      if (texts.length > recordsPerBatchMax) count('batch-too-long', texts.length - recordsPerBatchMax);
      const latest = nsOf(now.wallMs + skewMaxMs);
      const lines: Line[] = [];
      for (const text of texts.slice(0, recordsPerBatchMax)) {
        const line = parseLine(text);
        if (!line.ok) count('not-a-record');
        else if (line.value.time > latest) count('from-the-future');
        else if (!speaksForItself(line.value, target)) count('not-its-own');
        else lines.push(line.value);
      }
      const records = lines.filter((l): l is FlyRecord => l.stream === 'rpc' || l.stream === 'flow');
      count('received', records.length);
      return [...heard(sources, { name: target, records, dropped, ...now }), ...lines];
    },
    tick: (now) => [...overdue(sources, now), tickLine(now.wallMs)],
  };
}

function speaksForItself(line: Line, target: string): boolean {
  if (line.stream === 'tick') return false;
  if (line.stream === 'source') return line.source === target;
  return line.reporter.target === target;
}

/** What `--record` writes: the lines in the order read. */
export const recordingOf = (lines: readonly Line[]): string => lines.map((l) => `${formatLine(l)}\n`).join('');
