import type { Intent } from '../decide/types.ts';
import type { CompiledRule } from '../rule/types.ts';
import { groupBy } from './group.ts';
import { compareIntents, compareRank, type Ranked } from './rank.ts';
import { refusalOf, type Refusal } from './refusal.ts';

/** What the transitions guard remembers of one rule and key. */
export type Seat = {
  readonly rule: string;
  readonly key: string;
  /** Whether the rule acts on the key: not the same as firing, once the budget is used up. */
  readonly acting: boolean;
  /** When it began or ceased to act, ms, oldest first; only those inside the guard's time span. */
  readonly timesMs: readonly number[];
  /** The intent when it acted last, to go on with; null: it never did since the engine started. */
  readonly intent: Intent | null;
};

/** Ordered by rule, then key, each pair once. */
export type Seats = readonly Seat[];

export type Guarded = { readonly ranked: readonly Ranked[]; readonly seats: Seats; readonly refusals: readonly Refusal[] };

export type TransitionsInput = {
  readonly ranked: readonly Ranked[];
  readonly rules: readonly CompiledRule[];
  readonly seats: Seats;
  readonly nowMs: number;
  /** Whether an entry of the rule (any revision) is in force for the key: what the engine knows after a restart. */
  readonly isInForce: (rule: string, key: string) => boolean;
};

/**
 * transitions: N in D, counted per rule and key: beginning and ceasing to act both count. Over it the state stays as it is and a person is
 * told: what does not act yet does not begin; what acts goes on, its lease renewed from now, for at most D, until the oldest change is out
 * of the span. A rule that was deleted or edited meanwhile is a person's doing and is not held.
 */
export function guardTransitions({ ranked, rules, seats, nowMs, isInForce }: TransitionsInput): Guarded {
  const guarded = new Map(rules.flatMap((rule) => (rule.rule.guard.transitions === null ? [] : [[rule.rule.name, rule] as const])));
  const free = ranked.filter(({ intent }) => !guarded.has(intent.rule));
  const wanted = new Map(
    ranked.flatMap(({ intent }) => (guarded.has(intent.rule) ? [[seatName(intent.rule, intent.keyText), intent] as const] : [])),
  );
  const known = new Map(seats.map((seat) => [seatName(seat.rule, seat.key), seat]));
  const all = [...new Set([...known.keys(), ...wanted.keys()])].map((name) => ({
    name,
    seat: known.get(name),
    intent: wanted.get(name) ?? null,
  }));
  const judged = all.flatMap(({ seat, intent }) => {
    const [name, key] = [intent?.rule ?? seat?.rule ?? '', intent?.keyText ?? seat?.key ?? ''];
    const rule = guarded.get(name);
    const before = seat ?? { rule: name, key, acting: isInForce(name, key), timesMs: [], intent: null };
    return rule === undefined ? [] : [judge({ rule, before, intent, nowMs })];
  });
  const next = judged.map(({ seat }) => seat).filter(({ acting, timesMs }) => acting || timesMs.length > 0);
  return {
    ranked: [...free, ...judged.flatMap(({ acts }) => acts)].sort((a, b) => compareIntents(a.intent, b.intent)),
    seats: next.sort((a, b) => (seatName(a.rule, a.key) < seatName(b.rule, b.key) ? -1 : 1)),
    refusals: judged.flatMap(({ refusal }) => refusal),
  };
}

const seatName = (rule: string, key: string): string => `${rule}\n${key}`;

type Judged = { readonly seat: Seat; readonly acts: readonly Ranked[]; readonly refusal: readonly Refusal[] };
type Case = { readonly rule: CompiledRule; readonly before: Seat; readonly intent: Intent | null; readonly nowMs: number };

function judge({ rule, before, intent, nowMs }: Case): Judged {
  const { count, perMs } = budgetOf(rule);
  const timesMs = before.timesMs.filter((time) => time > nowMs - perMs);
  const acting = intent !== null;
  const seat = { ...before, timesMs, intent: intent ?? before.intent };
  if (acting === before.acting) return { seat, acts: acting ? [{ rule, intent }] : [], refusal: [] };
  const held = acting ? null : heldOf({ rule, before, nowMs });
  if (timesMs.length < count || (!acting && held === null)) {
    const times = [...timesMs, nowMs].slice(-Math.max(count, 1));
    return { seat: { ...seat, acting, timesMs: times }, acts: acting ? [{ rule, intent }] : [], refusal: [] };
  }
  const about = intent ?? held;
  const text = `${count} changes in ${perMs / 1000} s are used up: it ${before.acting ? 'goes on acting' : 'does not act again'} until ${iso((timesMs[0] ?? nowMs) + perMs)}`;
  return {
    seat: { ...seat, acting: before.acting },
    acts: held === null ? [] : [{ rule, intent: held }],
    refusal: about === null ? [] : [refusalOf({ intent: about }, null, 'transitions', text)],
  };
}

function budgetOf({ rule }: CompiledRule): { readonly count: number; readonly perMs: number } {
  const { transitions } = rule.guard;
  return transitions === null ? { count: Infinity, perMs: 0 } : { count: transitions.count, perMs: Number(transitions.perNs / 1_000_000n) };
}

/** The intent that goes on although it has ended. null: there is none that fits the rule as it is now. */
function heldOf({ rule, before: { intent }, nowMs }: Omit<Case, 'intent'>): Intent | null {
  if (intent === null || intent.revision !== rule.revision) return null;
  return { ...intent, leaseEndNs: BigInt(Math.floor(nowMs)) * 1_000_000n + rule.rule.leaseNs };
}

const iso = (ms: number): string => new Date(ms).toISOString();

/** keys: N per rule: the highest rank acts, the rest are recorded as refused. */
export function guardKeys(ranked: readonly Ranked[]): Pick<Guarded, 'ranked' | 'refusals'> {
  const byRule = groupBy(ranked, ({ intent }) => intent.rule);
  const judged = [...byRule.values()].map((all) => {
    const max = all[0]?.rule.rule.guard.keys ?? 0;
    const sorted = [...all].sort(compareRank);
    const over = sorted
      .slice(max)
      .map((one) => refusalOf(one, null, 'keys', `${all.length} keys ask for it, at most ${max} may act at once`));
    return { acts: sorted.slice(0, max), over };
  });
  return {
    ranked: judged.flatMap(({ acts }) => acts).sort((a, b) => compareIntents(a.intent, b.intent)),
    refusals: judged.flatMap(({ over }) => over),
  };
}
