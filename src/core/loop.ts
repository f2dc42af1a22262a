import { emptyInventory } from '../model/inventory.ts';
import type { Change } from './decide/types.ts';
import { addRule, createJudge, readLine, removeRule } from './decide/judge.ts';
import { createWatchlist } from './observe/observe.ts';
import { emptyGuardState } from './plan/plan.ts';
import { createLead, step as stepLead } from './publish/lead.ts';
import type { Instant, LeadOptions } from './publish/types.ts';
import { verdictEntry } from './audit/entries.ts';
import { decide } from './loop/decide.ts';
import { learnInstances, onLeadEffect, onRecord } from './loop/deliver.ts';
import { onLift, onOverride } from './loop/override.ts';
import { tell } from './loop/tell.ts';
import { onResume, onTold } from './loop/told.ts';
import type { Effect, Input, Loop, Turn } from './loop/types.ts';

/** A plan is made anew at least so often: leases are renewed by it, in ms. */
const planEveryMs = 1_000;

/** The loop before its first input; `loaded` comes first. */
export const createLoop = (options: LeadOptions): Loop => ({
  judge: createJudge({ tellsClear: false }),
  lead: createLead(options),
  rules: new Map(),
  inventory: emptyInventory,
  known: emptyInventory,
  targets: new Map(),
  tables: new Map(),
  guards: emptyGuardState,
  decisions: [],
  committing: 0,
  sent: new Map(),
  watchlist: createWatchlist(),
  reasons: new Map(),
  ends: new Map(),
  told: new Set(),
  frozen: new Map(),
  asked: new Map(),
  shadow: new Map(),
  dirty: false,
  planDueMs: 0,
  wanted: 0,
});

/**
 * One turn of the loop: records → window → verdict → intent → plan → diff. Synchronous and deterministic: the same inputs at the same
 * instants give the same effects, in the order in which they are to be carried out. `state` is changed in place and handed back.
 */
export function step(state: Loop, batch: readonly Input[], now: Instant): { readonly state: Loop; readonly effects: readonly Effect[] } {
  const turn: Turn = { loop: state, now, wallMs: now.wallMs, out: [], audit: [] };
  for (const input of batch) take(turn, input);
  if (state.lead.ready && (state.dirty || now.monoMs >= state.planDueMs)) {
    state.dirty = false;
    state.planDueMs = now.monoMs + planEveryMs;
    const tables = decide(turn);
    state.ends.clear();
    if (tables !== null) lead(turn, { kind: 'wanted', number: ++state.wanted, tables });
  }
  if (turn.audit.length > 0) turn.out.push({ kind: 'audit', entries: turn.audit });
  return { state, effects: turn.out };
}

function take(turn: Turn, input: Input): void {
  const { loop } = turn;
  switch (input.kind) {
    case 'line':
      for (const change of readLine(loop.judge, input.line)) onChange(turn, change);
      for (const told of loop.judge.told) onTold(turn, told);
      if (input.line.stream === 'rpc') onRecord(turn, input.line);
      return;
    case 'rule': {
      const { name } = input.compiled.rule;
      endRule(turn, name);
      addRule(loop.judge, input.compiled, { resume: input.resume, reverted: input.reverted ?? [] });
      loop.rules.set(name, input.compiled);
      loop.dirty = true;
      return tell(turn, 'rule', { rule: name, revision: input.compiled.revision, text: `${name}@${input.compiled.revision} is ${input.compiled.rule.mode}d` }); // prettier-ignore
    }
    case 'removed':
      endRule(turn, input.rule);
      loop.rules.delete(input.rule);
      loop.dirty = true;
      return tell(turn, 'rule', { rule: input.rule, text: `${input.rule} is removed` });
    case 'override':
      return onOverride(turn, input, (given) => lead(turn, given));
    case 'lift':
      return onLift(turn, input, (given) => lead(turn, given));
    case 'resume':
      return onResume(turn, input);
    case 'committed':
      loop.decisions = loop.decisions.filter((d) => d.number > loop.committing);
      return lead(turn, input);
    case 'inventory':
      loop.inventory = input.inventory;
      learnInstances(loop);
      loop.dirty = true;
      return;
    case 'loaded':
      loop.tables = new Map(input.targets.map((t) => [t.name, t.entries]));
      loop.dirty = true;
      return lead(turn, input);
    default:
      return lead(turn, input);
  }
}

/** Whoever was told that a key of the rule fires is told that it does no more. */
function endRule(turn: Turn, rule: string): void {
  removeRule(turn.loop.judge, rule);
  for (const told of turn.loop.judge.told) onTold(turn, told);
}

function lead(turn: Turn, input: Parameters<typeof stepLead>[1]): void {
  for (const effect of stepLead(turn.loop.lead, input, turn.now)) onLeadEffect(turn, effect);
}

/** A verdict alone moves no table; a state that enters or leaves force does. */
function onChange(turn: Turn, change: Change): void {
  const { rule, revision, keyText, from, to, verdict } = change;
  const at = Number(change.timeNs / 1_000n) / 1_000;
  if (from !== to) {
    turn.loop.dirty = true;
    if (to === 'clear') turn.loop.ends.set(`${rule}\n${keyText}`, endOf(change));
    turn.audit.push(verdictEntry(turn.wallMs, change));
  }
  const text = `${rule}@${revision} ${keyText}: ${from} → ${to}, ${verdict}`;
  tell(turn, 'change', { at, rule, revision, key: keyText, text, data: { from, to, verdict } });
}

const endOf = ({ reason, verdict }: Change): string =>
  reason === 'resume'
    ? 'a person resumed it'
    : reason === 'lease'
      ? 'its lease ended: nothing was known of the key'
      : reason === 'expires'
        ? 'the rule expired'
        : `the rule is clear (${verdict})`;
