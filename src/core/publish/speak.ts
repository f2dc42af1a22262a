import type { RevisionRow } from '../../model/revision.ts';
import { ackWaitMs, headEveryMs, messageBytesMax, protocolVersion, reasonsMax, resendMax } from '../limits.ts';
import { encode } from './bytes.ts';
import type { Announce, Closed, Head, Instance, Snapshot } from './messages.ts';
import { aboveOf } from './above.ts';
import type { DownChannel, SignedKind } from './subjects.ts';
import { remember } from './targets.ts';
import type { Committed, LeadTarget, LeadTurn } from './types.ts';

/** The bytes and the signature of the commit, unchanged however often they are sent. */
export function sendDiff({ out }: LeadTurn, row: RevisionRow): void {
  out.push({ kind: 'send', channel: 'diff', target: row.target, payload: row.bytes, keyId: row.keyId, signature: row.signature });
}

export function sendHead(turn: LeadTurn, target: LeadTarget, row: Committed): void {
  const head: Head = {
    ...common(turn, target),
    ...aboveOf(turn.lead, target.name),
    keySet: null,
    epoch: turn.lead.epoch,
    revision: row.revision,
    hash: row.hash,
    issued: turn.now.wallMs,
    grant: target.grant,
  };
  sign(turn, 'head', 'head', target.name, encode(head));
}

/** The whole table, for the one announce that asked. Too large for one part: said, not sent. */
export function answer(turn: LeadTurn, target: LeadTarget, row: Committed, announce: Announce): void {
  const grant = target.grant;
  if (grant === null) return;
  const snapshot: Snapshot = {
    ...common(turn, target),
    ...aboveOf(turn.lead, target.name),
    keySet: null,
    nonce: announce.nonce,
    instance: announce.instance,
    grant,
    epoch: turn.lead.epoch,
    revision: row.revision,
    hash: row.hash,
    issued: turn.now.wallMs,
    entries: row.entries,
    part: 0,
    parts: 1,
    hashes: [],
  };
  const payload = encode(snapshot);
  if (payload.length > messageBytesMax) return report(turn, 'too-large', target.name, `a snapshot of ${payload.length} bytes`);
  sign(turn, 'snapshot', 'snapshot', target.name, payload);
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
  sign(turn, 'closed', 'head', target.name, encode(closed));
}

/** Counts by reason, and says so. */
export function report({ lead, out }: LeadTurn, reason: string, target: string, what: string): void {
  const name = lead.counts.has(reason) || lead.counts.size < reasonsMax ? reason : 'other';
  const count = (lead.counts.get(name) ?? 0) + 1;
  lead.counts.set(name, count);
  out.push({ kind: 'report', reason, target, what, count });
}

const common = ({ now }: LeadTurn, target: LeadTarget) => ({ v: protocolVersion, target: target.name, at: now.wallMs }) as const;

export function sign(turn: LeadTurn, kind: SignedKind, channel: DownChannel, target: string, payload: Uint8Array): void {
  const { keyId, sign: signature } = turn.lead.options;
  turn.out.push({ kind: 'send', channel, target, payload, keyId, signature: signature(kind, payload) });
}
