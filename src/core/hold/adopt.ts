import type { Table } from '../../model/table.ts';
import { olderMax } from '../limits.ts';
import { beyondDevice } from './device.ts';
import { begin } from './job.ts';
import { sameEntries } from './lease.ts';
import { ack, refuse } from './tell.ts';
import type { About, Held, HoldFile, Turn, Verified } from './types.ts';

/** Check against the device's limits, then file, then device, then ack: the last three are the job's. */
export function adopt(
  turn: Turn,
  about: About,
  entries: Table,
  from: { readonly verified: Verified; readonly provisional: boolean },
): void {
  const { hold } = turn;
  const rejected = beyondDevice(entries, hold.options.capabilities);
  if (rejected.length > 0) {
    hold.refused = { ...about, entries: rejected };
    refuse(turn, 'rejected', `revision ${about.revision}: ${rejected[0]?.text ?? ''}`);
    return ack(turn, 'rejected', about, rejected);
  }
  const { held, older } = hold.file;
  const next: Held = { ...about, entries, proof: from.verified.proof, provisional: from.provisional };
  // A renewed lease is no table to go back to.
  const isNews = held !== null && held.revision !== about.revision && !sameEntries(held.entries, entries);
  const past = isNews ? [held, ...older].slice(0, olderMax) : older;
  const graceUntil = from.verified.kind === 'snapshot' ? null : hold.file.graceUntil;
  begin(turn, 'adopt', { ...hold.file, held: next, older: past, graceUntil }, about);
}

/** Written with the next save: the table and the device are as they were. */
export function confirm({ hold }: Turn, held: Held): void {
  if (hold.file.held?.provisional === true || hold.file.graceUntil !== null) hold.dirty = true;
  hold.file = { ...hold.file, held, graceUntil: null };
}

/** The fence is on disk before anything else is: a job saves it, or the next tick does. */
export function raiseFence({ hold, nowMs }: Turn, epoch: number): void {
  if (epoch <= hold.file.fence) return;
  hold.file = { ...hold.file, fence: epoch } satisfies HoldFile;
  hold.dirty = true;
  hold.dirtyDueMs = nowMs;
}
