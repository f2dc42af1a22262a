import { createHash } from 'node:crypto';
import type { LoopStep } from '../../ports/telemetry.ts';

export const stages = ['crossed', 'decided', 'published', 'accepted', 'observed'] as const;
export type Stage = (typeof stages)[number];

/** Decisions whose way is not over; with more, the oldest is told as far as it came. */
export const decisionsMax = 1_000;
/** Keys for which a condition holds, but not long enough yet; of more, `crossed` is not timed. */
const pendingMax = 10_000;
/** Targets of one decision that are followed. */
const targetsMax = 64;
/** A decision of which nothing was heard for so long is told as far as it came: no request may ever show its effect. */
export const silentMsMax = 300_000;

/** One stage that is over. Times in ms since the epoch. */
export type StageSpan = { readonly stage: Stage; readonly target: string | null; readonly startMs: number; readonly endMs: number };

export type Outcome = 'observed' | 'rejected' | 'cleared' | 'unobserved' | 'forgotten';

/** A decision is a rule revision that begins to be in force for a key; its trace id follows from that and from the instant. */
export type Decision = {
  readonly traceId: string;
  readonly rule: string;
  readonly revision: number;
  readonly key: string;
  readonly startMs: number;
};

export type Told =
  /** Its first stage is over. */
  | { readonly kind: 'begun'; readonly decision: Decision }
  | { readonly kind: 'stage'; readonly decision: Decision; readonly span: StageSpan }
  | { readonly kind: 'over'; readonly decision: Decision; readonly outcome: Outcome; readonly endMs: number; readonly text: string };

type Delivery = { readonly revision: number; stage: Stage; atMs: number };
type Open = {
  readonly decision: Decision;
  readonly firedMs: number;
  readonly deliveries: Map<string, Delivery>;
  begun: boolean;
  lastMs: number;
};
type Row = { readonly target: string; readonly revision: number; readonly entries: readonly { readonly owner: Owner }[] };
type Owner = { readonly rule: string; readonly revision: number; readonly key: string };

export type Decisions = {
  readonly event: (step: LoopStep) => readonly Told[];
  readonly planned: (rows: readonly Row[], atMs: number) => readonly Told[];
  /** Told as far as they came because there were more than `decisionsMax`. */
  readonly forgotten: () => number;
};

/**
 * Follows each decision from the instant at which its condition held for the first time to the first request that shows its effect. What no
 * table ever held (a rule in shadow, a condition that held for too short) is not told at all.
 */
