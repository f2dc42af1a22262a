import type { FlyRecord, Line, SourceLine, Stream } from '../../model/record.ts';
import { reportEveryMs } from '../limits.ts';

/** A source silent for three of its report intervals is stale (rules.md section 3.4). */
export const staleAfterMs = 3 * reportEveryMs;
export const sourcesMax = 10_000;

/** What the engine knows of one source. Times in ms on the monotonic clock. */
export type SourceState = {
  state: 'live' | 'stale';
  heardMs: number;
  heardAt: number;
  readonly streams: Set<Stream>;
  records: number;
  dropped: number;
};

export type Sources = Map<string, SourceState>;

/**
 * A batch came from `name`: the lines to read before it. A source is named when it first sends a record, or comes back, since a stream
 * is live while one of its named sources is: naming only the dead would stop the others.
 */
export function heard(
  sources: Sources,
  of: {
    readonly name: string;
    readonly records: readonly FlyRecord[];
    readonly dropped: number;
    readonly monoMs: number;
    readonly wallMs: number;
  },
): readonly SourceLine[] {
  const known = sources.get(of.name);
  if (known === undefined && sources.size >= sourcesMax) return [];
  const source: SourceState = known ?? { state: 'stale', heardMs: 0, heardAt: 0, streams: new Set(), records: 0, dropped: 0 };
  sources.set(of.name, source);
  const before = source.streams.size;
  for (const record of of.records) source.streams.add(record.stream);
  const news = source.streams.size > 0 && (source.state === 'stale' || source.streams.size > before);
  source.heardMs = of.monoMs;
  source.heardAt = of.wallMs;
  source.records += of.records.length;
  source.dropped = of.dropped;
  if (source.streams.size > 0) source.state = 'live';
  return news ? [sourceLine(of.name, source, of.wallMs)] : [];
}

/** Sources that have been silent for too long: the lines that say so. */
export function overdue(sources: Sources, at: { readonly monoMs: number; readonly wallMs: number }): readonly SourceLine[] {
  const lines: SourceLine[] = [];
  for (const [name, source] of sources) {
    if (source.state === 'stale' || at.monoMs - source.heardMs < staleAfterMs) continue;
    source.state = 'stale';
    lines.push(sourceLine(name, source, at.wallMs));
  }
  return lines;
}

/** A tick or source line at the engine's time. */
export const tickLine = (wallMs: number): Line => ({ stream: 'tick', time: nsOf(wallMs) });

export const nsOf = (ms: number): bigint => BigInt(Math.round(ms * 1_000)) * 1_000n;

const sourceLine = (source: string, { state, streams }: SourceState, wallMs: number): SourceLine => ({
  stream: 'source',
  time: nsOf(wallMs),
  source,
  state,
  streams: [...streams].toSorted(),
});
