import { diffTables } from '../../model/diff.ts';
import type { Instance, Inventory } from '../../model/inventory.ts';
import type { FlyRecord } from '../../model/record.ts';
import { attributes } from '../../model/schema.ts';
import type { Op, Table } from '../../model/table.ts';
import type { TargetInfo } from '../../model/target.ts';
import { testNames } from '../../model/test.ts';
import type { Intent } from '../decide/types.ts';
import { entriesMax } from '../limits.ts';
import type { CompiledRule } from '../rule/types.ts';
import { emptyGuardState, plan } from './plan.ts';
import type { GuardState } from './plan.ts';

/** A plan that no one enforces, for one target that sees all and can do all there is: what rules would ask for, in a test or a replay. */
export type Dry = {
  readonly rules: readonly CompiledRule[];
  /** Everyone that records named so far, taken as ready: what requests could have reached. */
  readonly instances: Map<string, Instance>;
  readonly services: Set<string>;
  table: Table;
  guardState: GuardState;
};

/** Packets may be for no service that anyone has a name for. */
export const createDry = (rules: readonly CompiledRule[]): Dry => ({
  rules,
  instances: new Map(),
  services: new Set(['unnamed']),
  table: [],
  guardState: emptyGuardState,
});

export function learn(dry: Dry, { destination: { service, instance, version, zone } }: FlyRecord): void {
  if (service === undefined) return;
  dry.services.add(service);
  const id = `${service}\n${instance ?? ''}`;
  if (instance === undefined || dry.instances.has(id)) return;
  const known = { ...(version === undefined ? {} : { version }), ...(zone === undefined ? {} : { zone }) };
  dry.instances.set(id, { service, instance, ...known, address: '127.0.0.1', port: dry.instances.size + 1, ready: true });
}

export const inventoryOf = ({ instances }: Dry): Inventory => ({ instances: [...instances.values()] });

/** Plans anew; the operations that this takes, renewals of leases left out. */
export function planDry(dry: Dry, intents: readonly Intent[], nowMs: number): readonly Op[] {
  const target = targetOf(dry);
  const inForce = new Map([[target.name, dry.table]]);
  const { rules, guardState } = dry;
  const planned = plan({ intents, rules, inventory: inventoryOf(dry), targets: [target], inForce, nowMs, guardState });
  const table = planned.tables.get(target.name) ?? [];
  const ops = diffTables(dry.table, table).filter(({ op }) => op !== 'renew');
  dry.guardState = planned.guardState;
  dry.table = table;
  return ops;
}

const targetOf = ({ services }: Dry): TargetInfo => ({
  name: 'test',
  kind: 'test',
  capabilities: {
    actions: ['allow', 'deny', 'respond', 'limit', 'split', 'avoid', 'route', 'mirror', 'set'],
    fields: attributes.map(({ path }) => path),
    tests: testNames,
    entriesMax,
    atomic: true,
    costNs: 0,
  },
  sees: { services: [...services] },
});
