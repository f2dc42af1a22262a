import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { Instance, Inventory } from '../../src/model/inventory.ts';
import type { Line, RpcRecord } from '../../src/model/record.ts';
import { stageOf } from '../../src/model/table.ts';
import type { Action, Entry, Match } from '../../src/model/table.ts';
import { connector } from './connector.ts';
import { testClock, testRandom } from './testing.ts';

const closing: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const entry = (id: string, action: Action, match: Match = { 'destination.service': [{ in: ['checkout'] }] }): Entry => {
  const owner = { rule: `rule-${id}`, revision: 1, key: '{}' };
  return { id, stage: stageOf[action.kind], priority: 100, match, action, owner, part: 0, until: null };
};

async function instances(): Promise<Inventory> {
  const list = await Promise.all(
    ['c1', 'c2', 'c3', 'c4'].map(async (instance): Promise<Instance> => {
      const server = createServer((_req, res) => res.end(instance));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      closing.push(() => {
        server.close();
        server.closeAllConnections();
      });
      const { port } = server.address() as AddressInfo;
      return {
        service: 'checkout',
        instance,
        version: instance === 'c4' ? 'v2' : 'v1',
        zone: 'a',
        address: '127.0.0.1',
        port,
        ready: true,
      };
    }),
  );
  return { instances: list };
}

async function open(inventory: Inventory, settings: Readonly<Record<string, string>> = { service: 'checkout' }) {
  const opened = await connector.open?.({
    target: 't',
    settings,
    inventory,
    clock: testClock,
    random: testRandom(3),
    say: () => undefined,
  });
  if (opened?.target === undefined || opened.source === undefined) throw new Error('it must be a target and a source');
  const { target, source, address } = opened;
  closing.push(() => target.stop());
  const lines: Line[] = [];
  await source.start((batch) => lines.push(...batch));
  closing.push(() => source.stop());
  return { target, source, address, lines };
}

const agent = new Agent({ keepAlive: true, maxSockets: 32 });
afterEach(() => agent.destroy());

const get = (url: string): Promise<{ readonly status: number; readonly body: string; readonly applied: string }> =>
  new Promise((resolve, reject) => {
    const sent = request(url, { agent, headers: { 'x-flyball-debug': '1' } }, (res) => {
      let body = '';
      res.on('data', (chunk: Buffer) => (body += chunk.toString()));
      res.on('error', reject);
      res.on('end', () => resolve({ status: res.statusCode ?? 0, body, applied: String(res.headers['x-flyball-applied']) }));
    });
    sent.on('error', reject);
    sent.end();
  });

const rpcs = (lines: readonly Line[]): readonly RpcRecord[] => lines.filter((line) => line.stream === 'rpc');

test('without a table every ready replica gets its turn; avoided by 98 % one gets a trickle, and every record says why', async () => {
  const inventory = await instances();
  const { target, address, lines } = await open(inventory);
  const count = async (requests: number): Promise<Record<string, number>> => {
    const counts: Record<string, number> = {};
    for (let n = 0; n < requests; n += 20) {
      for (const { body } of await Promise.all(Array.from({ length: 20 }, () => get(address)))) counts[body] = (counts[body] ?? 0) + 1;
    }
    return counts;
  };
  const even = await count(400);
  for (const instance of ['c1', 'c2', 'c3', 'c4']) expect(Math.abs((even[instance] ?? 0) - 100)).toBeLessThan(4);

  await target.apply([entry('a', { kind: 'avoid', on: 'instance', value: 'c3', ppm: 980_000, floorPpm: 600_000 })], inventory);
  const avoided = await count(600);
  // 2 % of a quarter share, of what three and that are: 600 × 0.02 / 3.02.
  expect(avoided['c3'] ?? 0).toBeGreaterThanOrEqual(2);
  expect(avoided['c3'] ?? 0).toBeLessThanOrEqual(6);

  await expect.poll(() => rpcs(lines).length).toBe(1_000);
  expect(
    rpcs(lines)
      .slice(0, 400)
      .every(({ applied }) => applied.length === 0),
  ).toBe(true);
  expect(
    rpcs(lines)
      .slice(400)
      .every(({ applied }) => applied.join() === 'rule-a@1'),
  ).toBe(true);
  expect(rpcs(lines)[999]).toMatchObject({
    destination: { service: 'checkout', zone: 'a' },
    reporter: { target: 't' },
    response: { code: 200 },
  });
}, 30_000);