export function createDecisions(): Decisions {
  const open = new Map<string, Open>();
  const pending = new Map<string, number>();
  let forgotten = 0;

  const over = (id: string, one: Open, outcome: Outcome, text = ''): readonly Told[] => {
    open.delete(id);
    return one.begun ? [{ kind: 'over', decision: one.decision, outcome, endMs: one.lastMs, text }] : [];
  };
  const stale = (nowMs: number): readonly Told[] => {
    // In the order in which they began: the first that is young ends the search.
    const told: Told[] = [];
    for (const [id, one] of open) {
      if (nowMs - one.lastMs <= silentMsMax) break;
      told.push(...over(id, one, 'unobserved'));
    }
    return told;
  };

  const change = ({ at, rule, revision, key, data }: LoopStep): readonly Told[] => {
    if (rule === null || revision === null || key === null) return [];
    const id = idOf({ rule, revision, key });
    const { from, to } = data;
    if (to === 'pending') {
      if (pending.size < pendingMax) pending.set(id, at);
      return [];
    }
    const crossedMs = pending.get(id) ?? at;
    pending.delete(id);
    const before = open.get(id);
    if (to === 'clear') return before === undefined ? [] : over(id, before, 'cleared');
    if (to !== 'firing' || (from !== 'pending' && from !== 'clear')) return [];
    const told = [...stale(at), ...(before === undefined ? [] : over(id, before, 'forgotten'))];
    const [oldest] = open;
    if (oldest !== undefined && open.size >= decisionsMax) {
      forgotten += 1;
      told.push(...over(oldest[0], oldest[1], 'forgotten'));
    }
    const decision = { traceId: traceIdOf({ rule, revision, key }, at), rule, revision, key, startMs: Math.min(crossedMs, at) };
    open.set(id, { decision, firedMs: at, deliveries: new Map(), begun: false, lastMs: at });
    return told;
  };

  /** The delivery of one decision goes on to `stage`. */
  const reach = (one: Open, target: string, stage: Stage, atMs: number): Told => {
    const delivery = one.deliveries.get(target);
    const startMs = delivery?.atMs ?? one.lastMs;
    const endMs = Math.max(startMs, atMs);
    if (delivery !== undefined) {
      delivery.stage = stage;
      delivery.atMs = endMs;
    }
    one.lastMs = Math.max(one.lastMs, endMs);
    return { kind: 'stage', decision: one.decision, span: { stage, target, startMs, endMs } };
  };
  /** All that a target of this revision was told of: it answers for what went before, too. */
  const delivered = (step: LoopStep, stage: 'published' | 'accepted'): readonly Told[] => {
    const { target, at } = step;
    const revision = step.data['revision'];
    if (target === null || typeof revision !== 'number') return [];
    return [...open.values()].flatMap((one) => {
      const delivery = one.deliveries.get(target);
      if (delivery === undefined || delivery.revision > revision || stages.indexOf(delivery.stage) >= stages.indexOf(stage)) return [];
      return [reach(one, target, stage, at)];
    });
  };
  const rejected = ({ target, data, text }: LoopStep): readonly Told[] =>
    [...open].flatMap(([id, one]) => {
      const delivery = target === null ? undefined : one.deliveries.get(target);
      return delivery?.revision === data['revision'] && delivery !== undefined ? over(id, one, 'rejected', text) : [];
    });
  const observed = ({ rule, revision, key, target, at }: LoopStep): readonly Told[] => {
    if (rule === null || revision === null || key === null || target === null) return [];
    const id = idOf({ rule, revision, key });
    const one = open.get(id);
    const delivery = one?.deliveries.get(target);
    // The first request of a target that shows it; an entry has several, and each is told of.
    if (one === undefined || delivery === undefined || delivery.stage === 'observed') return [];
    const told = reach(one, target, 'observed', at);
    const all = [...one.deliveries.values()].every(({ stage }) => stage === 'observed');
    return all ? [told, ...over(id, one, 'observed')] : [told];
  };

  return {
    event: (step) => {
      if (step.kind === 'change') return change(step);
      if (step.kind === 'published' || step.kind === 'accepted') return delivered(step, step.kind);
      if (step.kind === 'rejected') return rejected(step);
      return step.kind === 'observed' ? observed(step) : [];
    },
    planned: (rows, atMs) => {
      const told: Told[] = [];
      for (const { target, revision, entries } of rows) {
        for (const id of new Set(entries.map(({ owner }) => idOf(owner)))) {
          const one = open.get(id);
          if (one === undefined || one.deliveries.has(target) || one.deliveries.size >= targetsMax) continue;
          const endMs = Math.max(one.firedMs, atMs);
          one.deliveries.set(target, { revision, stage: 'decided', atMs: endMs });
          if (one.begun) continue;
          const { decision, firedMs } = one;
          one.begun = true;
          one.lastMs = endMs;
          told.push({ kind: 'begun', decision });
          told.push({ kind: 'stage', decision, span: { stage: 'crossed', target: null, startMs: decision.startMs, endMs: firedMs } });
          told.push({ kind: 'stage', decision, span: { stage: 'decided', target: null, startMs: firedMs, endMs } });
        }
      }
      return told;
    },
    forgotten: () => forgotten,
  };
}

const idOf = ({ rule, revision, key }: Owner): string => `${rule}\n${revision}\n${key}`;

/** The same decision has the same id in every engine and every replay: who has the audit can find the trace. */
function traceIdOf(owner: Owner, firedMs: number): string {
  return createHash('sha256')
    .update(`flyball/decision/v1\n${idOf(owner)}\n${firedMs}`)
    .digest('hex')
    .slice(0, 32);
}
