import { messageBytesMax, sendingBytesMax, snapshotsAtOnceMax } from '../limits.ts';
import { encode, tableBytes } from './bytes.ts';
import type { Announce, Snapshot } from './messages.ts';
import { proves } from './weigh.ts';
import { cut } from './parts.ts';
import { above, common, report, signed } from './speak.ts';
import type { Committed, LeadTarget, LeadTurn } from './types.ts';

/** Whether one more snapshot may be under way now; what it takes in parts is bounded together, and one alone always may. */
export function roomFor({ lead }: LeadTurn, target: LeadTarget, row: Committed): boolean {
  const { sending, answers } = lead;
  if (answers + sending.length >= snapshotsAtOnceMax) return false;
  if (sending.length === 0) return true;
  return sending.reduce((sum, { bytes }) => sum + bytes, 0) + tableBytes(row.entries, target.leaves) <= sendingBytesMax;
}

/** The whole table, for the one announce that asked: in one message where it fits, else signed as a list of parts that follow. */
export function answer(turn: LeadTurn, target: LeadTarget, row: Committed, announce: Announce): void {
  const { lead } = turn;
  const grant = target.grant;
  if (grant === null) return;
  lead.sending = lead.sending.filter((one) => one.target !== target.name);
  const bytesMax = lead.options.messageBytesMax ?? messageBytesMax;
  const whole: Snapshot = {
    ...common(turn, target),
    ...above(turn, target),
    nonce: announce.nonce,
    instance: announce.instance,
    grant,
    epoch: lead.epoch,
    revision: row.revision,
    hash: row.hash,
    issued: turn.now.wallMs,
    entries: row.entries,
    part: 0,
    parts: 1,
    hashes: [],
  };
  const bytes = tableBytes(row.entries, target.leaves);
  const payload = bytes > bytesMax ? null : encode(whole);
  if (payload !== null && payload.length <= bytesMax) return signed(turn, 'snapshot', 'snapshot', target.name, payload);
  const { payloads, hashes } = cut(target.name, row, bytesMax, target.leaves);
  const list = encode({ ...whole, entries: [], parts: hashes.length + 1, hashes } satisfies Snapshot);
  // What stands above the tables alone is too much for a message: nothing of ours makes it so.
  if (list.length > messageBytesMax) return report(turn, 'too-large', target.name, `a snapshot whose list takes ${list.length} bytes`);
  signed(turn, 'snapshot', 'snapshot', target.name, list);
  // Who proves that it holds this very table needs the list only: it says that all is as it was, and who has the grant.
  if (announce.held !== null && proves(turn, target, announce.held, row)) return;
  lead.sending.push({ target: target.name, payloads, bytes, next: 0 });
}

/** A part of each snapshot in turn, as many as may go before the next tick: a bus drops what comes faster than it is read. */
export function sendParts({ lead, out }: LeadTurn): void {
  for (; lead.partsLeft > 0; lead.partsLeft--) {
    const one = lead.sending.shift();
    const payload = one?.payloads[one.next];
    if (one === undefined || payload === undefined) return;
    out.push({ kind: 'send', channel: 'snapshot', target: one.target, payload, keyId: '', signature: '' });
    one.next += 1;
    if (one.next < one.payloads.length) lead.sending.push(one);
  }
}
