import type { KeyState, Verdict } from '../../src/model/rule.ts';
import type { LoadReport } from './messages.ts';
import { measure } from './measure.ts';
import type { Measured } from './measure.ts';
import { recoveredAt } from './recovery.ts';
import type { Deed, Next, Scenario } from './scenario.ts';
import { hasItsShare } from './share.ts';
import type { Served } from './share.ts';

/** What happened, in the order the supervisor learned of it. `atMs` is ms since the epoch, UTC, with a fraction, one machine's clock. */
export type TimelineEvent =
  /** Load has started and everything is in place. */
  | { readonly kind: 'start'; readonly atMs: number }
  /** The incident begins, or is over. */
  | { readonly kind: 'fault'; readonly atMs: number; readonly on: boolean }
  /** Something else was done to the shop, in its course. */
  | { readonly kind: 'deed'; readonly atMs: number; readonly deed: Deed }
  /** A change of one of the scenario's rules for a key; `atMs` is the judged instant. */
  | {
      readonly kind: 'change';
      readonly atMs: number;
      readonly key: string;
      readonly from: KeyState;
      readonly to: KeyState;
      readonly verdict: Verdict;
    }
  /** A guard kept the rule from acting, or from ceasing to. */
  | { readonly kind: 'refused'; readonly atMs: number; readonly key: string; readonly why: string }
  /** The engine acted on that: `atMs` is when the new table stood. */
  | { readonly kind: 'decided'; readonly atMs: number }
  /** A table revision on its way; `entries` counts those of the scenario's rules in it. Renewals are such steps too. */
  | {
      readonly kind: 'published' | 'accepted' | 'observed';
      readonly atMs: number;
      readonly target: string;
      readonly revision: number;
      readonly entries: number;
    }
  /** Another engine leads than the one that was there at the start. */
  | { readonly kind: 'led'; readonly atMs: number }
  /** How many messages a target has refused because they were old; told again and again. */
  | { readonly kind: 'refusedOld'; readonly atMs: number; readonly count: number }
  /** Whether targets have seen what the record lacks; false: it has all, and they hold it. Told at each change. */
  | { readonly kind: 'record'; readonly atMs: number; readonly isBehind: boolean }
  | { readonly kind: 'load'; readonly report: LoadReport }
  | ({ readonly kind: 'served' } & Served);

export type StageName = 'crossed' | 'decided' | 'published' | 'accepted' | 'observed' | 'recovered' | 'cleared';
export const stageNames: readonly StageName[] = ['crossed', 'decided', 'published', 'accepted', 'observed', 'recovered', 'cleared'];

export type Timeline = {
  readonly scenario: Scenario;
  readonly startMs: number | null;
  readonly faultMs: number | null;
  readonly liftedMs: number | null;
  readonly stages: Readonly<Record<StageName, number | null>>;
  /** What was done in the course of the incident, in order. */
  readonly deeds: readonly { readonly atMs: number; readonly deed: Deed }[];
  /** From the fault on. */
  readonly changes: readonly Changed[];
  readonly refusals: readonly { readonly atMs: number; readonly key: string; readonly why: string }[];
  /** Each time a target began, or ceased, to hold entries of the scenario's rules; from the fault on. */
  readonly standing: readonly { readonly atMs: number; readonly target: string; readonly entries: number }[];
  readonly ledMs: number | null;
  readonly record: readonly { readonly atMs: number; readonly isBehind: boolean }[];
  /** Old messages that were refused: at first, and by now. */
  readonly refusedOld: { readonly first: number; readonly last: number } | null;
  /** When the replicas had their share back. */
  readonly backMs: number | null;
  /** Keys that are not clear. */
  readonly active: ReadonlySet<string>;
  /** Entries of the scenario's rules in each target's latest accepted revision. */
  readonly entries: ReadonlyMap<string, number>;
  /** When `active` or `entries` last changed. */
  readonly settledMs: number;
  readonly transitions: number;
  /** Those before the fault: false alarms. */
  readonly early: number;
  readonly revisions: ReadonlySet<string>;
  readonly reports: readonly LoadReport[];
  readonly served: readonly Served[];
};

export type Changed = Omit<Extract<TimelineEvent, { readonly kind: 'change' }>, 'kind'>;

/** Ten minutes of reports; what comes later is not looked at any more (the supervisor has stopped by then, see `next`). */
const reportsMax = 6_000;
const servedMax = 256;
/** Of what a scenario judges one by one; what comes later is not looked at any more. */
const listedMax = 1_000;

export function begin(scenario: Scenario): Timeline {
  const stages = { crossed: null, decided: null, published: null, accepted: null, observed: null, recovered: null, cleared: null };
  const none = {
    startMs: null,
    faultMs: null,
    liftedMs: null,
    backMs: null,
    ledMs: null,
    refusedOld: null,
    settledMs: 0,
    transitions: 0,
    early: 0,
  };
  const lists = { record: [], deeds: [], changes: [], refusals: [], standing: [], reports: [], served: [] };
  const seen = { active: new Set<string>(), entries: new Map<string, number>(), revisions: new Set<string>() };
  return { scenario, stages, ...none, ...lists, ...seen };
}

/** One event further. Pure: the same events give the same timeline. */
export function advance(before: Timeline, event: TimelineEvent): Timeline {
  return withCleared(withEvent(before, event));
}

/** What is due at `nowMs`; asked again until the event that follows from it was fed in. */
export const next = (timeline: Timeline, nowMs: number): Next =>
  timeline.startMs === null ? 'wait' : timeline.scenario.next(timeline, nowMs);

