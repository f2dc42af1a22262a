import { messageBytesMax, sendingBytesMax, snapshotsAtOnceMax, storeEveryMs, storeFreshMs, storesPerTickMax } from '../limits.ts';
import { encode, tableBytes } from './bytes.ts';
import type { Announce, Grant, Snapshot } from './messages.ts';
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
  const { first, payloads } = written(turn, target, row, {
    ...above(turn, target),
    nonce: announce.nonce,
    instance: announce.instance,
    grant,
  });
  // What stands above the tables alone is too much for a message: nothing of ours makes it so.
  if (first.length > messageBytesMax) return report(turn, 'too-large', target.name, `a snapshot whose list takes ${first.length} bytes`);
  signed(turn, 'snapshot', 'snapshot', target.name, first);
  if (payloads.length === 0) return;
  // Who proves that it holds this very table needs the list only: it says that all is as it was, and who has the grant.
  if (announce.held !== null && proves(turn, target, announce.held, row)) return;
  lead.sending.push({ target: target.name, payloads, bytes: tableBytes(row.entries, target.leaves), next: 0 });
}

/** Stores what has changed, seldom, and all of it again before it is too old to be taken (protocol.md sections 5.10 and 7). */
export function storeDue(turn: LeadTurn): void {
  const { lead, now, out } = turn;
  if (!lead.cache) return;
  let left = storesPerTickMax;
  for (const target of lead.targets.values()) {
    const { row, stored, grant } = target;
    if (row === null) continue;
    if (stored !== null && now.monoMs - stored.atMs < (stored.revision === row.revision ? storeFreshMs : storeEveryMs)) continue;
    if (left-- === 0) return;
    target.stored = { revision: row.revision, atMs: now.monoMs };
    const instance = grant?.instance ?? nobody;
    const { first, payloads } = written(turn, target, row, {
      overrides: [],
      lifted: [],
      // Whoever reads it may know no key at all.
      keySet: lead.keys?.signed ?? null,
      nonce: '00'.repeat(16),
      instance,
      grant: grant ?? { epoch: lead.epoch, n: 0, instance },
    });
    if (first.length > messageBytesMax) continue;
    const { keyId, options } = lead;
    const list = { payload: first, keyId, signature: options.sign('snapshot', first, keyId) };
    out.push({
      kind: 'store',
      target: target.name,
      messages: [list, ...payloads.map((payload) => ({ payload, keyId: '', signature: '' }))],
    });
  }
}

const nobody = { adapter: 'nobody', boot: 0 };

/** The message to be signed, and the parts that it lists, if it lists any. */
function written(
  turn: LeadTurn,
  target: LeadTarget,
  row: Committed,
  to: Pick<Snapshot, 'overrides' | 'lifted' | 'keySet' | 'nonce' | 'instance'> & { readonly grant: Grant },
): { readonly first: Uint8Array; readonly payloads: readonly Uint8Array[] } {
  const { lead } = turn;
  const bytesMax = lead.options.messageBytesMax ?? messageBytesMax;
  const { epoch } = lead;
  const { revision, hash, entries } = row;
  const whole: Snapshot = {
    ...common(turn, target),
    ...to,
    epoch,
    revision,
    hash,
    issued: turn.now.wallMs,
    entries,
    part: 0,
    parts: 1,
    hashes: [],
  };
  const first = tableBytes(entries, target.leaves) > bytesMax ? null : encode(whole);
  if (first !== null && first.length <= bytesMax) return { first, payloads: [] };
  const { payloads, hashes } = cut(target.name, row, bytesMax, target.leaves);
  return { first: encode({ ...whole, entries: [], parts: hashes.length + 1, hashes } satisfies Snapshot), payloads };
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
