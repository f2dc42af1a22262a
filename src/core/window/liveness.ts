import type { Stream } from '../../model/record.ts';

/** What source lines and records say of the sources of one stream over time (rules.md section 3.4, settled points 3 and 5). */
export type StreamLife = {
  /** The time of the first record read; null before it. A stream is live from there, unless source lines say otherwise. */
  firstRecordNs: bigint | null;
  /** Source lines that name the stream, ordered by time, then by reading. */
  readonly said: Said[];
  /** From when on at least one named source is live, or none is; ordered by time. Before the first, records decide. */
  turns: Turn[];
  /** The named sources after the last of `said`. */
  live: Map<string, boolean>;
};

type Said = { readonly time: bigint; readonly source: string; readonly live: boolean };
type Turn = { readonly time: bigint; readonly live: boolean };

/** A stream as one window sees it at one instant: at the end of the window, and within it. */
export type WindowLife = {
  /** unseen: no record yet, and no source line names it. */
  readonly status: 'unseen' | 'live' | 'stale';
  readonly isStaleIn: boolean;
  readonly liveThroughout: boolean;
};

/** By the place of the window in its selection. */
export type Life = readonly WindowLife[];

/** Source lines of one stream that are remembered; beyond, all but the last word of each source among the older half is forgotten. */
export const saidMax = 20_000;

export const createLife = (): Readonly<Record<Stream, StreamLife>> => ({
  rpc: emptyLife(),
  flow: emptyLife(),
});

const emptyLife = (): StreamLife => ({ firstRecordNs: null, said: [], turns: [], live: new Map() });

export function sawRecord(life: StreamLife, time: bigint): void {
  life.firstRecordNs ??= time;
}

/** A source line; one that comes late counts at its time for later instants, as a late record does. */
export function heardSource(life: StreamLife, said: Said): void {
  let at = life.said.length;
  while (at > 0 && (life.said[at - 1]?.time ?? said.time) > said.time) at--;
  const isLate = at < life.said.length;
  life.said.splice(at, 0, said);
  if (life.said.length > saidMax) forgetOld(life.said);
  else if (!isLate) return follow(life, said);
  life.turns = [];
  life.live = new Map();
  for (const one of life.said) follow(life, one);
}

export type LifeQuery = {
  readonly t: bigint;
  readonly windows: readonly { readonly lengthNs: bigint; readonly lagNs: bigint }[];
  /** When the rule began to listen, if the stream was read before that; else null. */
  readonly knownFromNs: bigint | null;
};

/** The life of a stream at `t`, when everything read is earlier; a window that ends before sees it as it was then (settled point 5). */
export function lifeAt(life: StreamLife, { t, windows, knownFromNs }: LifeQuery): Life {
  const { firstRecordNs } = life;
  return windows.map(({ lengthNs, lagNs }) => {
    const to = t - lagNs;
    const from = to - lengthNs;
    // As it mostly is: no one said a word, and records have come all the time.
    if (life.turns.length === 0 && firstRecordNs !== null && firstRecordNs <= from && knownFromNs === null) return allAlive;
    return {
      status: statusAt(life, to),
      isStaleIn: firstRecordNs !== null && isStaleIn(life.turns, max(from, firstRecordNs), to),
      liveThroughout: isLiveFrom(life, from, { to, knownFromNs }),
    };
  });
}

const allAlive: WindowLife = { status: 'live', isStaleIn: false, liveThroughout: true };

/** After everything of a time before `to`. */
function statusAt({ turns, firstRecordNs }: StreamLife, to: bigint): WindowLife['status'] {
  for (let i = turns.length - 1; i >= 0; i--) {
    const turn = turns[i]!;
    if (turn.time < to) return turn.live ? 'live' : 'stale';
  }
  return firstRecordNs === null || firstRecordNs >= to ? 'unseen' : 'live';
}

/** The next time after `t` at which a window's life changes though nothing is read: a turn, or where knowledge begins, enters or leaves it. */
export function nextTurn(life: StreamLife, { t, windows, knownFromNs }: LifeQuery): bigint | null {
  const marks = [...life.turns.map((turn) => turn.time), life.firstRecordNs, knownFromNs].filter((mark) => mark !== null);
  let least: bigint | null = null;
  for (const { lengthNs, lagNs } of windows)
    for (const mark of marks)
      for (const time of lagNs === 0n ? [mark + lengthNs] : [mark + lagNs + 1n, mark + lagNs + lengthNs])
        if (time > t && (least === null || time < least)) least = time;
  return least;
}

type Until = { readonly to: bigint; readonly knownFromNs: bigint | null };

function isLiveFrom(life: StreamLife, from: bigint, { to, knownFromNs }: Until): boolean {
  if (knownFromNs !== null && from < knownFromNs) return false;
  const [first] = life.turns;
  // Before the first source line names the stream, it lives from its first record on.
  const begins = first === undefined || from < first.time ? life.firstRecordNs : first.time;
  return begins !== null && begins <= from && !isStaleIn(life.turns, from, to);
}

/** Whether some stretch of positive length within [from, to) is stale. Looks from the end: what is asked for is recent. */
function isStaleIn(turns: readonly Turn[], from: bigint, to: bigint): boolean {
  let until = to;
  for (let i = turns.length - 1; i >= 0 && until > from; i--) {
    const turn = turns[i];
    if (turn === undefined) break;
    if (!turn.live && max(turn.time, from) < until) return true;
    until = turn.time < until ? turn.time : until;
  }
  return false;
}

function follow({ live, turns }: StreamLife, { time, source, live: now }: Said): void {
  live.set(source, now);
  const any = now || [...live.values()].includes(true);
  if (turns.at(-1)?.live !== any) turns.push({ time, live: any });
}

function forgetOld(said: Said[]): void {
  const older = said.splice(0, said.length >> 1);
  const lastWord = new Map(older.map((one) => [one.source, one]));
  const kept = [...lastWord.values()].sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
  // With more sources than that, the most recently heard ones stay.
  said.unshift(...kept.slice(-(saidMax >> 2)));
}

const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);
