import { canon } from '../../src/model/canon.ts';
import { attributeOf, fieldOf } from '../../src/model/facts.ts';
import type { Inventory } from '../../src/model/inventory.ts';
import { matcher } from '../../src/model/match.ts';
import type { Action, ActionKind, Entry, Table } from '../../src/model/table.ts';
import type { Capabilities, Sees } from '../../src/model/target.ts';
import { nameOf, testNames } from '../../src/model/test.ts';
import type { Applied, Target } from '../../src/ports/target.ts';
import { mayBeSaid } from './headers.ts';
import { emptyPolicy, policyOf } from './policy.ts';
import type { Policy } from './policy.ts';

const actions: readonly ActionKind[] = ['allow', 'deny', 'respond', 'limit', 'split', 'avoid', 'route', 'mirror', 'set'];

/**
 * What a sidecar before the callee knows before the fact. Not the caller's version, zone and so on: nobody tells it, and a test of what is
 * never known would silently never match. `source.principal` is known to be absent: this listener takes plaintext only.
 */
const fields: readonly string[] = [
  'destination.namespace',
  'destination.service',
  'request.attempt',
  'request.headers',
  'request.host',
  'request.id',
  'request.method',
  'request.path',
  'request.protocol',
  'source.address',
  'source.port',
  'source.principal',
  'source.service',
];

/** What applies in 0.1 s and decides what it has not seen before in 1 ms (measured). */
const entriesMax = 2_000;

export const capabilities: Capabilities = {
  actions,
  fields,
  tests: testNames,
  entriesMax,
  atomic: true,
  /** CPU of one hop beyond direct, of which the policy is a few µs. */
  costNs: 150_000,
};

/** Instances that it tells of, and characters they may take; of more none are told, rather than some (an announce has bounds too). */
const instancesTold = 1_000;
const instanceCharsTold = 128 * 1024;

export type ProxyTarget = Target & { readonly policy: () => Policy };

/** Holds the policy in force. `stop` closes what the target stands for; `inventory` is who stands behind it as it begins. */
export function proxyTarget(options: {
  readonly services: readonly string[];
  readonly inventory: Inventory;
  readonly stop: () => Promise<void>;
}): ProxyTarget {
  let policy = emptyPolicy;
  const { services } = options;
  let sees = seen(services, options.inventory);
  return {
    kind: 'builtin',
    capabilities,
    get sees() {
      return sees;
    },
    policy: () => policy,
    apply: async (table, inventory) => {
      const applied = check(table);
      if (applied.result !== 'accepted') return applied;
      // One reference is all that changes: every request sees the old policy or the new one, whole.
      policy = policyOf(table, inventory, services);
      const now = seen(services, inventory);
      if (canon(now) !== canon(sees)) sees = now;
      return applied;
    },
    readback: async () => policy.table,
    stop: options.stop,
  };
}

/** The services it stands before, and their instances. */
function seen(services: readonly string[], inventory: Inventory): Sees {
  const instances = inventory.instances.filter(({ service }) => services.includes(service));
  const fits = instances.length > 0 && instances.length <= instancesTold && JSON.stringify(instances).length <= instanceCharsTold;
  return fits ? { services, instances } : { services };
}

function check(table: Table): Applied {
  const entries = table.flatMap((entry, i) => {
    const refused = i >= entriesMax ? { code: 'E-FULL', text: `at most ${entriesMax} entries` } : refusal(entry);
    return refused === null ? [] : [{ id: entry.id, ...refused }];
  });
  return entries.length === 0 ? { result: 'accepted' } : { result: 'rejected', entries };
}

type Refusal = { readonly code: string; readonly text: string };

function refusal({ action, match }: Entry): Refusal | null {
  if (!actions.includes(action.kind)) return { code: 'E-ACTION', text: `${action.kind} is not built in this sidecar` };
  if (action.kind === 'set' && action.dscp !== null)
    return { code: 'E-ACTION', text: 'a process marks no packets: dscp cannot be set here' };
  const header = headersOf(action).find(([name, value]) => !mayBeSaid(name, value));
  if (header !== undefined) return { code: 'E-HEADER', text: `${header[0]} is not for a rule to say, or cannot be said so` };
  const sticky = action.kind === 'split' && action.sticky !== null ? [action.sticky] : [];
  const per = action.kind === 'limit' ? action.per : [];
  const unknown = [...Object.keys(match), ...sticky, ...per].find(
    (path) => attributeOf(path) === undefined || !fields.includes(fieldOf(path)),
  );
  if (unknown !== undefined) return { code: 'E-FIELD', text: `${unknown} is not known here before the fact` };
  try {
    for (const tests of Object.values(match)) tests.forEach(nameOf);
    matcher(match);
    return null;
  } catch (error) {
    return { code: 'E-TEST', text: error instanceof Error ? error.message : String(error) };
  }
}

/** Header fields that an action writes or takes out. */
function headersOf(action: Action): readonly (readonly [name: string, value: string])[] {
  if (action.kind === 'respond') return Object.entries(action.headers);
  return action.kind === 'set' ? [...Object.entries(action.set), ...action.remove.map((name) => [name, ''] as const)] : [];
}
