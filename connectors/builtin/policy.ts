import type { Decision } from '../../src/model/decision.ts';
import { attributeOf } from '../../src/model/facts.ts';
import type { Facts } from '../../src/model/facts.ts';
import { bucketOf, interpreter } from '../../src/model/interpret.ts';
import type { Instance, Inventory } from '../../src/model/inventory.ts';
import { matcher } from '../../src/model/match.ts';
import type { Peer } from '../../src/model/record.ts';
import type { Entry, Match, Table } from '../../src/model/table.ts';
import type { Destination } from './facts.ts';

/** One instance as requests and records need it. */
export type Picked = { readonly upstream: { readonly address: string; readonly port: number }; readonly destination: Peer };

/** A table and an inventory made ready for requests. */
export type Policy = {
  readonly table: Table;
  /** What is known of a service that is asked for. */
  readonly destination: (service: string) => Destination;
  /** What `interpret(table, inventory, facts)` says, for facts whose destination is `destination(service)`. */
  readonly decide: (facts: Facts) => Decision;
  /** An instance of the inventory. */
  readonly picked: (instance: Instance) => Picked;
  /** Where one of the ready instances of a service is, all alike; null: there is none. `draw` is in [0, 1). */
  readonly anyOf: (service: string, draw: number) => Picked['upstream'] | null;
};

/** Decisions kept a service; when there are more, all are forgotten. Which attributes are matched, not an attacker, says how soon. */
const decisionsMax = 4_096;

/** Prepared for the services named, so that no request has to wait for it. */
export function policyOf(table: Table, inventory: Inventory, services: readonly string[] = []): Policy {
  const namespaces = new Map(inventory.instances.map(({ service, namespace }) => [service, namespace]));
  const instances = new Map(inventory.instances.map((instance) => [instance, pickedOf(instance)]));
  const destination = (service: string): Destination => {
    const namespace = namespaces.get(service);
    return namespace === undefined ? { service } : { service, namespace };
  };
  const decider = (service: string): ((facts: Facts) => Decision) => remembering(candidates(table, destination(service)), inventory);
  const deciders = new Map(services.map((service) => [service, decider(service)]));
  const ready = new Map<string, Picked['upstream'][]>();
  for (const { service, address, port } of inventory.instances.filter((one) => one.ready)) {
    const all = ready.get(service);
    if (all === undefined) ready.set(service, [{ address, port }]);
    else all.push({ address, port });
  }
  return {
    table,
    destination,
    decide: (facts) => {
      const service = facts.destination.service ?? '';
      return (deciders.get(service) ?? decider(service))(facts);
    },
    picked: (instance) => instances.get(instance) ?? pickedOf(instance),
    anyOf: (service, draw) => {
      const all = ready.get(service) ?? [];
      return all[Math.floor(draw * all.length)] ?? null;
    },
  };
}

export const emptyPolicy: Policy = policyOf([], { instances: [] });

/**
 * The entries that can have a say when `asked` is asked for: those whose tests of the destination hold for it, and the avoids that hold
 * for a service that one of those may send it to (steer.ts holds avoids against the chosen service, of which only the name is known).
 * Leaving the others out changes no decision.
 */
export function candidates(table: Table, asked: Destination): Table {
  const own = new Set(table.filter((entry) => isFor(entry, asked)));
  const others = [...own].flatMap(({ action }) => {
    if (action.kind === 'route') return [action.to];
    return action.kind === 'split' && action.on === 'service' ? Object.keys(action.ppm) : [];
  });
  const reached = [...new Set(others)].map((service) => ({ service }));
  return table.filter((entry) => own.has(entry) || (entry.action.kind === 'avoid' && reached.some((one) => isFor(entry, one))));
}

function isFor({ match }: Entry, destination: Destination): boolean {
  const tests: Match = Object.fromEntries(Object.entries(match).filter(([path]) => path.startsWith('destination.')));
  return matcher(tests)({ source: {}, destination });
}

/**
 * The interpreter, asked once for facts that no entry can tell apart: its decision depends on the facts only through the attributes that
 * matches and sticky splits read, and the destination is the same for all. But for one thing: which bucket a limit takes from, for which
 * callers have as many values as they like, and which is cheap to say anew.
 */
function remembering(entries: Table, inventory: Inventory): (facts: Facts) => Decision {
  const interpret = interpreter(entries, inventory);
  const reads = pathsOf(entries).map((path) => attributeOf(path)?.read ?? absent);
  const known = new Map<string, Decision>();
  return (facts) => {
    let key = '';
    for (const read of reads) key += textOf(read(facts));
    let decision = known.get(key);
    if (decision === undefined) {
      decision = interpret(facts);
      if (known.size >= decisionsMax) known.clear();
      known.set(key, decision);
    }
    if (!decision.limits.some(({ action }) => action.per.length > 0)) return decision;
    return { ...decision, limits: decision.limits.map((limit) => ({ ...limit, bucket: bucketOf(limit, facts) })) };
  };
}

function pathsOf(entries: Table): readonly string[] {
  const paths = entries.flatMap(({ match, action }) => [
    ...Object.keys(match),
    ...(action.kind === 'split' && action.sticky !== null ? [action.sticky] : []),
  ]);
  return [...new Set(paths)].filter((path) => !path.startsWith('destination.'));
}

/** With its kind and length, so that no two lists of values read alike. */
function textOf(value: string | number | boolean | undefined): string {
  if (value === undefined) return '-';
  const text = String(value);
  return `${(typeof value)[0] ?? ''}${text.length}:${text}`;
}

const absent = (): undefined => undefined;

function pickedOf({ service, instance, version, namespace, zone, region, node, address, port, labels }: Instance): Picked {
  return {
    upstream: { address, port },
    destination: {
      service,
      instance,
      ...(version === undefined ? {} : { version }),
      ...(namespace === undefined ? {} : { namespace }),
      ...(zone === undefined ? {} : { zone }),
      ...(region === undefined ? {} : { region }),
      ...(node === undefined ? {} : { node }),
      address,
      port,
      ...(labels === undefined ? {} : { labels: new Map(Object.entries(labels)) }),
    },
  };
}
