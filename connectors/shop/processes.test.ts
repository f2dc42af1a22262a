import { execFileSync, fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { defaultLoad, isFromLoad, isFromService } from './messages.ts';
import type { ClientReport, FromLoad, LoadReport, ToLoad, ToService } from './messages.ts';
import { quantileMs } from './measure.ts';
import { faults } from './faults.ts';
import { calledBy, inventoryOf, shop } from './network.ts';

/** Real processes, forked from what the compiler makes of the sources as they are now. */
let dist = '';
const children = new Set<ChildProcess>();
/** Other tests share this machine. */
const soon = { timeout: 60_000 };

beforeAll(() => {
  dist = mkdtempSync(join(tmpdir(), 'flyball-shop-'));
  const files = ['service.ts', 'load.ts'].map((file) => resolve('connectors/shop', file));
  const compilerOptions = { noEmit: false, outDir: dist, rootDir: resolve('.'), typeRoots: [resolve('node_modules/@types')] };
  writeFileSync(join(dist, 'tsconfig.json'), JSON.stringify({ extends: resolve('tsconfig.json'), compilerOptions, files, include: [] }));
  writeFileSync(join(dist, 'package.json'), '{"type":"module"}');
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', dist], { stdio: 'inherit' });
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await Promise.all([...children].map((child) => (child.exitCode === null && child.signalCode === null ? once(child, 'exit') : null)));
  children.clear();
});
afterAll(() => rmSync(dist, { recursive: true, force: true }));

function start(entry: string): ChildProcess {
  const child = fork(join(dist, 'connectors/shop', entry), [], { execArgv: [] });
  children.add(child);
  return child;
}

const tell = (child: ChildProcess, message: ToService | ToLoad): boolean => child.send(message);

function readyPort(child: ChildProcess): Promise<number> {
  return new Promise((resolvePort, reject) => {
    child.once('exit', () => reject(new Error('ended before it was ready')));
    child.on('message', (message) => {
      if (isFromService(message) && message.kind === 'ready') resolvePort(message.port);
      if (isFromService(message) && message.kind === 'broken') reject(new Error(message.reason));
    });
  });
}

type Running = { readonly ports: ReadonlyMap<string, number>; readonly processes: ReadonlyMap<string, ChildProcess> };

/** The whole shop without sidecars: callers are given a callee's first replica. */
async function startShop(): Promise<Running> {
  const ports = new Map<string, number>();
  const processes = new Map<string, ChildProcess>();
  for (const service of shop) {
    const calls = Object.fromEntries(
      calledBy(service).map((name) => {
        const first = shop.find((other) => other.service === name)?.instances[0]?.instance ?? '';
        return [name, `http://127.0.0.1:${ports.get(first) ?? 0}`];
      }),
    );
    for (const { instance, version, zone } of service.instances) {
      const child = start('service.js');
      processes.set(instance, child);
      const { latencyMs, jitterMs, routes } = service;
      tell(child, {
        kind: 'config',
        config: { service: service.service, instance, version, zone, latencyMs, jitterMs, routes, calls, port: 0 },
      });
      ports.set(instance, await readyPort(child));
    }
  }
  return { ports, processes };
}

/** Runs the load until `requests` arrivals are answered. */
async function runLoad(port: number, requests: number): Promise<{ readonly reports: readonly LoadReport[]; readonly sent: number }> {
  const load = start('load.js');
  const reports: LoadReport[] = [];
  const done = new Promise<number>((resolveDone) => {
    load.on('message', (message: FromLoad) => {
      if (!isFromLoad(message)) return;
      if (message.kind === 'load') reports.push(message.report);
      else resolveDone(message.sent);
    });
  });
  tell(load, { kind: 'config', config: { ...defaultLoad, rampMs: 0, url: `http://127.0.0.1:${port}`, requestsMax: requests } });
  return { reports, sent: await done };
}

const latencies = (reports: readonly LoadReport[]): readonly number[] => reports.flatMap((report) => report.latenciesUs);
const failures = (reports: readonly LoadReport[]): number => reports.reduce((sum, report) => sum + report.failed, 0);

test('a customer gets an answer through every service; faults do what their names say and can be lifted', async () => {
  const { ports, processes } = await startShop();
  const gateway = ports.get('g1') ?? 0;
  const inventory = inventoryOf(ports);
  expect(inventory.instances.map(({ instance, version }) => `${instance} ${version}`)).toEqual([
    'k1 v1',
    'c1 v1',
    'c2 v1',
    'c3 v1',
    'c4 v2',
    'g1 v1',
    'p1 v1',
  ]);
  const get = async (path: string): Promise<number> => (await fetch(`http://127.0.0.1:${gateway}${path}`)).status;
  expect(await get('/checkout')).toBe(200);
  expect(await get('/catalog?product=OLJCESPC7Z')).toBe(200);
  expect(await get('/nothing')).toBe(404);

  const quiet = await runLoad(gateway, 120);
  expect({ sent: quiet.sent, answered: latencies(quiet.reports).length, failed: failures(quiet.reports) }).toEqual({
    sent: 120,
    answered: 120,
    failed: 0,
  });
  // Checkout waits 9 ms at least: an answer in less was not its. Every sixteenth request only browses.
  expect(latencies(quiet.reports).filter((us) => us > 8_500).length).toBeGreaterThanOrEqual(110);

  const service = (instance: string): ChildProcess => processes.get(instance) ?? start('service.js');
  tell(service('k1'), { kind: 'fault', fault: faults.productCatalogFailure, on: true });
  await expect.poll(() => get('/catalog?product=OLJCESPC7Z'), soon).toBe(502);
  expect(await get('/catalog?product=66VCHSJNUP')).toBe(200);

  tell(service('p1'), { kind: 'fault', fault: { flag: 'paymentFailure', percent: 100 }, on: true });
  await expect.poll(() => get('/checkout'), soon).toBe(502);
  tell(service('p1'), { kind: 'fault', fault: faults.paymentFailure, on: false });
  await expect.poll(() => get('/checkout'), soon).toBe(200);

  tell(service('c1'), { kind: 'fault', fault: faults.grayFailure, on: true });
  tell(service('k1'), { kind: 'fault', fault: faults.productCatalogFailure, on: false });
  await expect.poll(() => get('/catalog?product=OLJCESPC7Z'), soon).toBe(200);
  const gray = await runLoad(gateway, 120);
  expect(failures(gray.reports)).toBe(0);
  expect(quantileMs(latencies(gray.reports), 50)).toBeGreaterThan(180);
  tell(service('c1'), { kind: 'fault', fault: faults.grayFailure, on: false });

  tell(service('c1'), { kind: 'fault', fault: faults.errorBurst, on: true });
  // The switch travels on another channel than the load: wait until it works.
  await expect
    .poll(async () => (await Promise.all(Array.from({ length: 10 }, () => get('/checkout')))).filter((s) => s === 502).length)
    .toBe(3);
  const burst = await runLoad(gateway, 120);
  expect(failures(burst.reports)).toBeGreaterThanOrEqual(31);
  expect(failures(burst.reports)).toBeLessThanOrEqual(35);
}, 60_000);

test('a service told to end answers what it has accepted; one whose parent is gone ends by itself', async () => {
  const config = {
    service: 'checkout',
    instance: 'c1',
    version: 'v1',
    zone: 'a',
    latencyMs: 300,
    jitterMs: 0,
    routes: { '/checkout': [] },
    calls: {},
    port: 0,
  };
  const child = start('service.js');
  tell(child, { kind: 'config', config });
  const port = await readyPort(child);
  const pending = fetch(`http://127.0.0.1:${port}/checkout`);
  await new Promise((resolveLater) => setTimeout(resolveLater, 100));
  child.kill('SIGTERM');
  expect((await pending).status).toBe(200);
  expect(await once(child, 'exit')).toEqual([0, null]);

  const orphan = start('service.js');
  tell(orphan, { kind: 'config', config });
  await readyPort(orphan);
  orphan.kill('SIGINT');
  orphan.disconnect();
  expect(await once(orphan, 'exit')).toEqual([0, null]);
});

test('a client that floods is counted apart, and what the others see is theirs alone', async () => {
  const seen = new Map<string, number>();
  const server = createServer((req, res) => {
    const user = String(req.headers['x-user']);
    seen.set(user, (seen.get(user) ?? 0) + 1);
    res.writeHead(user === 'user-7' && (seen.get(user) ?? 0) % 4 !== 0 ? 429 : 200, { 'content-length': 0 }).end();
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const load = start('load.js');
  const reports: LoadReport[] = [];
  load.on('message', (message: FromLoad) => {
    if (message.kind === 'load') reports.push(message.report);
  });
  const { port } = server.address() as AddressInfo;
  tell(load, { kind: 'config', config: { ...defaultLoad, rampMs: 0, url: `http://127.0.0.1:${port}`, ratePerS: 200 } });
  await expect.poll(() => latencies(reports).length, soon).toBeGreaterThan(40);
  expect(reports.every(({ client }) => client === undefined)).toBe(true);
  tell(load, { kind: 'flood', flood: { user: 7, times: 50 } });
  const client = (name: keyof ClientReport): number => reports.reduce((sum, report) => sum + (report.client?.[name] ?? 0), 0);
  await expect.poll(() => client('refused'), soon).toBeGreaterThan(300);
  tell(load, { kind: 'flood', flood: null });
  tell(load, { kind: 'stop' });
  expect(await once(load, 'exit')).toEqual([0, null]);
  server.close();
  server.closeAllConnections();
  // Before the flood it was one of the users: what it was refused then is a failure, as it is for anybody.
  expect(client('answered') + client('refused') + failures(reports)).toBeGreaterThanOrEqual((seen.get('user-7') ?? 0) - 10);
  expect(client('sent')).toBe(client('answered') + client('refused') + client('failed'));
  expect(failures(reports)).toBeLessThan(20);
  const others = [...seen].filter(([user]) => user !== 'user-7').reduce((sum, [, count]) => sum + count, 0);
  expect(Math.abs(latencies(reports).length - others)).toBeLessThan(20);
}, 60_000);

test('the load generator is bounded: a dead shop costs failures, not memory, and it ends when told', async () => {
  const load = start('load.js');
  const reports: LoadReport[] = [];
  load.on('message', (message: FromLoad) => {
    if (message.kind === 'load') reports.push(message.report);
  });
  tell(load, { kind: 'config', config: { ...defaultLoad, rampMs: 0, url: 'http://127.0.0.1:9', requestsMax: 10_000 } });
  await expect.poll(() => failures(reports), soon).toBeGreaterThan(50);
  tell(load, { kind: 'stop' });
  expect(await once(load, 'exit')).toEqual([0, null]);
  expect(failures(reports)).toBe(latencies(reports).length);
});
