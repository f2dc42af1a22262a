import { canon } from '../../model/canon.ts';
import type { Table } from '../../model/table.ts';
import { retryEveryMs } from '../limits.ts';
import { grantAbove, sameInstance } from '../publish/messages.ts';
import type { Grant } from '../publish/messages.ts';
import { noAsk, want } from './ask.ts';
import { stop } from './grant.ts';
import { forwarding } from './lease.ts';
import { noParts } from './parts.ts';
import { refuse } from './tell.ts';
import type { Hold, Master, Turn } from './types.ts';

export const noMaster: Master = { grant: null, phase: 'none', dueMs: 0 };

/**
 * Whether anything may be written to the device (protocol.md section 5.9). One that no other adapter can reach: always. Else only once the
 * device has taken our grant and a snapshot that was asked for after that is applied.
 */
export const mayWrite = ({ options, master }: Hold): boolean => options.shared !== true || master.phase === 'writing';

/** Whether an answer with this grant may be applied: it was asked for after the device had taken that very grant. */
export function mayAdopt({ options, master }: Hold, grant: Grant): boolean {
  if (options.shared !== true) return true;
  return (master.phase === 'asking' || master.phase === 'writing') && master.grant !== null && canon(master.grant) === canon(grant);
}

/** True when this grant of ours is not the one that the device has: it is given to the device first, and nothing is written meanwhile. */
export function takeMastership(turn: Turn, grant: Grant): boolean {
  const { hold, out } = turn;
  const { master, options } = hold;
  if (options.shared !== true || !sameInstance(grant.instance, options.instance)) return false;
  if (master.grant !== null && !grantAbove(grant, master.grant)) return master.phase === 'taking' || master.phase === 'again';
  hold.grant = grant;
  hold.master = { grant, phase: 'taking', dueMs: 0 };
  out.push({ kind: 'master', grant });
  return true;
}

/** The device's answer: what it forwards by now is what counts, whatever the file says, and only an answer that is asked for now. */
export function onMastered(turn: Turn, answer: 'taken' | 'superseded' | 'failed', table: Table | null): void {
  const { hold, nowMs } = turn;
  if (hold.master.phase !== 'taking') return;
  if (answer === 'superseded') return stop(turn);
  if (answer === 'failed' || table === null) {
    refuse(turn, 'master', 'the device did not take our grant');
    hold.master = { ...hold.master, phase: 'again', dueMs: nowMs + retryEveryMs };
    return;
  }
  hold.inForce = hold.file.held !== null && canon(table) === canon(forwarding(hold.file));
  hold.master = { ...hold.master, phase: 'asking' };
  hold.applyDueMs = null;
  hold.parts = noParts();
  hold.ask = { ...noAsk, sentMs: hold.ask.sentMs };
  want(hold, nowMs);
}

/** The answer to what was asked after mastership is in force: from here on the device is ours to write. */
export function mastered(hold: Hold): void {
  if (hold.master.phase === 'asking') hold.master = { ...hold.master, phase: 'writing' };
}

export function masterDue({ hold, nowMs, out }: Turn): void {
  const { master } = hold;
  if (master.phase !== 'again' || master.grant === null || nowMs < master.dueMs) return;
  hold.master = { ...master, phase: 'taking' };
  out.push({ kind: 'master', grant: master.grant });
}
