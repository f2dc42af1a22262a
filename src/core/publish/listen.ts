import { canon } from '../../model/canon.ts';
import { closedMax, protocolVersion } from '../limits.ts';
import { parsePayload } from './bytes.ts';
import { decodeAck, decodeAnnounce, sameInstance } from './messages.ts';
import type { Ack, Announce, Instance } from './messages.ts';
import { learnOverrides } from './override.ts';
import { report, sendClosed } from './speak.ts';
import { targetOf } from './targets.ts';
import type { LeadTarget, LeadTurn } from './types.ts';
import { weigh } from './weigh.ts';

/** Somebody says it is the adapter of `name`: it is enrolled, may get the grant, and is answered with a snapshot. */
export function onAnnounce(turn: LeadTurn, name: string, payload: Uint8Array): void {
  const announce = read(turn, name, payload, decodeAnnounce);
  if (announce === null) return;
  const { lead, now, out } = turn;
  const target = targetOf(lead, name);
  if (target === null) return report(turn, 'too-many-targets', name, 'an announce of one target too many');
  hear(target, turn);
  if (announce.held !== null) weigh(turn, target, announce.held);
  const { min, max } = announce.speaks;
  if (min > protocolVersion || max < protocolVersion)
    return report(turn, 'version', name, `it speaks ${min} to ${max}, this ${protocolVersion}`);
  if (!grantTo(turn, target, announce.instance)) return;
  learnOverrides(turn, target, announce.overrides);
  target.pending = announce;
  if (target.row !== null || target.enrolling || !lead.ready) return;
  target.enrolling = true;
  target.headDueMs = now.monoMs;
  out.push({ kind: 'enrol', target: name });
}

/** What became of a message: evidence, never authority. Without a proof it can only show, or stop, a delivery. */
export function onAck(turn: LeadTurn, name: string, payload: Uint8Array): void {
  const ack = read(turn, name, payload, decodeAck);
  if (ack === null) return;
  const target = turn.lead.targets.get(name);
  if (target === undefined) return report(turn, 'not-enrolled', name, 'an ack of a target that is not enrolled');
  if (ack.held !== null) weigh(turn, target, ack.held);
  if (target.grant !== null && !sameInstance(ack.instance, target.grant.instance)) {
    return report(turn, 'instance', name, `an ack of ${ack.instance.adapter}, boot ${ack.instance.boot}, which has no grant`);
  }
  hear(target, turn);
  learnOverrides(turn, target, ack.overrides);
  // What it says of a table that stands under an override is no fault of it.
  if (ack.result === 'frozen') return;
  if (ack.result === 'accepted' || ack.result === 'rejected') return deliver(turn, target, ack, ack.result);
  report(turn, ack.result, name, `of revision ${ack.revision}`);
}

function deliver(turn: LeadTurn, target: LeadTarget, ack: Ack, result: 'accepted' | 'rejected'): void {
  const { out } = turn;
  if (target.recent.get(ack.revision) !== ack.hash) {
    return report(turn, 'unknown-revision', target.name, `${result} revision ${ack.revision}, which is not one of ours`);
  }
  const current = ack.revision === target.row?.revision;
  if (current) target.state = result;
  if (result === 'accepted') target.acked = Math.max(target.acked, ack.revision);
  const told = target.told;
  if (told === null || ack.revision > told.revision || (ack.revision === told.revision && result !== told.result)) {
    target.told = { revision: ack.revision, result };
    const { name } = target;
    const { revision, hash, instance, entries } = ack;
    out.push({ kind: 'delivery', target: name, revision, hash, state: result, instance, entries });
  }
  const ended = ack.ended.join();
  if (!current || result !== 'accepted' || ended === target.ended) return;
  target.ended = ended;
  out.push({ kind: 'ended', target: target.name, revision: ack.revision, ids: ack.ended });
}

/** Whether this instance may write: a later one takes the grant from an earlier, which is closed; a closed or dead one never gets it. */
function grantTo(turn: LeadTurn, target: LeadTarget, instance: Instance): boolean {
  const { lead } = turn;
  const holder = target.grant?.instance ?? null;
  if (holder !== null && sameInstance(holder, instance)) return true;
  if (instance.boot <= (target.closed.get(instance.adapter) ?? -1)) {
    sendClosed(turn, target, instance);
    return false;
  }
  if (holder?.adapter === instance.adapter && instance.boot < holder.boot) {
    report(turn, 'old-boot', target.name, `boot ${instance.boot} of ${instance.adapter}, ${holder.boot} has the grant`);
    return false;
  }
  if (holder !== null) {
    close(target, holder);
    // A dead boot of the same adapter has nobody to hear it.
    if (holder.adapter !== instance.adapter) sendClosed(turn, target, holder);
  }
  lead.grants += 1;
  target.grant = { epoch: lead.epoch, n: lead.grants, instance };
  // What the one before has said of its device does not hold for the next.
  target.told = null;
  target.ended = '';
  return true;
}

function close(target: LeadTarget, { adapter, boot }: Instance): void {
  target.closed.delete(adapter);
  target.closed.set(adapter, boot);
  const [oldest] = target.closed.keys();
  if (target.closed.size > closedMax && oldest !== undefined) target.closed.delete(oldest);
}

/** Tells the planner of a target that is enrolled, when what it announces is new. */
export function learn({ out }: LeadTurn, target: LeadTarget, announce: Announce): void {
  const { kind, capabilities, sees, address, instance } = announce;
  const info = { name: target.name, kind, capabilities, sees };
  const same = target.info !== null && target.address === address && canon(target.info) === canon(info);
  target.info = info;
  target.address = address;
  if (!same) out.push({ kind: 'target', info, address, instance });
}

function hear(target: LeadTarget, { now }: LeadTurn): void {
  target.heardMs = now.monoMs;
  target.heardAt = now.wallMs;
}

/** The message, or null: refused, counted. */
function read<T extends { readonly target: string }>(
  turn: LeadTurn,
  name: string,
  payload: Uint8Array,
  decode: (
    value: unknown,
  ) => { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: { readonly what: string } },
): T | null {
  const value = parsePayload(payload);
  const message = value.ok ? decode(value.value) : value;
  if (!message.ok) {
    report(turn, value.ok ? 'malformed' : 'not-canonical', name, message.problem.what);
    return null;
  }
  if (message.value.target === name) return message.value;
  report(turn, 'target', name, `it says it is ${message.value.target}`);
  return null;
}
