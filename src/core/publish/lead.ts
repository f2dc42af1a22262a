import type { TargetRow } from '../../model/revision.ts';
import { headEveryMs, snapshotsAtOnceMax, targetsMax } from '../limits.ts';
import { tableHash } from './bytes.ts';
import { onCommitted, onFailed, tryCommit } from './commit.ts';
import { learn, onAck, onAnnounce } from './listen.ts';
import { forgetOverrides, onLift, onOverride } from './override.ts';
import { answer, report, sendCommitted, sendDue } from './speak.ts';
import { targetOf, remember } from './targets.ts';
import type { Committed, Instant, Lead, LeadEffect, LeadInput, LeadOptions, LeadTarget, LeadTurn } from './types.ts';
import { fallBehind, onHistory, weigh } from './weigh.ts';

/** The engine's side of every target, before `loaded`. */
export const createLead = (options: LeadOptions): Lead => ({
  options,
  epoch: 0,
  table: 0,
  ready: false,
  targets: new Map(),
  wanted: null,
  done: 0,
  commit: null,
  grants: 0,
  answers: 0,
  behind: new Map(),
  overrides: new Map(),
  lifted: new Map(),
  counts: new Map(),
});

/**
 * One input at one instant; what is to be done comes back in order. Changes `lead` in place. Deterministic. At most one `commit` is
 * under way; nothing of a revision is sent before its `committed`.
 */
export function step(lead: Lead, input: LeadInput, now: Instant): readonly LeadEffect[] {
  const turn: LeadTurn = { lead, now: { monoMs: now.monoMs, wallMs: Math.floor(now.wallMs) }, out: [] };
  take(turn, input);
  answerPending(turn);
  tryCommit(turn);
  return turn.out;
}

function take(turn: LeadTurn, input: LeadInput): void {
  const { lead } = turn;
  switch (input.kind) {
    case 'loaded':
      return onLoaded(turn, input);
    case 'announce':
      return onAnnounce(turn, input.target, input.payload);
    case 'ack':
      return onAck(turn, input.target, input.payload);
    case 'wanted':
      // What waited and is not named again is wanted still.
      lead.wanted = { number: input.number, tables: new Map([...(lead.wanted?.tables ?? []), ...input.tables]) };
      return;
    case 'committed':
      return onCommitted(turn, input.outbox);
    case 'failed':
      return onFailed(turn, input.why);
    case 'enrolled':
      return onEnrolled(turn, input.target, input.row);
    case 'history':
      return onHistory(turn, input);
    case 'override':
      return onOverride(turn, input.override);
    case 'lift':
      return onLift(turn, input.ids);
    case 'connected':
      for (const target of lead.targets.values()) target.headDueMs = turn.now.monoMs;
      return sendDue(turn);
    case 'tick':
      lead.answers = 0;
      forgetOverrides(turn);
      return sendDue(turn);
  }
}

function onLoaded(turn: LeadTurn, loaded: Extract<LeadInput, { kind: 'loaded' }>): void {
  const { lead, now, out } = turn;
  lead.epoch = loaded.epoch;
  lead.table = loaded.table;
  lead.grants = 0;
  lead.ready = true;
  lead.commit = null;
  for (const row of loaded.targets) {
    // One that was never enrolled, or is no more: known again as soon as it announces itself.
    if (!row.enrolled) continue;
    const target = targetOf(lead, row.name);
    if (target === null) {
      report(turn, 'too-many-targets', row.name, `more than ${targetsMax}`);
      continue;
    }
    enrol(turn, target, row);
    target.headDueMs = now.monoMs;
  }
  // The outbox first: an older term's diff is worth nothing once this term's head has raised the fence.
  for (const { row } of loaded.unsent) {
    const target = lead.targets.get(row.target);
    if (target !== undefined) sendCommitted(turn, target, row);
  }
  if (loaded.unsent.length > 0) out.push({ kind: 'mark', outbox: loaded.unsent.map(({ id }) => id) });
  sendDue(turn);
}

function onEnrolled(turn: LeadTurn, name: string, row: TargetRow | null): void {
  const target = turn.lead.targets.get(name);
  if (target === undefined) return;
  target.enrolling = false;
  if (row === null || target.row !== null) return;
  enrol(turn, target, row);
  target.headDueMs = turn.now.monoMs + headEveryMs;
  if (target.pending?.held) weigh(turn, target, target.pending.held);
}

/** Takes over what the record says; what was known to be published before and is not there any more was lost by the record. */
function enrol(turn: LeadTurn, target: LeadTarget, row: TargetRow): void {
  const before = target.row;
  // A table that was never published is empty, and its hash is known without the record.
  const hash = row.revision === 0 ? tableHash(row.name, []) : row.hash;
  const own: Committed = { epoch: row.epoch, revision: row.revision, hash, entries: row.revision === 0 ? [] : row.entries };
  target.row = own;
  const lost = before !== null && (before.revision > own.revision || (before.revision === own.revision && before.hash !== own.hash));
  if (lost) fallBehind(turn, target, { target: target.name, epoch: before.epoch, revision: before.revision, hash: before.hash });
  remember(target, own.revision, own.hash);
}

function answerPending(turn: LeadTurn): void {
  const { lead } = turn;
  for (const target of lead.targets.values()) {
    if (target.pending === null || target.row === null) continue;
    if (lead.answers >= snapshotsAtOnceMax) return;
    const { pending } = target;
    target.pending = null;
    lead.answers += 1;
    learn(turn, target, pending);
    answer(turn, target, target.row, pending);
  }
}
