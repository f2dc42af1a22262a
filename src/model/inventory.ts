import { compareText } from './order.ts';

/** Who is out there: turns identity into addresses (design.md section 4). From a file and from what targets announce. */
export type Instance = {
  readonly service: string;
  readonly instance: string;
  readonly version?: string;
  readonly namespace?: string;
  readonly zone?: string;
  readonly region?: string;
  readonly node?: string;
  /** Canonical IP address. */
  readonly address: string;
  readonly port: number;
  readonly ready: boolean;
  readonly labels?: Readonly<Record<string, string>>;
};

/** Ordered by service, then instance; each pair once. */
export type Inventory = { readonly instances: readonly Instance[] };

export const emptyInventory: Inventory = { instances: [] };

/** Instances of one inventory; more is refused. */
export const instancesMax = 100_000;

/** Reads {"instances": [...]} as JSON text; a text instead of an inventory says what is wrong. Unknown fields are ignored. */
export function readInventory(text: string): Inventory | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return error instanceof Error ? `not JSON: ${error.message}` : 'not JSON';
  }
  const list = field(value, 'instances');
  if (!Array.isArray(list)) return 'no list `instances`';
  if (list.length > instancesMax) return `${list.length} instances, at most ${instancesMax}`;
  const instances: Instance[] = [];
  for (const [i, item] of list.entries()) {
    const instance = readInstance(item);
    if (typeof instance === 'string') return `instances[${i}]: ${instance}`;
    instances.push(instance);
  }
  return mergeInventories([{ instances }]);
}

/** One inventory of several: of two that name the same service and instance the earlier one counts. */
export function mergeInventories(inventories: readonly Inventory[]): Inventory {
  const byName = new Map<string, Instance>();
  for (const { instances } of inventories) {
    for (const i of instances) {
      const name = JSON.stringify([i.service, i.instance]);
      if (!byName.has(name)) byName.set(name, i);
    }
  }
  return { instances: [...byName.values()].toSorted((a, b) => compareText(a.service, b.service) || compareText(a.instance, b.instance)) };
}

/** One instance; a text says what is wrong. */
export function readInstance(item: unknown): Instance | string {
  const text = (name: string): string | undefined => {
    const value = field(item, name);
    return typeof value === 'string' && value !== '' && value.length <= 256 ? value : undefined;
  };
  const [service, instance, address] = [text('service'), text('instance'), text('address')];
  const port = field(item, 'port');
  const ready = field(item, 'ready') ?? true;
  if (service === undefined || instance === undefined || address === undefined) return 'service, instance and address are texts';
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535) return 'port is 1 … 65535';
  if (typeof ready !== 'boolean') return 'ready is true or false';
  const optional = (['version', 'namespace', 'zone', 'region', 'node'] as const).flatMap((name) => {
    const value = text(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return { service, instance, ...Object.fromEntries(optional), address, port, ready };
}

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Object.getOwnPropertyDescriptor(value, name)?.value : undefined;
