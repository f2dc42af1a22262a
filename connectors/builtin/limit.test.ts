import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { bucketOf, interpreter } from '../../src/model/interpret.ts';
import type { Instance, Inventory } from '../../src/model/inventory.ts';
import type { RpcRecord } from '../../src/model/record.ts';
import { settle } from '../../src/model/settle.ts';
import type { Action, Entry, Table } from '../../src/model/table.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { enforcer } from './enforce.ts';
import { openProxy } from './proxy.ts';
import { any } from './random-tables.ts';
import { parseSettings } from './settings.ts';
import { proxyTarget } from './target.ts';
import { testClock, testRandom } from './testing.ts';

/** Limits over HTTP, with real buckets. */

const closing: (() => unknown)[] = [];
const agent = new Agent({ keepAlive: true, maxSockets: 20 });
afterEach(async () => {
  agent.destroy();
  for (const close of closing.splice(0).reverse()) await close();
});

type LimitAction = Extract<Action, { readonly kind: 'limit' }>;
const limit = (rateMilli: number, burst: number, per: readonly string[] = [], unit: LimitAction['unit'] = 'requests'): LimitAction => {
  return { kind: 'limit', rateMilli, burst, unit, per, scope: 'local' };
};
const byUser = ['request.headers["x-user"]'];

const entry = (n: number, action: Action, more: Partial<Entry> = {}): Entry => {
  const owner = { rule: `rule-${n}`, revision: 1, key: '{}' };
  const match = { 'destination.service': [{ in: ['checkout'] }] };
  return { id: String(n).padStart(32, '0'), stage: 'police', priority: 100, match, action, owner, part: 0, until: null, ...more };
};

