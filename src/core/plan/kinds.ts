import { compareText } from '../../model/order.ts';
import type { Entry } from '../../model/table.ts';
import type { TargetInfo } from '../../model/target.ts';
import type { Part } from './entries.ts';
import { lacking } from './express.ts';
import { groupBy } from './group.ts';

/** A kind of target that can carry out a part for one service. */
export type Kind = {
  readonly name: string;
  /** Of the dearest target of the kind that sees the service. */
  readonly costNs: number;
  /** Targets that can, sorted by name; not empty. */
  readonly able: readonly string[];
  /** Targets of the kind that see the service but cannot: traffic there is not covered. */
  readonly unable: readonly { readonly name: string; readonly why: string }[];
  /** Why not the cheaper ones; "" when there is none. */
  readonly dearer: string;
};

/** Targets of one kind that see a service. */
export type Fleet = { readonly name: string; readonly costNs: number; readonly targets: readonly TargetInfo[] };

/** The kinds that see a service. */
export function fleetsOf(service: string, targets: readonly TargetInfo[]): readonly Fleet[] {
  const byKind = groupBy(
    targets.filter(({ sees }) => sees.services.includes(service)),
    ({ kind }) => kind,
  );
  return [...byKind].map(([name, all]) => ({
    name,
    costNs: Math.max(...all.map(({ capabilities }) => capabilities.costNs)),
    targets: all,
  }));
}

type Ask = { readonly part: Part; readonly entries: readonly Entry[]; readonly service: string; readonly fleets: readonly Fleet[] };

/** Best first: a kind that covers all the traffic before one that does not, then the cheaper. `why` tells why there is none. */
export function kindsFor({ part, entries, service, fleets }: Ask): { readonly kinds: readonly Kind[]; readonly why: string } {
  const pinned = part.rule.rule.targets;
  const reasons: { readonly costNs: number; readonly text: string }[] = [];
  const kinds: Kind[] = [];
  for (const { name, costNs, targets } of fleets) {
    if (pinned !== null && !pinned.includes(name)) {
      reasons.push({ costNs, text: `${name} is not among the rule's targets` });
      continue;
    }
    const judged = targets.map((target) => ({ name: target.name, why: firstLack(entries, target) }));
    const able = judged.flatMap(({ name: one, why }) => (why === null ? [one] : []));
    const unable = judged.flatMap(({ name: one, why }) => (why === null ? [] : [{ name: one, why }]));
    if (able.length === 0) reasons.push({ costNs, text: `${name} has ${unable[0]?.why}` });
    else kinds.push({ name, costNs, able: [...able].sort(compareText), unable, dearer: '' });
  }
  kinds.sort((a, b) => Number(a.unable.length > 0) - Number(b.unable.length > 0) || a.costNs - b.costNs || compareText(a.name, b.name));
  reasons.sort((a, b) => a.costNs - b.costNs || compareText(a.text, b.text));
  const cheaperThan = (costNs: number): string =>
    reasons
      .filter((reason) => reason.costNs < costNs)
      .map(({ text }) => text)
      .join(', ');
  return {
    kinds: kinds.map((kind) => ({ ...kind, dearer: cheaperThan(kind.costNs) })),
    why: `no target of ${service} can: ${reasons.map(({ text }) => text).join(', ')}`,
  };
}

function firstLack(entries: readonly Entry[], { capabilities }: TargetInfo): string | null {
  for (const entry of entries) {
    const why = lacking(entry, capabilities);
    if (why !== null) return why;
  }
  return null;
}
