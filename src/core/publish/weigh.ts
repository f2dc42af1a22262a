import { tableHash } from './bytes.ts';
import { readOwn } from './keys.ts';
import type { Proof } from './messages.ts';
import type { Proven } from './proof.ts';
import { report } from './speak.ts';
import type { Committed, LeadInput, LeadTarget, LeadTurn } from './types.ts';

/** Compares what a target proves with our history; what it lacks stops every commit. */
export function weigh(turn: LeadTurn, target: LeadTarget, proof: Proof): void {
  const { lead, out } = turn;
  const proven = readOwn(lead, proof);
  if (proven === null || proven.target !== target.name) {
    return report(turn, 'proof', target.name, 'a proof that this engine has not signed for it');
  }
  if (proven.epoch > lead.epoch && lead.epoch > 0) return fallBehind(turn, target, proven);
  const own = target.row;
  // Not enrolled yet: weighed as soon as it is.
  if (own === null) return;
  if (proven.revision > own.revision) return fallBehind(turn, target, proven);
  const known = knownHash(target, own, proven.revision);
  if (known === undefined) {
    target.lookup = proven;
    return void out.push({ kind: 'lookup', target: target.name, revision: proven.revision });
  }
  if (known !== proven.hash) fallBehind(turn, target, proven);
}

/** True when the proof shows that the target holds just what is committed. */
export function proves({ lead }: LeadTurn, target: LeadTarget, proof: Proof, { revision, hash }: Committed): boolean {
  const proven = readOwn(lead, proof);
  return proven?.target === target.name && proven.revision === revision && proven.hash === hash;
}

/** From now on nothing is committed, until a person has decided (protocol.md section 7). Said once a target. */
export function fallBehind({ lead, out }: LeadTurn, target: LeadTarget, proven: Proven): void {
  if (lead.behind.has(target.name)) return;
  lead.behind.set(target.name, proven);
  const own = target.row ?? { epoch: 0, revision: 0, hash: '', entries: [] };
  out.push({ kind: 'behind', target: target.name, proven, own, epoch: lead.epoch });
}

/** The record's answer about a revision that a target has proved. */
export function onHistory(turn: LeadTurn, answer: Extract<LeadInput, { kind: 'history' }>): void {
  const target = turn.lead.targets.get(answer.target);
  const proven = target?.lookup ?? null;
  if (target === undefined || proven === null || proven.revision !== answer.revision) return;
  target.lookup = null;
  if (proven.hash !== answer.hash) return fallBehind(turn, target, proven);
  target.recent.set(proven.revision, proven.hash);
}

function knownHash(target: LeadTarget, own: Committed, revision: number): string | undefined {
  if (revision === own.revision) return own.hash;
  return revision === 0 ? tableHash(target.name, []) : target.recent.get(revision);
}
