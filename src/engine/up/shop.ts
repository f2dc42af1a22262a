import { calledBy, entrance, inventoryOf, shop, type ShopInstance, type ShopService } from '../../../connectors/shop/network.ts';
import {
  defaultLoad,
  isFromLoad,
  isFromService,
  type Flood,
  type FromService,
  type LoadConfig,
  type LoadReport,
  type ToLoad,
  type ToService,
} from '../../../connectors/shop/messages.ts';
import type { Fault } from '../../../connectors/shop/faults.ts';
import type { Inventory } from '../../model/inventory.ts';
import { fail, ok, type Problem, type Result } from '../../model/problem.ts';
import { startChild, type Child } from '../../runtime/children.ts';
import { builtModule } from '../../runtime/package.ts';

export type Shop = {
  readonly inventory: Inventory;
  /** Tells every service where its callees' sidecars listen, by service. */
  readonly connect: (sidecars: ReadonlyMap<string, string>) => void;
  readonly setFault: (fault: Fault, instances: readonly string[], on: boolean) => void;
  /** null: everybody asks as usual. */
  readonly setFlood: (flood: Flood | null) => void;
  /** Starts the users, at the entrance's sidecar; `as` is where they differ from the usual. */
  readonly load: (options: {
    readonly sidecars: ReadonlyMap<string, string>;
    readonly as: Partial<LoadConfig>;
    readonly onReport: (report: LoadReport) => void;
  }) => Promise<Result<null>>;
  readonly stop: () => Promise<void>;
};

export type ShopOptions = {
  readonly env: NodeJS.ProcessEnv;
  readonly onServed: (served: Extract<FromService, { kind: 'served' }>) => void;
  readonly onExit: (instance: string) => void;
  readonly say: (line: string) => void;
};

/** Starts the replicas of the demo network, each a process of its own, and waits until all listen. */
export async function startShop(options: ShopOptions): Promise<Result<Shop>> {
  const children = new Map<string, Child>();
  let users: Child | null = null;
  let stopping = false;
  const stop = async (): Promise<void> => {
    stopping = true;
    await users?.stop();
    await Promise.all([...children.values()].map((c) => c.stop()));
  };
  const ports = new Map<string, number>();
  const all = shop.flatMap((service) => service.instances.map((instance) => ({ service, instance })));
  const started = await Promise.all(all.map(({ service, instance }) => startReplica(service, instance, options)));
  const failed = started.find((s) => !s.ok);
  for (const s of started) {
    if (!s.ok) continue;
    const { child, port, name } = s.value;
    children.set(name, child);
    ports.set(name, port);
    void child.exited.then(() => (stopping ? undefined : options.onExit(name)));
  }
  if (failed !== undefined && !failed.ok) {
    await stop();
    return failed;
  }
  return ok({
    inventory: inventoryOf(ports),
    connect: (sidecars) => {
      for (const { service, instance } of all) {
        const calls = Object.fromEntries(calledBy(service).map((callee) => [callee, sidecars.get(callee) ?? '']));
        children.get(instance.instance)?.send({ kind: 'calls', calls } satisfies ToService);
      }
    },
    setFault: (fault, instances, on) => {
      for (const instance of instances) children.get(instance)?.send({ kind: 'fault', fault, on } satisfies ToService);
    },
    setFlood: (flood) => void users?.send({ kind: 'flood', flood } satisfies ToLoad),
    load: async ({ sidecars, as, onReport }) => {
      const child = await startChild({ name: 'load', module: builtModule('connectors/shop/load'), env: options.env, output: 'stderr' });
      if (!child.ok) return child;
      users = child.value;
      users.onMessage((m) => {
        if (isFromLoad(m) && m.kind === 'load') onReport(m.report);
      });
      users.send({ kind: 'config', config: { ...defaultLoad, ...as, url: sidecars.get(entrance) ?? '' } } satisfies ToLoad);
      return ok(null);
    },
    stop,
  });
}

type Replica = { readonly name: string; readonly child: Child; readonly port: number };

async function startReplica(service: ShopService, instance: ShopInstance, options: ShopOptions): Promise<Result<Replica>> {
  const name = instance.instance;
  const started = await startChild({ name, module: builtModule('connectors/shop/service'), env: options.env, output: 'stderr' });
  if (!started.ok) return started;
  const child = started.value;
  const ready = new Promise<number | string>((resolve) => {
    child.onMessage((m) => {
      if (!isFromService(m)) return;
      if (m.kind === 'ready') resolve(m.port);
      else if (m.kind === 'broken') resolve(m.reason);
      else options.onServed(m);
    });
    void child.exited.then(({ code, signal }) => resolve(`it ended (${code ?? signal ?? '?'})`));
  });
  const { service: serviceName, latencyMs, jitterMs, routes } = service;
  const config = {
    service: serviceName,
    instance: name,
    version: instance.version,
    zone: instance.zone,
    latencyMs,
    jitterMs,
    routes,
    calls: {},
    port: 0,
  };
  child.send({ kind: 'config', config } satisfies ToService);
  const port = await ready;
  if (typeof port === 'number') return ok({ name, child, port });
  await child.stop();
  const problem: Problem = { code: 'E-SHOP', what: `${serviceName} ${name} did not start: ${port}`, at: name, todo: 'see the lines above' };
  return fail(problem);
}