export type Phases<T> = { readonly before: T; readonly during: T; readonly after: T };

/** What users saw: before, from the warm-up to the fault; during, to recovery; after, to now. */
export function phasesOf({ scenario, startMs, faultMs, stages, reports }: Timeline): Phases<Measured> {
  const never = Number.POSITIVE_INFINITY;
  const fromMs = startMs === null ? never : startMs + scenario.waits.warmMs;
  return {
    before: measure(reports, fromMs, faultMs ?? never),
    during: measure(reports, faultMs ?? never, stages.recovered ?? never),
    after: measure(reports, stages.recovered ?? never, never),
  };
}

function withEvent(t: Timeline, event: TimelineEvent): Timeline {
  switch (event.kind) {
    case 'start':
      return { ...t, startMs: t.startMs ?? event.atMs };
    case 'fault':
      return event.on ? { ...t, faultMs: t.faultMs ?? event.atMs } : { ...t, liftedMs: t.liftedMs ?? event.atMs };
    case 'deed':
      return { ...t, deeds: listed(t.deeds, { atMs: event.atMs, deed: event.deed }) };
    case 'led':
      return { ...t, ledMs: t.ledMs ?? event.atMs };
    case 'refusedOld':
      return { ...t, refusedOld: { first: t.refusedOld?.first ?? event.count, last: event.count } };
    case 'record':
      return { ...t, record: listed(t.record, { atMs: event.atMs, isBehind: event.isBehind }) };
    case 'refused':
      return { ...t, refusals: listed(t.refusals, { atMs: event.atMs, key: event.key, why: event.why }) };
    case 'change':
      return withChange(t, event);
    case 'decided':
      return stage(t, 'decided', event.atMs);
    case 'published':
    case 'accepted':
    case 'observed':
      return withDelivery(t, event);
    case 'load':
      return t.reports.length >= reportsMax ? t : withRecovered({ ...t, reports: [...t.reports, event.report] });
    case 'served':
      return withShare({ ...t, served: [...t.served, event].slice(-servedMax) });
  }
}

const listed = <T>(list: readonly T[], one: T): readonly T[] => (list.length >= listedMax ? list : [...list, one]);

function withChange(t: Timeline, { atMs, key, from, to, verdict }: Extract<TimelineEvent, { kind: 'change' }>): Timeline {
  const active = new Set(t.active);
  if (to === 'clear') active.delete(key);
  else active.add(key);
  const began = to === 'firing' && (from === 'clear' || from === 'pending');
  const ended = to === 'clear' && (from === 'firing' || from === 'clearing');
  const counted = began || ended ? 1 : 0;
  const early = t.faultMs === null ? counted : 0;
  const settledMs = active.size === t.active.size ? t.settledMs : atMs;
  const changes = t.faultMs === null ? t.changes : listed(t.changes, { atMs, key, from, to, verdict });
  const changed = { ...t, active, changes, settledMs, transitions: t.transitions + counted, early: t.early + early };
  return verdict === 'holds' ? stage(changed, 'crossed', atMs) : changed;
}

function withDelivery(t: Timeline, event: Extract<TimelineEvent, { revision: number }>): Timeline {
  const { kind, atMs, target, revision, entries } = event;
  const reached = entries > 0 ? stage(t, kind, atMs) : t;
  if (kind === 'published') return { ...reached, revisions: new Set([...t.revisions, `${target}@${revision}`]) };
  if (kind === 'observed') return withRecovered(reached);
  const held = t.entries.get(target) ?? 0;
  const turned = t.faultMs !== null && (held === 0) !== (entries === 0);
  return {
    ...reached,
    entries: new Map([...t.entries, [target, entries]]),
    standing: turned ? listed(t.standing, { atMs, target, entries }) : t.standing,
    settledMs: held === entries ? t.settledMs : atMs,
  };
}

/** The first time counts; what was before the fault is no answer to it. */
function stage(t: Timeline, name: StageName, atMs: number): Timeline {
  if (t.faultMs === null || atMs < t.faultMs || t.stages[name] !== null) return t;
  return { ...t, stages: { ...t.stages, [name]: atMs } };
}

function withRecovered(t: Timeline): Timeline {
  if (t.startMs === null || t.faultMs === null || t.stages.observed === null || t.stages.recovered !== null) return t;
  const beforeFromMs = t.startMs + t.scenario.waits.warmMs;
  const { faultMs, reports } = t;
  const atMs = recoveredAt({ reports, beforeFromMs, faultMs, observedMs: t.stages.observed, expect: t.scenario.expect });
  return atMs === null ? t : stage(t, 'recovered', atMs);
}

/** After the fault: no key of the rule is active and no target has an entry of it. */
function withCleared(t: Timeline): Timeline {
  const gone = t.active.size === 0 && [...t.entries.values()].every((count) => count === 0);
  if (t.liftedMs === null || t.stages.decided === null || t.stages.cleared !== null || !gone) return t;
  return stage(t, 'cleared', Math.max(t.settledMs, t.liftedMs));
}

function withShare(t: Timeline): Timeline {
  const { cleared } = t.stages;
  const { back } = t.scenario.expect;
  if (cleared === null || t.backMs !== null || back.length === 0) return t;
  const latest = t.served.at(-1)?.atMs ?? 0;
  return hasItsShare({ served: t.served, sinceMs: cleared, instances: back }) ? { ...t, backMs: latest } : t;
}
