import { overlap } from '../../model/conjunction.ts';
import { compareText } from '../../model/order.ts';
import type { Entry } from '../../model/table.ts';
import type { TargetInfo } from '../../model/target.ts';
import { divideGlobal } from './divide.ts';
import type { Part } from './entries.ts';
import { fit, type Standing } from './fit.ts';
import { groupBy } from './group.ts';
import { fleetsOf, kindsFor, type Kind } from './kinds.ts';
import { sortParts } from './rank.ts';
import { concerns, servicesNamed } from './scope.ts';

/** Where an action is enforced for one service, and why there: part of `why`. */
export type Placement = {
  readonly rule: string;
  readonly revision: number;
  readonly key: string;
  readonly part: number;
  readonly service: string;
  readonly kind: string;
  /** Names, sorted. */
  readonly targets: readonly string[];
  readonly costNs: number;
  readonly text: string;
};

/** What is not enforced somewhere: reported, never dropped silently (design.md section 4). */
export type Loss = {
  readonly rule: string;
  readonly revision: number;
  readonly key: string;
  readonly part: number;
  /** Ids of the entries that are lost there. */
  readonly entries: readonly string[];
  readonly service: string | null;
  readonly target: string | null;
  readonly text: string;
};

export type Placed = {
  /** Every target, also those that get nothing. */
  readonly entries: ReadonlyMap<string, readonly Entry[]>;
  readonly placements: readonly Placement[];
  readonly losses: readonly Loss[];
};

/**
 * For each service that an action concerns: the cheapest kind of target that sees the service's traffic and can express the action whole,
 * on all targets of that kind that see it. Alternatives of one action stay together (one draw, one bucket), and so do actions of one stage
 * that overlap (admit, steer, edit): an engine that does not know the higher entry would decide wrongly by the lower one. When no kind can
 * hold all of them, the lowest priority is the loss.
 */
export function place(parts: readonly Part[], targets: readonly TargetInfo[], standing: Standing): Placed {
  const seen = [...new Set(targets.flatMap(({ sees }) => sees.services))].sort(compareText);
  const wanted: { readonly placement: Placement; readonly part: Part; readonly entries: readonly Entry[] }[] = [];
  const losses: Loss[] = parts.flatMap((part) => unseen(part, seen));
  for (const service of seen) {
    const fleets = fleetsOf(service, targets);
    const here = parts
      .map((part) => ({ part, entries: part.entries.filter(({ match }) => concerns(match, service)) }))
      .filter(({ entries }) => entries.length > 0)
      .map((local) => ({ ...local, ...kindsFor({ ...local, service, fleets }) }));
    for (const local of here) if (local.kinds.length === 0) losses.push(lossOf(local.part, { ...local, service, text: local.why }));
    for (const { chosen, lost } of together(here.filter(({ kinds }) => kinds.length > 0))) {
      for (const { local, kind } of chosen) {
        wanted.push({ part: local.part, entries: local.entries, placement: placementOf(local.part, service, kind) });
        for (const { name, why } of kind.unable)
          losses.push(lossOf(local.part, { ...local, service, target: name, text: `${name} cannot: ${why}` }));
      }
      for (const { local, text } of lost) losses.push(lossOf(local.part, { ...local, service, text }));
    }
  }
  const fitted = fit(wanted, targets, standing);
  return {
    entries: divideGlobal(fitted.entries),
    placements: wanted.map(({ placement }) => placement),
    losses: [...losses, ...fitted.over.map(({ part, entries, target, text }) => lossOf(part, { entries, target, text }))],
  };
}

export type Local = { readonly part: Part; readonly entries: readonly Entry[]; readonly kinds: readonly Kind[] };
type Decided = {
  readonly chosen: readonly { readonly local: Local; readonly kind: Kind }[];
  readonly lost: readonly { readonly local: Local; readonly text: string }[];
};

/** Which parts must share an engine, and which one it is. */
function together(locals: readonly Local[]): readonly Decided[] {
  const stages = groupBy(locals, ({ entries: [first] }) => first?.stage);
  return [...stages].flatMap(([stage, all]) => (stage === 'police' ? all.map((one) => [one]) : clusters(all)).map(decide));
}

/** Groups of parts that overlap, directly or through others. When all would choose the same kind anyway, one group is as good. */
function clusters(locals: readonly Local[]): readonly (readonly Local[])[] {
  if (new Set(locals.map(({ kinds }) => kinds[0]?.name)).size < 2) return [locals];
  let groups: Local[][] = [];
  for (const local of locals) {
    const touching = groups.filter((group) => group.some((other) => meets(local, other)));
    groups = [...groups.filter((group) => !touching.includes(group)), [local, ...touching.flat()]];
  }
  return groups;
}

const meets = (a: Local, b: Local): boolean => a.entries.some((one) => b.entries.some((other) => overlap(one.match, other.match) !== 'no'));

function decide(group: readonly Local[]): Decided {
  const byPriority = sortParts(group, ({ part }) => part);
  let names: readonly string[] | null = null;
  const kept: Local[] = [];
  const lost: { local: Local; text: string }[] = [];
  for (const local of byPriority) {
    const own = local.kinds.map(({ name }) => name);
    const shared: readonly string[] = names === null ? own : names.filter((name) => own.includes(name));
    if (shared.length === 0)
      lost.push({ local, text: `only ${own.join(', ')} can, but entries of higher priority that overlap are at ${names?.join(', ')}` });
    else {
      names = shared;
      kept.push(local);
    }
  }
  const cheapest = kept[0]?.kinds.find(({ name }) => names?.includes(name))?.name;
  return {
    chosen: kept.flatMap((local) => local.kinds.flatMap((kind) => (kind.name === cheapest ? [{ local, kind }] : []))),
    lost,
  };
}

function placementOf({ intent, part }: Part, service: string, kind: Kind): Placement {
  const { rule, revision, keyText: key } = intent;
  const text = `${kind.name} sees ${service} at ${kind.costNs} ns and can express it whole${kind.dearer === '' ? '' : `; ${kind.dearer}`}`;
  return { rule, revision, key, part, service, kind: kind.name, targets: kind.able, costNs: kind.costNs, text };
}

/** Services that a match names and no target sees; or no service at all. */
function unseen(part: Part, seen: readonly string[]): readonly Loss[] {
  const named = [...new Set(part.entries.flatMap(({ match }) => servicesNamed(match)))]
    .filter((name) => !seen.includes(name))
    .sort(compareText);
  const nowhere = named.length === 0 && !part.entries.some(({ match }) => seen.some((service) => concerns(match, service)));
  if (nowhere) return [lossOf(part, { entries: part.entries, text: 'no enrolled target sees a service that it concerns' })];
  return named.map((service) => {
    const entries = part.entries.filter(({ match }) => concerns(match, service));
    return lossOf(part, { entries, service, text: `no enrolled target sees ${service}` });
  });
}

type LossAbout = { readonly entries: readonly Entry[]; readonly service?: string; readonly target?: string; readonly text: string };

function lossOf({ intent, part }: Part, { entries, service = undefined, target = undefined, text }: LossAbout): Loss {
  const { rule, revision, keyText: key } = intent;
  return { rule, revision, key, part, entries: entries.map(({ id }) => id), service: service ?? null, target: target ?? null, text };
}
