import { Agent, createServer, request } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { interpreter } from '../../src/model/interpret.ts';
import type { Inventory } from '../../src/model/inventory.ts';
import { settle, tagsOf } from '../../src/model/settle.ts';
import type { Draws } from '../../src/model/settle.ts';
import type { Table } from '../../src/model/table.ts';
import { enforceWith } from './enforce.ts';
import type { Enforce } from './enforce.ts';
import type { KnownFacts } from './facts.ts';
import type { Policy } from './policy.ts';
import { openProxy } from './proxy.ts';
import type { Proxy } from './proxy.ts';
import { asked, factsAsked, randomAsk, randomInventory, randomTable } from './random-tables.ts';
import type { Ask } from './random-tables.ts';
import { parseSettings } from './settings.ts';
import { proxyTarget } from './target.ts';
import { testClock, testRandom } from './testing.ts';

/** What a caller can see of what was done to a request. */
type Seen = {
  readonly status: number;
  readonly answeredBy: string;
  readonly upstream: string;
  readonly applied: string;
  readonly body: string;
};

const host = 'checkout.shop';
const tables = 200;
const requestsPerTable = 100;
let echoes: readonly { readonly server: Server; readonly port: number }[] = [];
const agent = new Agent({ keepAlive: true, maxSockets: requestsPerTable });