async function sidecar(clock: Clock) {
  const server = createServer((req, res) => {
    req.resume();
    req.on('end', () => res.end('x'.repeat(Number(req.headers['x-size'] ?? 2))));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const only: Instance = { service: 'checkout', instance: 'c1', address: '127.0.0.1', port, ready: true };
  const inventory: Inventory = { instances: [only] };
  const settings = parseSettings({ service: 'checkout' });
  if (!settings.ok) throw new Error(settings.problem.what);
  const target = proxyTarget({ services: ['checkout'], inventory, stop: async () => undefined });
  const records: RpcRecord[] = [];
  const random = testRandom(1);
  const proxy = await openProxy({
    settings: settings.value,
    target: 't',
    clock,
    random,
    policy: target.policy,
    enforce: enforcer(random, clock),
    onRecord: (record) => records.push(record),
  });
  closing.push(proxy.stop);
  const ask = (user: string, more: { readonly size?: number; readonly content?: string; readonly grpc?: boolean } = {}) =>
    new Promise<{ readonly status: number; readonly grpcStatus: string; readonly size: number }>((resolve, reject) => {
      const { size = 2, content, grpc = false } = more;
      const headers = { 'x-user': user, 'x-size': String(size), ...(grpc ? { 'content-type': 'application/grpc' } : {}) };
      const sent = request(
        { agent, host: '127.0.0.1', port: proxy.port, method: content === undefined ? 'GET' : 'POST', headers },
        (res) => {
          let got = 0;
          res.on('data', (chunk: Buffer) => (got += chunk.length));
          res.on('error', reject);
          res.on('end', () => resolve({ status: res.statusCode ?? 0, grpcStatus: String(res.headers['grpc-status'] ?? ''), size: got }));
        },
      );
      sent.on('error', reject);
      sent.end(content);
    });
  const apply = async (table: Table): Promise<void> => expect(await target.apply(table, inventory)).toEqual({ result: 'accepted' });
  return { ask, apply, records, inventory };
}

/** Time that stands still unless it is told. */
function stoppedClock(): Clock & { readonly pass: (ms: number) => void } {
  let passed = 0;
  return { ...testClock, monotonic: () => 5_000 + passed, pass: (ms) => (passed += ms) };
}

test('1,200 requests in order over HTTP, tables changing between them: admitted is exactly what levels of tokens say', async () => {
  const clock = stoppedClock();
  const { ask, apply, inventory } = await sidecar(clock);
  const random = testRandom(4);
  const levels = new Map<string, { level: number; atMs: number }>();
  const token = (bucket: string, { rateMilli, burst }: LimitAction): boolean => {
    const nowMs = clock.monotonic();
    const { level, atMs } = levels.get(bucket) ?? { level: burst, atMs: nowMs };
    // Each step is exact in thousandths here: rates and times are chosen so.
    const now = Math.min(burst, Math.round((level + (rateMilli / 1e6) * (nowMs - atMs)) * 1e6) / 1e6);
    levels.set(bucket, { level: now >= 1 ? now - 1 : now, atMs: nowMs });
    return now >= 1;
  };
  // Three limits that stay, and others that come and go around them.
  const staying = [entry(1, limit(2_000, 5, byUser)), entry(2, limit(10_000, 20)), entry(3, limit(500, 3, byUser), { match: { 'request.headers["x-user"]': [{ in: ['u1', 'u2'] }] } })]; // prettier-ignore
  const statuses: Record<number, number> = {};
  let table: Table = staying;
  await apply(table);
  for (let n = 0; n < 1_200; n++) {
    if (n % 50 === 49) {
      const passing = Array.from({ length: random.integer(3) }, (_, i) => entry(10 + i, any<Action>(random, [limit(1_000, 2, byUser), limit(1_000_000, 50)]))); // prettier-ignore
      table = [...staying, ...passing];
      await apply(table);
    }
    clock.pass(any(random, [0, 0, 1, 40, 400]));
    const user = `u${random.integer(4)}`;
    const facts = { source: {}, destination: { service: 'checkout' }, request: { headers: new Map([['x-user', user]]) } };
    const draws = { part: () => 0, pick: 0, token: (say: Parameters<typeof bucketOf>[0]) => token(bucketOf(say, facts), say.action) };
    const expected = settle(interpreter(table, inventory)(facts), draws);
    const { status } = await ask(user);
    expect({ n, status }).toEqual({ n, status: expected.kind === 'limited' ? 429 : 200 });
    statuses[status] = (statuses[status] ?? 0) + 1;
  }
  expect(statuses[200]).toBeGreaterThan(200);
  expect(statuses[429]).toBeGreaterThan(200);
}, 60_000);

/** Tolerance of a limit on a clock that runs: a token for the moment between a request and our look at the clock, at each end. */
test('twenty callers at once on a clock that runs: within one token of burst + rate × time, at both ends', async () => {
  const { ask, apply, records } = await sidecar(testClock);
  await apply([entry(1, limit(5_000, 10, byUser))]);
  const windows = new Map<string, { passed: number; asked: number; fromMs: number; toMs: number }>();
  await Promise.all(
    Array.from({ length: 20 }, async (_, n) => {
      const user = `u${n % 4}`;
      for (let i = 0; i < 60; i++) {
        const fromMs = testClock.monotonic();
        const { status } = await ask(user);
        const now = testClock.monotonic();
        const window = windows.get(user) ?? { passed: 0, asked: 0, fromMs, toMs: now };
        const { passed, asked } = window;
        windows.set(user, { ...window, passed: passed + (status === 200 ? 1 : 0), asked: asked + 1, toMs: now });
      }
    }),
  );
  for (const { passed, asked, fromMs, toMs } of windows.values()) {
    expect(asked).toBe(300);
    expect(passed).toBeLessThanOrEqual(10 + ((toMs - fromMs) * 5) / 1_000 + 1);
    expect(passed).toBeGreaterThanOrEqual(10);
  }
  const limited = records.filter(({ response }) => response.code === 429);
  expect(limited.length).toBeGreaterThan(0);
  expect(limited.every(({ response, applied }) => !response.failed && response.flags?.join() === 'RL' && applied.join() === 'rule-1@1')).toBe(true); // prettier-ignore
}, 30_000);

test('a gRPC caller is told RESOURCE_EXHAUSTED in its own way', async () => {
  const { ask, apply } = await sidecar(stoppedClock());
  await apply([entry(1, limit(1, 1))]);
  expect(await ask('u', { grpc: true })).toMatchObject({ status: 200, grpcStatus: '' });
  expect(await ask('u', { grpc: true })).toMatchObject({ status: 200, grpcStatus: '8' });
});

test('a limit in bytes counts content both ways', async () => {
  const clock = stoppedClock();
  const { ask, apply } = await sidecar(clock);
  await apply([entry(1, limit(1_000_000_000, 100_000, [], 'bytes'))]);
  expect(await ask('u', { size: 200_000, content: 'y'.repeat(100_000) })).toMatchObject({ status: 200, size: 200_000 });
  clock.pass(199);
  expect((await ask('u')).status).toBe(429);
  clock.pass(2);
  expect((await ask('u')).status).toBe(200);
});
