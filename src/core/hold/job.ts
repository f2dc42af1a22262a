import type { Table } from '../../model/table.ts';
import { assert } from '../../model/problem.ts';
import { retryEveryMs } from '../limits.ts';
import type { RejectedEntry } from '../publish/messages.ts';
import { want } from './ask.ts';
import { engineTime } from './clock.ts';
import { closedTable } from './device.ts';
import { due, endDue, forwarding } from './lease.ts';
import { aboutHeld, ack, ackSeldom, refuse } from './tell.ts';
import type { About, Hold, HoldFile, Job, Turn } from './types.ts';

/** Starts a change: the file first, whatever is due ended in it, then the device, never the other way round. One at a time. */
export function begin(turn: Turn, why: Job['why'], file: HoldFile, about: About | null): void {
  const { hold, nowMs, out } = turn;
  assert(hold.job === null, 'one job at a time');
  const next = endDue(file, engineTime(hold.clock, nowMs), why === 'adopt');
  hold.job = { why, next, phase: 'save', about, rejected: [], sinceMs: nowMs };
  out.push({ kind: 'save', file: next });
}

/** Gives the device its table once more; the file, if it is behind, first. */
export function reapply(turn: Turn): void {
  const { hold, nowMs } = turn;
  assert(hold.job === null, 'one job at a time');
  hold.applyDueMs = null;
  if (hold.dirty) return begin(turn, 'reapply', hold.file, null);
  hold.job = { why: 'reapply', next: hold.file, phase: 'apply', about: null, rejected: [], sinceMs: nowMs };
  toDevice(turn, hold.job);
}

export function onSaved(turn: Turn, okay: boolean): void {
  const { hold, nowMs, out } = turn;
  const { job } = hold;
  assert(job !== null && job.phase !== 'apply', 'a save was under way');
  if (!okay) refuse(turn, 'save', `the durable file could not be written (${job.why})`);
  hold.dirty = !okay;
  hold.dirtyDueMs = nowMs + retryEveryMs;
  if (job.phase === 'undo') return finish(turn, job);
  if (job.why === 'note') {
    hold.file = job.next;
    return finish(turn, job);
  }
  if (!okay && job.why === 'adopt') {
    // What is not on disk is not switched on; the next head makes us ask again.
    hold.job = null;
    return;
  }
  // Others go on without the disk: the table is in force, and an entry past its time is never installed again, file or not.
  if (due(job.next, engineTime(hold.clock, nowMs)).length > 0 && okay) {
    hold.job = { ...job, next: endDue(job.next, engineTime(hold.clock, nowMs), false) };
    out.push({ kind: 'save', file: hold.job.next });
    return;
  }
  hold.job = { ...job, phase: 'apply' };
  if (job.why === 'start') want(hold, nowMs);
  toDevice(turn, hold.job);
}

export function onApplied(turn: Turn, rejected: readonly RejectedEntry[] | null): void {
  const { hold, nowMs, out } = turn;
  const { job } = hold;
  assert(job !== null && job.phase === 'apply', 'an apply was under way');
  if (rejected === null) {
    hold.file = job.next;
    hold.inForce = job.next.held !== null;
    hold.refused = null;
    hold.applyDueMs = null;
    return finish(turn, job);
  }
  refuse(turn, 'rejected', `revision ${job.next.held?.revision ?? 'none'} (${job.why}): ${rejected[0]?.text ?? 'no reason given'}`);
  if (job.why === 'adopt') {
    // Nothing changes: the file goes back to the table that the device still forwards by.
    hold.job = { ...job, phase: 'undo', rejected };
    out.push({ kind: 'save', file: { ...hold.file, fence: job.next.fence } });
    return;
  }
  hold.file = job.next;
  hold.applyDueMs = nowMs + retryEveryMs;
  hold.job = null;
  const about = aboutHeld(hold);
  if (about === null || hold.inForce) return;
  hold.refused = { ...about, entries: rejected };
  ackSeldom(turn, 'rejected', about, rejected);
}

function finish(turn: Turn, job: Job): void {
  const { hold } = turn;
  hold.job = null;
  hold.slowSaid = false;
  if (job.phase === 'undo') {
    assert(job.about !== null, 'an undone job was about a message');
    hold.refused = { ...job.about, entries: job.rejected };
    return ack(turn, 'rejected', job.about, job.rejected);
  }
  if (job.why === 'note') return;
  if (job.why === 'override') return tellOverride(turn);
  const about = job.about ?? (job.why === 'end' ? aboutHeld(hold) : null);
  if (about !== null) ack(turn, 'accepted', about);
}

/** The engine hears what is above the table, and after the last override we want what it would have sent meanwhile. */
function tellOverride(turn: Turn): void {
  const { hold, nowMs } = turn;
  const about = aboutHeld(hold);
  const { mode } = hold.file;
  if (about === null || mode === null) want(hold, nowMs);
  if (about !== null) ack(turn, mode === null ? 'accepted' : 'frozen', about);
}

function toDevice({ hold, out }: Turn, job: Job): void {
  const table = deviceTable(hold, job.next);
  if (table !== null) return void out.push({ kind: 'apply', table, revision: job.next.held?.revision ?? null });
  hold.file = job.next;
  hold.job = null;
}

/** null: nothing is held, and the device may stay as it starts, open. */
function deviceTable(hold: Hold, file: HoldFile): Table | null {
  if (file.held !== null) return forwarding(file);
  return hold.options.onEmpty === 'closed' ? closedTable : null;
}
