import type { Instance, Inventory } from '../../src/model/inventory.ts';

/** One process of the shop. Times in ms. */
export type ShopInstance = { readonly instance: string; readonly version: string; readonly zone: string };

export type ShopService = {
  readonly service: string;
  readonly instances: readonly ShopInstance[];
  /** Name of the target (the sidecar and its adapter) that stands before it. */
  readonly target: string;
  /** How long an answer takes by itself, before what it calls is added. */
  readonly latencyMs: number;
  /** Answers take latencyMs ± jitterMs. */
  readonly jitterMs: number;
  /** Which services a request to a path calls, one after the other and with the same path; any other path is answered 404. */
  readonly routes: Readonly<Record<string, readonly string[]>>;
};

const zones = ['a', 'b', 'c'] as const;
const one = (instance: string): readonly ShopInstance[] => [{ instance, version: 'v1', zone: 'a' }];

/** The demo network: gateway → checkout (three v1 replicas, one v2) → payments, and gateway → catalog. Callees come before callers. */
export const shop: readonly ShopService[] = [
  { service: 'payments', instances: one('p1'), target: 'shop-payments', latencyMs: 5, jitterMs: 1, routes: { '/checkout': [] } },
  { service: 'catalog', instances: one('k1'), target: 'shop-catalog', latencyMs: 5, jitterMs: 1, routes: { '/catalog': [] } },
  {
    service: 'checkout',
    instances: [...zones.map((zone, i) => ({ instance: `c${i + 1}`, version: 'v1', zone })), { instance: 'c4', version: 'v2', zone: 'a' }],
    target: 'shop-checkout',
    latencyMs: 10,
    jitterMs: 0,
    routes: { '/checkout': ['payments'], '/cart': [] },
  },
  {
    service: 'gateway',
    instances: one('g1'),
    target: 'shop-gateway',
    latencyMs: 0,
    jitterMs: 0,
    routes: { '/checkout': ['checkout'], '/cart': ['checkout'], '/catalog': ['catalog'] },
  },
];

/** Where traffic enters the shop. */
export const entrance = 'gateway';

/** The services that a service calls, each once, in order of name. */
export const calledBy = (service: ShopService): readonly string[] => [...new Set(Object.values(service.routes).flat())].sort();

/** The inventory once every process has said on which port it listens; an instance without a port is left out. */
export function inventoryOf(ports: ReadonlyMap<string, number>): Inventory {
  const instances: Instance[] = [];
  for (const { service, instances: replicas } of shop) {
    for (const { instance, version, zone } of replicas) {
      const port = ports.get(instance);
      if (port !== undefined) instances.push({ service, instance, version, zone, address: '127.0.0.1', port, ready: true });
    }
  }
  return { instances: instances.sort((a, b) => order(a.service, b.service) || order(a.instance, b.instance)) };
}

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
