import type { RevisionRow } from '../../model/revision.ts';
import { ackWaitMs, headEveryMs, protocolVersion, reasonsMax, resendMax } from '../limits.ts';
import { encode } from './bytes.ts';
import type { Closed, Head, Instance } from './messages.ts';
import { aboveOf } from './above.ts';
import type { DownChannel, SignedKind } from './subjects.ts';
import { remember } from './targets.ts';
import type { Committed, LeadTarget, LeadTurn } from './types.ts';

/** What stands above the tables; the key set goes to those who lack it. */
export const above = ({ lead }: LeadTurn, target: LeadTarget) => {
  const { keys } = lead;
  return { ...aboveOf(lead, target.name), keySet: keys === null || target.keys >= keys.set.version ? null : keys.signed };
};

/** The bytes and the signature of the commit, unchanged however often they are sent. */
export function sendDiff({ out }: LeadTurn, row: RevisionRow): void {
  const { target, bytes: payload, keyId, signature } = row;
  out.push({ kind: 'send', channel: 'diff', target, payload, keyId, signature, id: `${target}:${row.epoch}:${row.revision}` });
}

export function sendHead(turn: LeadTurn, target: LeadTarget, row: Committed): void {
  const head: Head = {
    ...common(turn, target),
    ...above(turn, target),
    epoch: turn.lead.epoch,
    revision: row.revision,
    hash: row.hash,
    issued: turn.now.wallMs,
    grant: target.grant,
  };
  signed(turn, 'head', 'head', target.name, encode(head));
}

/** Sends a diff that is in the record, and the head that is its short proof. */
export function sendCommitted(turn: LeadTurn, target: LeadTarget, row: RevisionRow): void {
  const { now, out } = turn;
  remember(target, row.revision, row.hash);
  sendDiff(turn, row);
  out.push({
    kind: 'delivery',
    target: target.name,
    revision: row.revision,
    hash: row.hash,
    state: 'sent',
    instance: null,
    entries: [],
  });
  if (target.row === null || row.revision !== target.row.revision) return;
  target.last = row;
  target.state = 'sent';
  target.sends = 1;
  target.resendDueMs = now.monoMs + ackWaitMs;
  target.headDueMs = now.monoMs;
}

/** Heads that are due, and diffs whose ack is overdue. */
export function sendDue(turn: LeadTurn): void {
  const { lead, now } = turn;
  for (const target of lead.targets.values()) {
    if (target.row === null) continue;
    const overdue = target.state === 'sent' && target.heardMs !== null && now.monoMs >= target.resendDueMs;
    if (overdue && target.last !== null && target.sends <= resendMax) {
      target.resendDueMs = now.monoMs + ackWaitMs * 2 ** target.sends;
      target.sends += 1;
      sendDiff(turn, target.last);
    }
    if (now.monoMs < target.headDueMs) continue;
    target.headDueMs = now.monoMs + headEveryMs;
    sendHead(turn, target, target.row);
  }
}

/** That instance may not write again. */
export function sendClosed(turn: LeadTurn, target: LeadTarget, instance: Instance): void {
  const closed: Closed = { ...common(turn, target), instance };
  signed(turn, 'closed', 'head', target.name, encode(closed));
}

/** Counts by reason, and says so. */
export function report({ lead, out }: LeadTurn, reason: string, target: string, what: string): void {
  const name = lead.counts.has(reason) || lead.counts.size < reasonsMax ? reason : 'other';
  const count = (lead.counts.get(name) ?? 0) + 1;
  lead.counts.set(name, count);
  out.push({ kind: 'report', reason, target, what, count });
}

export const common = ({ now }: LeadTurn, target: LeadTarget) => ({ v: protocolVersion, target: target.name, at: now.wallMs }) as const;

export function signed(turn: LeadTurn, kind: SignedKind, channel: DownChannel, target: string, payload: Uint8Array): void {
  const { keyId, options } = turn.lead;
  turn.out.push({ kind: 'send', channel, target, payload, keyId, signature: options.sign(kind, payload, keyId) });
}
