import type { Instance, Inventory } from '../../model/inventory.ts';
import type { ActionOf } from '../../model/decision.ts';
import type { Part } from './entries.ts';
import { sortParts } from './rank.ts';
import { refusalOf, type Refusal } from './refusal.ts';
import { concerns } from './scope.ts';
import { wholePpm } from './shares.ts';

export type Floored = { readonly parts: readonly Part[]; readonly refusals: readonly Refusal[] };

/**
 * The floor of capacity, over all owners' avoids together: for each service the ready instances that nobody avoids must stay at or over
 * the floor of every avoid that acts on it. Over it the highest rank acts, the rest are refused and recorded. An avoid that meets no ready
 * instance costs nothing and stays: it takes effect when its instance comes back, and the interpreter keeps the floor then.
 * @param fixed avoids that are not up for judgement (the enforced ones, seen from shadow).
 */
export function guardFloor(parts: readonly Part[], inventory: Inventory, fixed: readonly Part[] = []): Floored {
  const services = new Map<string, Service>();
  for (const instance of inventory.instances) {
    const service = services.get(instance.service) ?? { ready: [], avoided: new Set<Instance>(), floorPpm: 0 };
    if (instance.ready) service.ready.push(instance);
    services.set(instance.service, service);
  }
  for (const part of fixed) take(services, part);
  const refused = new Map<Part, string>();
  for (const part of sortParts(parts.filter(isAvoid), (one) => one)) {
    const broken = [...services].find(([name, service]) => breaks(service, avoidedBy(part, name, service), part));
    if (broken === undefined) take(services, part);
    else refused.set(part, textOf(part, broken));
  }
  return {
    parts: parts.filter((part) => !refused.has(part)),
    refusals: parts.flatMap((part) => {
      const text = refused.get(part);
      return text === undefined ? [] : [refusalOf(part, part.part, 'floor', text)];
    }),
  };
}

type Service = { readonly ready: Instance[]; readonly avoided: Set<Instance>; floorPpm: number };

const actionOf = ({ entries: [first] }: Part): ActionOf<'avoid'> | null => (first?.action.kind === 'avoid' ? first.action : null);
const isAvoid = (part: Part): boolean => actionOf(part) !== null;

/** The ready instances of a service that a part takes traffic from; a narrow match (one path, one header) counts like a wide one. */
function avoidedBy(part: Part, name: string, { ready }: Service): readonly Instance[] {
  const action = actionOf(part);
  if (action === null || action.ppm === 0 || !part.entries.some(({ match }) => concerns(match, name))) return [];
  return ready.filter((one) => one[action.on] === action.value);
}

function breaks({ ready, avoided, floorPpm }: Service, more: readonly Instance[], part: Part): boolean {
  if (more.length === 0) return false;
  const kept = ready.length - new Set([...avoided, ...more]).size;
  return kept * wholePpm < Math.max(floorPpm, actionOf(part)?.floorPpm ?? 0) * ready.length;
}

function take(services: ReadonlyMap<string, Service>, part: Part): void {
  for (const [name, service] of services) {
    const more = avoidedBy(part, name, service);
    if (more.length === 0) continue;
    for (const instance of more) service.avoided.add(instance);
    service.floorPpm = Math.max(service.floorPpm, actionOf(part)?.floorPpm ?? 0);
  }
}

function textOf(part: Part, [name, service]: readonly [string, Service]): string {
  const action = actionOf(part);
  const more = avoidedBy(part, name, service);
  const kept = service.ready.length - new Set([...service.avoided, ...more]).size;
  const floor = Math.max(service.floorPpm, action?.floorPpm ?? 0) / (wholePpm / 100);
  return `avoiding ${action?.on} ${action?.value} would leave ${kept} of ${service.ready.length} ready instances of ${name}, under the floor of ${floor}%`;
}
