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

/** From now on nothing is committed, until a person has decided (protocol.md section 7), or has already. Said once a target. */
export function fallBehind(turn: LeadTurn, target: LeadTarget, proven: Proven): void {
  const { lead, out } = turn;
  if (proven.epoch < lead.adopted) return adopt(turn, target, proven);
  if (lead.behind.has(target.name)) return;
  lead.behind.set(target.name, proven);
  const own = target.row ?? { epoch: 0, revision: 0, hash: '', entries: [] };
  out.push({ kind: 'behind', target: target.name, proven, own, epoch: lead.epoch });
}

/** The record was loaded, and says what a person has accepted: targets that were ahead of it may be brought back. */
export function reconsider(turn: LeadTurn, adopted: number): void {
  const { lead } = turn;
  const isNew = adopted > lead.adopted;
  lead.adopted = adopted;
  if (!isNew) return;
  const ahead = [...lead.behind];
  lead.behind.clear();
  for (const [name, proven] of ahead) {
    const target = lead.targets.get(name);
    if (target !== undefined) fallBehind(turn, target, proven);
  }
}

/** The record's table goes out once more, as a revision above everything that the target has seen; by snapshot, since no diff leads there. */
function adopt({ lead, out }: LeadTurn, target: LeadTarget, proven: Proven): void {
  const own = target.row;
  // What lies below ours is overtaken already.
  if (own === null || Math.max(proven.revision, target.floor) < own.revision || proven.revision <= target.floor) return;
  target.floor = proven.revision;
  const newest = lead.commit?.rows.find((row) => row.target === target.name)?.entries ?? own.entries;
  const tables = new Map([[target.name, newest], ...(lead.wanted?.tables ?? [])]);
  lead.wanted = { number: lead.wanted?.number ?? lead.done, tables };
  out.push({ kind: 'adopted', target: target.name, proven, own, epoch: lead.epoch });
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
