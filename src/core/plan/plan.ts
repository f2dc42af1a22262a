import type { Inventory } from '../../model/inventory.ts';
import { toTable } from '../../model/normal.ts';
import type { Entry, Table } from '../../model/table.ts';
import type { TargetInfo } from '../../model/target.ts';
import type { Intent } from '../decide/types.ts';
import type { CompiledRule } from '../rule/types.ts';
import { compose, type Contradiction, type Standing } from './compose.ts';
import { partsOf, type Part } from './entries.ts';
import { guardFloor } from './floor.ts';
import { guardKeys, guardTransitions, type Seats } from './guards.ts';
import { renewed } from './lease.ts';
import { place, type Loss, type Placement } from './place.ts';
import type { Ranked } from './rank.ts';
import { refusalOf, type Refusal } from './refusal.ts';

/** What the guards remember from one plan to the next; begin with `emptyGuardState`. */
export type GuardState = { readonly enforce: Seats; readonly shadow: Seats };
export const emptyGuardState: GuardState = { enforce: [], shadow: [] };

export type PlanInput = {
  /** What is firing or clearing, in any order. */
  readonly intents: readonly Intent[];
  /** The rules in force, each name once. */
  readonly rules: readonly CompiledRule[];
  readonly inventory: Inventory;
  readonly targets: readonly TargetInfo[];
  /** The tables as last committed, by target. */
  readonly inForce: ReadonlyMap<string, Table>;
  /** Engine time, ms. */
  readonly nowMs: number;
  readonly guardState: GuardState;
};

/** What one mode of rules comes to. */
export type Planned = {
  /** One for each target, also when it is empty. */
  readonly tables: ReadonlyMap<string, Table>;
  readonly placements: readonly Placement[];
  readonly refusals: readonly Refusal[];
  readonly losses: readonly Loss[];
  readonly contradictions: readonly Contradiction[];
};

export type Plan = Planned & {
  readonly guardState: GuardState;
  /** What rules in shadow would add, seen together with what is enforced: shown, never published. */
  readonly shadow: Planned;
};

/**
 * From intents to each target's table: transitions, keys, composition, floor, placement, leases, in this order. Deterministic: the order
 * of intents, rules and targets changes nothing, and a mode other than `enforce` never touches what is enforced.
 */
export function plan(input: PlanInput): Plan {
  const enforced = planMode({ input, mode: 'enforce', seats: input.guardState.enforce, fixed: [] });
  const shadow = planMode({ input, mode: 'shadow', seats: input.guardState.shadow, fixed: enforced.parts });
  return { ...enforced.planned, guardState: { enforce: enforced.seats, shadow: shadow.seats }, shadow: shadow.planned };
}

type ModeInput = { readonly input: PlanInput; readonly mode: 'enforce' | 'shadow'; readonly seats: Seats; readonly fixed: readonly Part[] };
type ModeResult = { readonly planned: Planned; readonly parts: readonly Part[]; readonly seats: Seats };

function planMode({ input, mode, seats, fixed }: ModeInput): ModeResult {
  const { inventory, nowMs, inForce } = input;
  const rules = input.rules.filter(({ rule }) => (rule.mode === 'enforce') === (mode === 'enforce'));
  const held = mode === 'enforce' ? heldIn(inForce) : nothingHeld;
  const transitions = guardTransitions({ ranked: rank(input.intents, rules), rules, seats, nowMs, isInForce: held.isInForce });
  const keys = guardKeys(transitions.ranked);
  const made = keys.ranked.map(({ intent, rule }) => ({ intent, ...partsOf(intent, rule, endOf(intent)) }));
  const unfit = made.flatMap(({ intent, problems }) =>
    problems.map(({ part, problem }) => refusalOf({ intent }, part, 'entry', `${problem.code} ${problem.what}`)),
  );
  const standing: Standing = (part) => (fixed.includes(part) ? 3 : held.standing(part));
  const composed = compose([...fixed, ...made.flatMap(({ parts }) => parts)], standing);
  const own = composed.parts.filter((part) => !fixed.includes(part));
  const floored = guardFloor(own, inventory, fixed);
  const targets = [...input.targets].sort((a, b) => (a.name < b.name ? -1 : 1));
  const placed = place([...fixed, ...floored.parts], targets, standing);
  const isOwn = (rule: string): boolean => rules.some((one) => one.rule.name === rule);
  const leases = new Map(rules.map(({ rule }) => [rule.name, Number(rule.leaseNs / 1_000_000n)]));
  const tableOf = (target: string, entries: readonly Entry[]): Table => {
    const ours = entries.filter(({ owner }) => isOwn(owner.rule));
    const current = mode === 'enforce' ? (inForce.get(target) ?? []) : [];
    return toTable(renewed({ entries: ours, inForce: current, nowMs, leaseMsOf: ({ owner }) => leases.get(owner.rule) ?? 0 }));
  };
  return {
    parts: floored.parts,
    seats: transitions.seats,
    planned: {
      tables: new Map([...placed.entries].map(([target, entries]) => [target, tableOf(target, entries)])),
      placements: placed.placements.filter(({ rule }) => isOwn(rule)),
      refusals: [...transitions.refusals, ...keys.refusals, ...unfit, ...composed.refusals, ...floored.refusals],
      losses: placed.losses.filter(({ rule }) => isOwn(rule)),
      contradictions: composed.contradictions.filter(({ a, b }) => isOwn(a.rule) || isOwn(b.rule)),
    },
  };
}

/** Intents with their rules (the guards put them in order). An intent of a revision that is no longer in force is over. */
function rank(intents: readonly Intent[], rules: readonly CompiledRule[]): readonly Ranked[] {
  const byName = new Map(rules.map((rule) => [rule.rule.name, rule]));
  return intents.flatMap((intent) => {
    const rule = byName.get(intent.rule);
    return rule === undefined || rule.revision !== intent.revision ? [] : [{ rule, intent }];
  });
}

/** ms; null: standing. */
const endOf = ({ leaseEndNs }: Intent): number | null => (leaseEndNs === null ? null : Number(leaseEndNs / 1_000_000n));

type Held = { readonly isInForce: (rule: string, key: string) => boolean; readonly standing: (part: Part) => 0 | 1 | 2 };

const nothingHeld: Held = { isInForce: () => false, standing: () => 0 };

function heldIn(inForce: ReadonlyMap<string, Table>): Held {
  const entries = [...inForce.values()].flat();
  const ids = new Set(entries.map(({ id }) => id));
  const keys = new Set(entries.map(({ owner }) => `${owner.rule}\n${owner.key}`));
  const actions = new Set(entries.map(({ owner, part }) => `${owner.rule}\n${owner.key}\n${part}`));
  return {
    isInForce: (rule, key) => keys.has(`${rule}\n${key}`),
    standing: ({ entries: own, intent, part }) =>
      own.some(({ id }) => ids.has(id)) ? 2 : actions.has(`${intent.rule}\n${intent.keyText}\n${part}`) ? 1 : 0,
  };
}
