import { answerEveryMs, listMax, proofBytesMax, protocolVersion, reasonsMax } from '../limits.ts';
import { encode } from '../publish/bytes.ts';
import type { Ack, AckResult, Announce, Proof, RejectedEntry } from '../publish/messages.ts';
import { engineTime } from './clock.ts';
import { endedIds } from './lease.ts';
import { active } from './override.ts';
import type { About, Hold, HoldStatus, Turn } from './types.ts';

/** Counts a message (or a fault) by reason and reports it; nothing else changes. */
export function refuse({ hold, out }: Turn, reason: string, what: string): void {
  const name = hold.counts.has(reason) || hold.counts.size < reasonsMax ? reason : 'other';
  const count = (hold.counts.get(name) ?? 0) + 1;
  hold.counts.set(name, count);
  out.push({ kind: 'report', reason, what, count });
}

/** Says what became of a message; with proof of what is held where the engine has to learn from it. */
export function ack(turn: Turn, result: AckResult, about: About, entries: readonly RejectedEntry[] = []): void {
  const { hold, nowMs, out } = turn;
  if (result === 'accepted') hold.acceptedMs = nowMs;
  const proves = result === 'ahead' || result === 'fork' || result === 'gap';
  const message: Ack = {
    ...common(turn, proves ? (hold.file.held?.proof ?? null) : null),
    ...about,
    result,
    entries,
    ended: endedIds(hold.file).slice(0, listMax),
  };
  out.push({ kind: 'send', channel: 'ack', payload: encode(message) });
}

/** As ack, but at most once each `answerEveryMs`: what it answers is repeated. */
export function ackSeldom(turn: Turn, result: AckResult, about: About, entries: readonly RejectedEntry[] = []): void {
  const { hold, nowMs } = turn;
  if (nowMs - (hold.answeredMs.get(result) ?? Number.NEGATIVE_INFINITY) < answerEveryMs) return;
  hold.answeredMs.set(result, nowMs);
  ack(turn, result, about, entries);
}

/** Who we are, what we can do and what we hold; `hold.ask.nonce` is what the answer must carry. */
export function announce(turn: Turn, nonce: string): void {
  const { hold, out } = turn;
  const { sees } = hold;
  const { kind, capabilities, address } = hold.options;
  const message: Announce = {
    ...common(turn, hold.file.held?.proof ?? null),
    nonce,
    kind,
    capabilities,
    sees,
    address,
    speaks: { min: protocolVersion, max: protocolVersion },
    provisional: hold.file.held?.provisional ?? false,
  };
  out.push({ kind: 'send', channel: 'announce', payload: encode(message) });
}

/** Tells the shell when anything of it has changed. */
export function tellStatus({ hold, out }: Turn): void {
  const { held, fence } = hold.file;
  const status: HoldStatus = {
    revision: held?.revision ?? null,
    hash: held?.hash ?? null,
    fence,
    provisional: held?.provisional ?? false,
    ready: held !== null && hold.inForce,
    onEmpty: hold.options.onEmpty,
    mode: hold.file.mode,
    overrides: hold.file.overrides,
  };
  if (hold.status !== null && sameStatus(hold.status, status)) return;
  hold.status = status;
  out.push({ kind: 'status', status });
}

const common = ({ hold, nowMs }: Turn, proof: Proof | null) =>
  ({
    v: protocolVersion,
    target: hold.options.target,
    at: Math.max(0, engineTime(hold.clock, nowMs)),
    instance: hold.options.instance,
    held: proof !== null && Buffer.byteLength(proof.payload, 'utf8') <= proofBytesMax ? proof : null,
    overrides: active(hold.file, engineTime(hold.clock, nowMs)),
    clock: { time: Math.max(0, engineTime(hold.clock, nowMs)), contact: hold.clock.contact },
    refused: Object.fromEntries(hold.counts),
  }) as const;

/** Of the held table; null when nothing is held. */
export const aboutHeld = (hold: Hold): About | null => {
  const { held } = hold.file;
  return held === null ? null : { epoch: held.epoch, revision: held.revision, hash: held.hash };
};

const sameStatus = (a: HoldStatus, b: HoldStatus): boolean =>
  a.revision === b.revision &&
  a.hash === b.hash &&
  a.fence === b.fence &&
  a.provisional === b.provisional &&
  a.ready === b.ready &&
  a.onEmpty === b.onEmpty &&
  a.mode === b.mode &&
  a.overrides === b.overrides;