test('what cannot be enforced is refused with its entry and reason, and nothing changes', async () => {
  const inventory = await instances();
  const { target, address } = await open(inventory);
  const good = entry('good', { kind: 'route', to: 'checkout' });
  expect(await target.apply([good], inventory)).toEqual({ result: 'accepted' });
  const limit: Action = { kind: 'limit', rateMilli: 1, burst: 1, unit: 'requests', per: ['source.zone'], scope: 'local' };
  const applied = await target.apply(
    [
      good,
      entry('limit', limit),
      entry('dscp', { kind: 'set', set: {}, remove: [], dscp: 46 }),
      entry('frame', { kind: 'set', set: {}, remove: ['Content-Length'], dscp: null }),
      entry('split', { kind: 'respond', status: 200, body: '', headers: { 'x-a': 'b\r\nx-c: d' } }),
      entry('zone', { kind: 'deny', ppm: 1_000_000, status: 403, grpcStatus: 7 }, { 'destination.zone': [{ in: ['a'] }] }),
      entry('size', { kind: 'allow' }, { 'request.size': [{ range: [0, 9] }] }),
      entry('regex', { kind: 'allow' }, { 'request.path': [{ regex: '(a' }] }),
      entry('cidr', { kind: 'allow' }, { 'source.address': [{ cidr: '10.0.0.0' }] }),
      entry('sticky', { kind: 'split', on: 'version', ppm: { v1: 1_000_000 }, sticky: 'source.zone' }),
    ],
    inventory,
  );
  expect(applied).toMatchObject({ result: 'rejected' });
  expect(applied.result === 'rejected' ? applied.entries.map(({ id, code }) => `${id} ${code}`) : []).toEqual([
    'limit E-FIELD',
    'dscp E-ACTION',
    'frame E-HEADER',
    'split E-HEADER',
    'zone E-FIELD',
    'size E-FIELD',
    'regex E-TEST',
    'cidr E-TEST',
    'sticky E-FIELD',
  ]);
  expect(await target.readback()).toEqual([good]);
  expect((await get(address)).applied).toBe('rule-good@1');
});

test('5,000 requests under a table that changes every millisecond: none is lost, each sees one table whole', async () => {
  const inventory = await instances();
  const { target, address, lines } = await open(inventory);
  const closed = [entry('deny', { kind: 'deny', ppm: 1_000_000, status: 403, grpcStatus: 7 })];
  const moved = [entry('split', { kind: 'split', on: 'version', ppm: { v1: 0, v2: 1_000_000 }, sticky: null })];
  let switches = 0;
  const stop = testClock.each(1, () => void target.apply(switches++ % 2 === 0 ? closed : moved, inventory));
  const seen: Record<string, number> = {};
  await target.apply(moved, inventory);
  for (let n = 0; n < 5_000; n += 50) {
    for (const { status, body, applied } of await Promise.all(Array.from({ length: 50 }, () => get(address)))) {
      const what = `${status} ${status === 200 ? body : ''} ${applied}`;
      seen[what] = (seen[what] ?? 0) + 1;
    }
  }
  stop();
  expect(Object.keys(seen).sort()).toEqual(['200 c4 rule-split@1', '403  rule-deny@1']);
  expect(switches).toBeGreaterThan(20);
  await expect.poll(() => rpcs(lines).length).toBe(5_000);
}, 30_000);

test('who stands behind it is told as it is by now, with the table it was given last', async () => {
  const inventory = await instances();
  const { target } = await open(inventory);
  const first = target.sees;
  expect(first.instances).toEqual(inventory.instances);
  await target.apply([], inventory);
  expect(target.sees).toBe(first);
  const [gone, ...left] = inventory.instances;
  const elsewhere = { ...left[0], service: 'catalog', instance: 'k1' } as Instance;
  await target.apply([], { instances: [...left, elsewhere] });
  expect(target.sees).toEqual({ services: ['checkout'], instances: left });
  await target.apply([entry('no', { kind: 'set', set: {}, remove: [], dscp: 1 })], inventory);
  expect(target.sees.instances).toEqual(left);
  const many = Array.from({ length: 1_001 }, (_, n) => ({ ...gone, instance: `c${n}` }) as Instance);
  await target.apply([], { instances: many });
  expect(target.sees).toEqual({ services: ['checkout'] });
});

test('it says what it is, listens where it is told, and again after a stop', async () => {
  const inventory = await instances();
  const first = await open(inventory, { service: 'checkout,catalog' });
  expect(first.target.sees).toEqual({ services: ['checkout', 'catalog'], instances: inventory.instances });
  expect([...first.target.capabilities.actions].sort()).toEqual(Object.keys(stageOf).sort());
  expect(first.address).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  await first.target.stop();
  const again = await open(inventory, { service: 'checkout', listen: new URL(first.address).host });
  expect(again.address).toBe(first.address);
  expect((await get(again.address)).status).toBe(200);
  await expect(open(inventory, { service: 'checkout', listen: new URL(first.address).host })).rejects.toThrow(/EADDRINUSE/);
  await expect(open(inventory, { service: 'checkout', burst: '1' })).rejects.toThrow(/E-SETTING burst is not a setting of builtin/);
});