beforeAll(async () => {
  echoes = await Promise.all(
    Array.from({ length: 9 }, async (_, i) => {
      const server = createServer((req, res) => {
        const body = `${String(req.method)} ${String(req.url)} ${String(req.headers.host)} ${String(req.headers['x-request-id'])}`;
        res.writeHead(200, { 'x-answered-by': `i${i}` }).end(body);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return { server, port: (server.address() as AddressInfo).port };
    }),
  );
});
afterAll(() => {
  agent.destroy();
  for (const { server } of echoes) {
    server.close();
    server.closeAllConnections();
  }
});

/** The same chance on both sides: a hash of the request's id and what is drawn for. */
function drawsOf(id: string): Draws {
  const draw = (name: string): number => {
    let hash = 0x811c9dc5;
    for (const char of `${id} ${name}`) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
    return testRandom(hash).integer(2 ** 32) / 2 ** 32;
  };
  return { part: draw, pick: draw('pick') };
}

async function withProxy<T>(
  enforce: Enforce,
  run: (proxy: Proxy, apply: (table: Table, inventory: Inventory) => Promise<void>) => Promise<T>,
): Promise<T> {
  const settings = parseSettings({ service: asked });
  if (!settings.ok) throw new Error(settings.problem.what);
  const target = proxyTarget({ services: [asked], stop: async () => undefined });
  const ports = { clock: testClock, random: testRandom(5) };
  const proxy = await openProxy({
    settings: settings.value,
    target: 't',
    ...ports,
    policy: target.policy,
    enforce,
    onRecord: () => undefined,
  });
  const apply = async (table: Table, inventory: Inventory): Promise<void> => {
    expect(await target.apply(table, inventory)).toEqual({ result: 'accepted' });
    expect(await target.readback()).toBe(table);
  };
  try {
    return await run(proxy, apply);
  } finally {
    agent.destroy();
    await proxy.stop();
  }
}

function overHttp(port: number, ask: Ask): Promise<{ readonly seen: Seen; readonly localPort: number }> {
  const headers = {
    host,
    'x-request-id': ask.id,
    'x-flyball-debug': '1',
    ...(ask.source === null ? {} : { 'x-flyball-source': ask.source }),
    ...(ask.attempt === null ? {} : { 'x-flyball-attempt': String(ask.attempt) }),
    ...ask.headers,
  };
  return new Promise((resolve, reject) => {
    const sent = request({ agent, host: '127.0.0.1', port, method: ask.method, path: ask.path + ask.query, headers }, (res) => {
      const localPort = res.socket.localPort ?? 0;
      let body = '';
      res.on('data', (chunk: Buffer) => (body += chunk.toString()));
      res.on('error', reject);
      res.on('end', () => {
        const header = (name: string): string => String(res.headers[name] ?? '');
        const told = { upstream: header('x-flyball-upstream'), applied: header('x-flyball-applied') };
        resolve({ seen: { status: res.statusCode ?? 0, answeredBy: header('x-answered-by'), ...told, body }, localPort });
      });
    });
    sent.on('error', reject);
    sent.end();
  });
}

function byTheBook(options: { book: ReturnType<typeof interpreter>; ask: Ask; localPort: number }): Omit<Seen, 'body'> {
  const { book, ask, localPort } = options;
  // The debug and x-flyball headers are the caller's too: only a match of one of them could tell, and none has one.
  const facts = factsAsked(ask, { address: '127.0.0.1', port: localPort }, host);
  const outcome = settle(book(facts), drawsOf(ask.id));
  const applied = tagsOf(outcome).join(',');
  if (outcome.kind !== 'forwarded') return { status: 'status' in outcome ? outcome.status : 0, answeredBy: '', upstream: '', applied };
  const instance = outcome.instance?.instance ?? '';
  return { status: 200, answeredBy: instance, upstream: instance, applied };
}

/** Compares that many tables and says how often each end came, and the first difference. */
async function compare(enforce: Enforce, options: { readonly tables: number; readonly seed: number; readonly stopAtFirst: boolean }) {
  const random = testRandom(options.seed);
  const ends: Record<string, number> = {};
  let pairs = 0;
  const differences: unknown[] = [];
  await withProxy(enforce, async (proxy, apply) => {
    for (let n = 0; n < options.tables && !(options.stopAtFirst && differences.length > 0); n++) {
      const table = randomTable(random);
      const inventory = randomInventory(
        random,
        echoes.map(({ port }) => port),
      );
      await apply(table, inventory);
      const book = interpreter(table, inventory);
      const asks = Array.from({ length: requestsPerTable }, (_, i) => randomAsk(random, `t${n}r${i}`));
      const answers = await Promise.all(asks.map((ask) => overHttp(proxy.port, ask)));
      for (const [i, { seen, localPort }] of answers.entries()) {
        const ask = asks[i] as Ask;
        pairs++;
        const { body, ...told } = seen;
        const expected = byTheBook({ book, ask, localPort });
        const end =
          expected.status === 200
            ? `to ${inventory.instances.find(({ instance }) => instance === expected.upstream)?.service}`
            : String(expected.status);
        ends[end] = (ends[end] ?? 0) + 1;
        const echoed = expected.status !== 200 || body === `${ask.method} ${ask.path}${ask.query} ${host} ${ask.id}`;
        if (JSON.stringify(told) !== JSON.stringify(expected) || !echoed) differences.push({ table, ask, expected, seen });
      }
    }
  });
  return { pairs, ends, differences };
}

const honest: Enforce = (policy, facts) => enforceWith(policy, facts, drawsOf(facts.request.id ?? ''));

test('20,000 requests over HTTP get what the interpreter says: status, instance, tags', async () => {
  const { pairs, ends, differences } = await compare(honest, { tables, seed: 1, stopAtFirst: false });
  expect(differences.slice(0, 1)).toEqual([]);
  expect(pairs).toBe(tables * requestsPerTable);
  // Every end is met often, or the comparison says little.
  for (const end of ['to checkout', 'to fallback', 'to catalog', '403', '429', '503']) expect(ends[end] ?? 0).toBeGreaterThan(100);
}, 120_000);

const firsts = new WeakMap<Policy, KnownFacts>();
const bugs: Readonly<Record<string, Enforce>> = {
  'a deny of one percent denies all': (policy, facts) => enforceWith(policy, facts, { ...drawsOf(facts.request.id ?? ''), part: () => 0 }),
  'the other end of the draw': (policy, facts) => {
    const draws = drawsOf(facts.request.id ?? '');
    return enforceWith(policy, facts, { ...draws, pick: 0.999_999 - draws.pick });
  },
  'absent headers are taken for empty ones': (policy, facts) => {
    const headers = new Map([['x-tenant', ''], ...(facts.request.headers ?? [])] as const);
    return honest(policy, { ...facts, request: { ...facts.request, headers } });
  },
  'one decision for a whole table': (policy, facts) => {
    const first = firsts.get(policy) ?? facts;
    firsts.set(policy, first);
    return enforceWith(policy, first, drawsOf(facts.request.id ?? ''));
  },
  'tags of denied requests are lost': (policy, facts) => {
    const enforced = honest(policy, facts);
    return enforced.deny === null ? enforced : { ...enforced, applied: [] };
  },
  'the path is matched with its query': (policy, facts) => {
    const path = facts.request.id?.endsWith('3') === true ? `${facts.request.path ?? ''}?` : (facts.request.path ?? '');
    return honest(policy, { ...facts, request: { ...facts.request, path } });
  },
};

test.each(Object.entries(bugs))(
  'a planted bug is found: %s',
  async (_name, bug) => {
    const { differences } = await compare(bug, { tables: 40, seed: 2, stopAtFirst: true });
    expect(differences.length).toBeGreaterThan(0);
  },
  60_000,
);
