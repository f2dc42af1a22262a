import type { ActionOf, Choice, Say, Steer } from './decision.ts';
import { attributeOf, type Facts } from './facts.ts';
import type { Instance, Inventory } from './inventory.ts';
import { compareText } from './order.ts';
import { leastCommon, reduced, sum } from './share.ts';
import { stickyDraw } from './sticky.ts';
import type { Action } from './table.ts';

export type SteerInput = {
  /** Everything that matches, in order. */
  readonly says: readonly Say[];
  /** The avoids that match such facts. */
  readonly avoidsFor: (facts: Facts) => readonly Say<ActionOf<'avoid'>>[];
  readonly inventory: Inventory;
  readonly facts: Facts;
};

const whole = 1_000_000n;

/**
 * Where it may go: the first matching split or route picks; then every matching avoid is subtracted; the floor last (rules.md section 4).
 * An avoid speaks of the service that is really asked: after a route or a split on service its match is held against the chosen service.
 */
export function steer({ says, avoidsFor, inventory, facts }: SteerInput): Steer {
  const picked =
    says.find((say): say is Say<ActionOf<'split' | 'route'>> => say.action.kind === 'split' || say.action.kind === 'route') ?? null;
  const asked = facts.destination.service;
  const shares = servicesOf(picked?.action ?? null, asked);
  const split = picked?.action.kind === 'split' && picked.action.on !== 'service' ? picked.action : null;
  const balanced = shares.map(([service, ppm]) => {
    const about = service === asked ? facts : { ...facts, destination: { service } };
    return { service, ppm, ...balance({ ready: readyOf(inventory, service), split, avoids: avoidsFor(about) }) };
  });
  return {
    picked: picked !== null && shares.length > 0 ? picked : null,
    sticky: picked === null ? null : stickyOf(picked, facts),
    choices: join(balanced, picked?.action.kind === 'split' && picked.action.on === 'service'),
    avoids: distinct(balanced.flatMap(({ avoids }) => avoids)),
    voided: distinct(balanced.flatMap(({ voided }) => voided)),
    panic: balanced.some(({ voided }) => voided.length > 0),
    through: shares.length === 0,
  };
}

/** The services asked, with their shares in ppm; [] when none is known. */
function servicesOf(
  action: Say<ActionOf<'split' | 'route'>>['action'] | null,
  asked: string | undefined,
): readonly (readonly [string, number])[] {
  if (action?.kind === 'route') return [[action.to, 1_000_000]];
  if (action?.kind === 'split' && action.on === 'service') {
    return Object.entries(action.ppm)
      .filter(([, ppm]) => ppm > 0)
      .sort(([a], [b]) => compareText(a, b));
  }
  return asked === undefined ? [] : [[asked, 1_000_000]];
}

const readyOf = ({ instances }: Inventory, service: string): readonly Instance[] =>
  instances.filter((one) => one.service === service && one.ready).sort((a, b) => compareText(a.instance, b.instance));

type Split = Extract<Action, { readonly kind: 'split' }>;
type Balanced = {
  readonly choices: readonly Choice[];
  readonly avoids: readonly Say<ActionOf<'avoid'>>[];
  readonly voided: readonly Say<ActionOf<'avoid'>>[];
};

/** The weights within one service. */
function balance({
  ready,
  split,
  avoids,
}: {
  ready: readonly Instance[];
  split: Split | null;
  avoids: readonly Say<ActionOf<'avoid'>>[];
}): Balanced {
  const base = split === null ? ready.map(() => 1n) : splitWeights(ready, split);
  const hits = avoids.filter(({ action }) => action.ppm > 0 && ready.some((one) => one[action.on] === action.value));
  const kept = ready.filter((one) => !hits.some(({ action }) => one[action.on] === action.value)).length;
  // The floor: void is each avoid whose own floor is broken by all avoids together.
  const allowed = hits.filter(({ action }) => kept * 1_000_000 >= action.floorPpm * ready.length);
  const left = ready.map((one, i) =>
    allowed.reduce((weight, { action }) => weight * (one[action.on] === action.value ? whole - BigInt(action.ppm) : whole), base[i] ?? 0n),
  );
  const nothing = sum(left) === 0n && sum(base) > 0n;
  const weights = nothing ? base : left;
  const inEffect = nothing ? [] : allowed;
  return {
    choices: ready.map((instance, i) => ({ group: split === null ? '' : (instance[on(split)] ?? ''), instance, weight: weights[i] ?? 0n })),
    avoids: inEffect,
    voided: hits.filter((say) => !inEffect.includes(say)),
  };
}

const on = (split: Split): 'version' | 'zone' => (split.on === 'zone' ? 'zone' : 'version');

/** Each group's share in equal parts for its ready instances; what an empty group cannot take falls to the others in proportion. */
function splitWeights(ready: readonly Instance[], split: Split): readonly bigint[] {
  const groupOf = (one: Instance): string => one[on(split)] ?? '';
  const counts = new Map<string, bigint>();
  for (const one of ready) counts.set(groupOf(one), (counts.get(groupOf(one)) ?? 0n) + 1n);
  const unit = leastCommon([...counts.values()]);
  return ready.map((one) => {
    // An instance without version belongs to no group of the split.
    const ppm = one[on(split)] === undefined ? 0 : (new Map(Object.entries(split.ppm)).get(groupOf(one)) ?? 0);
    return (BigInt(ppm) * unit) / (counts.get(groupOf(one)) ?? 1n);
  });
}

/** Services side by side: each keeps its share whatever its instances weigh; one without ready instances leaves its share to the others. */
function join(services: readonly (Balanced & { readonly service: string; readonly ppm: number })[], grouped: boolean): readonly Choice[] {
  const open = services.filter(({ choices }) => sum(choices.map(({ weight }) => weight)) > 0n);
  const unit = leastCommon(open.map(({ choices }) => sum(choices.map(({ weight }) => weight))));
  const all = open.flatMap(({ service, ppm, choices }) => {
    const total = sum(choices.map(({ weight }) => weight));
    return choices.map((choice) => ({
      ...choice,
      group: grouped ? service : choice.group,
      weight: choice.weight * BigInt(ppm) * (unit / total),
    }));
  });
  const weights = reduced(all.map(({ weight }) => weight));
  return all.map((choice, i) => ({ ...choice, weight: weights[i] ?? 0n }));
}

function stickyOf({ action, part }: Say<ActionOf<'split' | 'route'>>, facts: Facts): number | null {
  if (action.kind !== 'split' || action.sticky === null) return null;
  const value = attributeOf(action.sticky)?.read(facts);
  // The rule alone, not its revision: a ramp moves only those who must move.
  return value === undefined ? null : stickyDraw(String(JSON.parse(part)[0]), value);
}

const distinct = (says: readonly Say<ActionOf<'avoid'>>[]): readonly Say<ActionOf<'avoid'>>[] => [
  ...new Map(says.map((say) => [say.part, say])).values(),
];
