import { holdQueueMax, messageBytesMax, partsEarlyMax, partsWaitMs, snapshotBytesMax } from '../limits.ts';
import type { Entry, Table } from '../../model/table.ts';
import type { Snapshot } from '../publish/messages.ts';
import { partHash, readPart } from '../publish/parts.ts';
import { want } from './ask.ts';
import { refuse } from './tell.ts';
import type { Hold, Parts, Turn, Verified, VerifiedSnapshot } from './types.ts';

export const noParts = (): Parts => ({ list: null, had: new Map(), early: new Map(), answer: null, dueMs: 0, diffs: [] });

/** A part: taken when a signed list names its hash; kept for a moment when the list may still be on its way. */
export function onPart(turn: Turn, payload: Uint8Array): void {
  const { hold } = turn;
  const { parts } = hold;
  if (payload.length > messageBytesMax) return refuse(turn, 'size', `a part of ${payload.length} bytes`);
  const hash = partHash(payload);
  if (parts.had.has(hash) || parts.early.has(hash)) return refuse(turn, 'part-twice', 'a part that is here already');
  if (parts.list?.places.has(hash) === true) return take(turn, parts.list, hash, payload);
  const maySoonBeListed = hold.ask.nonce !== null && parts.answer === null && parts.early.size < partsEarlyMax;
  if (!maySoonBeListed) return refuse(turn, 'part', 'a part of no snapshot that is awaited');
  parts.early.set(hash, payload);
}

/**
 * A signed list has come, and answers the announce that is outstanding. Its parts are known from now on, though the list itself may have
 * to wait for the disk; parts that an earlier list of the same table brought are kept.
 */
export function onList(turn: Turn, { target, revision, nonce, hashes }: Snapshot): void {
  const { hold } = turn;
  if (hold.ask.nonce === null || nonce !== hold.ask.nonce) return;
  const places = new Map(hashes.map((hash, i) => [hash, i + 1]));
  const list = { target, revision, places };
  const early = [...hold.parts.early];
  hold.parts = { ...noParts(), list, had: new Map([...hold.parts.had].filter(([hash]) => places.has(hash))) };
  for (const [hash, payload] of early) {
    if (places.has(hash)) take(turn, list, hash, payload);
    else refuse(turn, 'part', 'a part of another snapshot than the one that came');
  }
}

/** The answer is taken but for its parts: they are waited for as long as they keep coming. */
export function awaitParts({ hold, nowMs }: Turn, answer: VerifiedSnapshot): void {
  hold.parts = { ...hold.parts, answer, diffs: [], dueMs: nowMs + partsWaitMs };
}

/** True when the diff goes on from the table whose parts are awaited: it is kept, and taken after them. */
export function keepForParts(turn: Turn, diff: Verified & { readonly kind: 'diff' }): boolean {
  const { answer, diffs } = turn.hold.parts;
  if (answer === null || diff.message.base < answer.message.revision) return false;
  if (diffs.length < holdQueueMax) diffs.push(diff);
  else refuse(turn, 'queue-full', `${holdQueueMax} diffs wait for the parts of a snapshot`);
  return true;
}

/** The answer with its entries once every part is here, and the diffs that go on from it; null until then. */
export function completed({
  parts,
}: Hold): { readonly answer: VerifiedSnapshot; readonly entries: Table; readonly diffs: readonly Verified[] } | null {
  const { answer, list, had, diffs } = parts;
  if (answer === null || list === null || had.size < list.places.size) return null;
  const entries = [...list.places.keys()].flatMap((hash) => had.get(hash)?.entries ?? []);
  return { answer, entries, diffs };
}

/** Gives up waiting when nothing came for `partsWaitMs`; what came is kept for the next answer. */
export function partsOverdue(turn: Turn): void {
  const { hold, nowMs } = turn;
  const { answer, list, had, dueMs } = hold.parts;
  if (answer === null || list === null || nowMs < dueMs) return;
  hold.parts = { ...hold.parts, answer: null, diffs: [] };
  refuse(turn, 'parts', `${list.places.size - had.size} of ${list.places.size} parts of revision ${list.revision} did not come`);
  want(hold, nowMs);
}

/** A whole stored snapshot from its list and its parts; null: they are not what it lists. */
export function assemble({ target, revision, hashes }: Snapshot, payloads: readonly Uint8Array[]): Table | null {
  if (payloads.length !== hashes.length) return null;
  const all: Entry[][] = [];
  for (const [i, payload] of payloads.entries()) {
    if (payload.length > messageBytesMax || partHash(payload) !== hashes[i]) return null;
    const part = readPart(payload, { target, revision, part: i + 1 });
    if (!part.ok) return null;
    all.push([...part.value.entries]);
  }
  return all.flat();
}

function take(turn: Turn, list: NonNullable<Parts['list']>, hash: string, payload: Uint8Array): void {
  const { hold, nowMs } = turn;
  const part = readPart(payload, { ...list, part: list.places.get(hash) ?? 0 });
  if (!part.ok) return refuse(turn, 'malformed', `part: ${part.problem.what}`);
  const bytes = [...hold.parts.had.values()].reduce((sum, one) => sum + one.bytes, payload.length);
  if (bytes > snapshotBytesMax) return refuse(turn, 'size', `a snapshot of more than ${snapshotBytesMax} bytes`);
  hold.parts.had.set(hash, { entries: part.value.entries, bytes: payload.length });
  hold.parts = { ...hold.parts, dueMs: nowMs + partsWaitMs };
}
