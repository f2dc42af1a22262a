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

/** One stream at one instant, for each window of a rule. */
export type Life = {
  /** unseen: no record yet, and no source line names it. */
  readonly status: 'unseen' | 'live' | 'stale';
  readonly staleIn: readonly boolean[];
  readonly liveThroughout: readonly boolean[];
};

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
  readonly windows: readonly bigint[];
  /** When the rule began to listen, if the stream was read before that; else null. */
  readonly knownFromNs: bigint | null;
};

/** The life of a stream at `t`, when everything read is earlier. */
export function lifeAt(life: StreamLife, at: LifeQuery): Life {
  const { firstRecordNs } = life;
  const last = life.turns.at(-1);
  const status = last === undefined ? (firstRecordNs === null ? 'unseen' : 'live') : last.live ? 'live' : 'stale';
  return {
    status,
    staleIn: at.windows.map((w) => firstRecordNs !== null && isStaleIn(life.turns, max(at.t - w, firstRecordNs), at.t)),
    liveThroughout: at.windows.map((w) => isLiveFrom(life, at.t - w, at)),
  };
}

/** The next time after `t` at which a window's life changes though nothing is read: a turn, or where knowledge begins, falls out of it. */
export function nextTurn(life: StreamLife, { t, windows, knownFromNs }: LifeQuery): bigint | null {
  const marks = [...life.turns.map((turn) => turn.time), life.firstRecordNs, knownFromNs].filter((mark) => mark !== null);
  const leaves = marks.flatMap((mark) => windows.map((w) => mark + w)).filter((time) => time > t);
  return leaves.length === 0 ? null : leaves.reduce((a, b) => (a < b ? a : b));
}

function isLiveFrom(life: StreamLife, from: bigint, { t, knownFromNs }: LifeQuery): boolean {
  if (knownFromNs !== null && from < knownFromNs) return false;
  const [first] = life.turns;
  // Before the first source line names the stream, it lives from its first record on.
  const begins = first === undefined || from < first.time ? life.firstRecordNs : first.time;
  return begins !== null && begins <= from && !isStaleIn(life.turns, from, t);
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
