import { Agent, createServer, request } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { canon } from '../../src/model/canon.ts';
import { interpreter } from '../../src/model/interpret.ts';
import { emptyInventory } from '../../src/model/inventory.ts';
import type { Inventory } from '../../src/model/inventory.ts';
import type { Limit } from '../../src/model/decision.ts';
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
  /** Set by `respond`. */
  readonly said: string;
  readonly body: string;
  /** Instances that got it besides the one that answered. */
  readonly copies: string;
};

const host = 'checkout.shop';
const tables = 200;
const requestsPerTable = 100;
/** Headers that tables edit, as the upstream got them. */
const editable = ['x-tenant', 'x-user', 'x-canary'] as const;
/** Who got which request, by its id. */
const arrivals = new Map<string, string[]>();
let echoes: readonly { readonly server: Server; readonly port: number }[] = [];
const agent = new Agent({ keepAlive: true, maxSockets: 50 });

beforeAll(async () => {
  echoes = await Promise.all(
    Array.from({ length: 9 }, async (_, i) => {
      // Longer than a run: no copy meets a connection that is just being closed.
      const server = createServer({ keepAliveTimeout: 300_000 }, (req, res) => {
        const id = String(req.headers['x-request-id']);
        arrivals.set(id, [...(arrivals.get(id) ?? []), `i${i}`]);
        const headers = editable.map((name) => String(req.headers[name])).join();
        const body = `${String(req.method)} ${String(req.url)} ${String(req.headers.host)} ${id} ${headers}`;
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
  return { part: draw, pick: draw('pick'), token: ({ bucket }) => draw(`token ${bucket}`) < 0.5 };
}

async function withProxy<T>(
  enforce: Enforce,
  run: (proxy: Proxy, apply: (table: Table, inventory: Inventory) => Promise<void>) => Promise<T>,
): Promise<T> {
  const settings = parseSettings({ service: asked });
  if (!settings.ok) throw new Error(settings.problem.what);
  const target = proxyTarget({ services: [asked], inventory: emptyInventory, stop: async () => undefined });
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
      res.setEncoding('utf8');
      res.on('data', (chunk: string) => (body += chunk));
      res.on('error', reject);
      res.on('end', () => {
        const header = (name: string): string => String(res.headers[name] ?? '');
        const told = { upstream: header('x-flyball-upstream'), applied: header('x-flyball-applied'), said: header('x-said') };
        resolve({ seen: { status: res.statusCode ?? 0, answeredBy: header('x-answered-by'), ...told, body, copies: '' }, localPort });
      });
    });
    sent.on('error', reject);
    sent.end();
  });
}

type Expected = { readonly kind: string; readonly seen: Seen };

function byTheBook(options: { book: ReturnType<typeof interpreter>; ask: Ask; localPort: number; inventory: Inventory }): Expected {
  const { book, ask, localPort, inventory } = options;
  // The debug and x-flyball headers are the caller's too: only a match of one of them could tell, and none has one.
  const facts = factsAsked(ask, { address: '127.0.0.1', port: localPort }, host);
  const draws = drawsOf(ask.id);
  const outcome = settle(book(facts), draws);
  const none = { answeredBy: '', upstream: '', applied: tagsOf(outcome).join(','), said: '', copies: '' };
  const { kind } = outcome;
  if (outcome.kind === 'responded') {
    const body = outcome.status === 204 ? '' : outcome.body;
    return { kind, seen: { ...none, status: outcome.status, said: outcome.headers['x-said'] ?? '', body } };
  }
  if (outcome.kind !== 'forwarded') return { kind, seen: { ...none, status: outcome.status, body: bodies[outcome.kind] } };
  const instance = outcome.instance?.instance ?? '';
  const copies = outcome.mirrors.flatMap((service) => {
    const ready = inventory.instances.filter((one) => one.service === service && one.ready);
    return ready[Math.floor(draws.part(`mirror ${service}`) * ready.length)]?.instance ?? [];
  });
  const { set, remove } = outcome.edits;
  const headers = editable.map((name) => set[name] ?? (remove.includes(name) ? 'undefined' : (ask.headers[name] ?? 'undefined')));
  const body = `${ask.method} ${ask.path}${ask.query} ${host} ${ask.id} ${headers.join()}`;
  return { kind, seen: { ...none, status: 200, answeredBy: instance, upstream: instance, body, copies: copies.sort().join() } };
}

const bodies = { denied: 'denied by policy\n', limited: 'limited by policy\n', unavailable: 'no instance is ready\n' } as const;

/** Those who got a request, but for one time the one who answered it. */
function copiesOf(id: string, answeredBy: string): string {
  const all = [...(arrivals.get(id) ?? [])].sort();
  const at = all.indexOf(answeredBy);
  return all.filter((_, i) => i !== at).join();
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
      arrivals.clear();
      const answers = await Promise.all(asks.map((ask) => overHttp(proxy.port, ask)));
      await expect.poll(() => underWay(proxy), { interval: 1, timeout: 5_000 }).toBe(0);
      for (const [i, answer] of answers.entries()) {
        const ask = asks[i] as Ask;
        pairs++;
        const seen = { ...answer.seen, copies: copiesOf(ask.id, answer.seen.answeredBy) };
        const expected = byTheBook({ book, ask, localPort: answer.localPort, inventory });
        const service = inventory.instances.find(({ instance }) => instance === expected.seen.upstream)?.service;
        const what = service === undefined ? [expected.kind] : [`to ${service}`];
        if (expected.seen.copies !== '') what.push('mirrored');
        if (service !== undefined && !expected.seen.body.endsWith(editable.map((name) => String(ask.headers[name])).join()))
          what.push('edited');
        for (const end of what) ends[end] = (ends[end] ?? 0) + 1;
        if (canon(seen) !== canon(expected.seen)) differences.push({ table, ask, expected: expected.seen, seen });
      }
    }
    const { full, failed } = proxy.mirrors();
    expect({ full, failed }).toEqual({ full: 0, failed: 0 });
  });
  return { pairs, ends, differences };
}

function underWay(proxy: Proxy): number {
  const { sent, answered, failed } = proxy.mirrors();
  return sent - answered - failed;
}

const honest: Enforce = (policy, facts) => enforceWith(policy, facts, drawsOf(facts.request.id ?? ''));

test('20,000 requests over HTTP get what the interpreter says: status, answer, instance, tags, edits and copies', async () => {
  const { pairs, ends, differences } = await compare(honest, { tables, seed: 1, stopAtFirst: false });
  expect(differences.slice(0, 1)).toEqual([]);
  expect(pairs).toBe(tables * requestsPerTable);
  // Every end is met often, or the comparison says little.
  for (const end of ['to checkout', 'to fallback', 'to catalog', 'mirrored', 'edited', 'denied', 'limited', 'responded', 'unavailable']) {
    expect({ end, often: (ends[end] ?? 0) > 100 }).toEqual({ end, often: true });
  }
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
    return enforced.answer?.kind === 'denied' ? { ...enforced, applied: [] } : enforced;
  },
  'one bucket for all callers': (policy, facts) => {
    const draws = drawsOf(facts.request.id ?? '');
    return enforceWith(policy, facts, { ...draws, token: (limit) => draws.token?.({ ...limit, bucket: limit.part }) ?? true });
  },
  'of two limits only the first is asked': (policy, facts) => {
    const draws = drawsOf(facts.request.id ?? '');
    let asked_ = false;
    const token = (limit: Limit): boolean => asked_ || ((asked_ = true), draws.token?.(limit) ?? true);
    return enforceWith(policy, facts, { ...draws, token });
  },
  'a limited request goes on': (policy, facts) => {
    const draws = drawsOf(facts.request.id ?? '');
    return enforceWith(policy, facts, { ...draws, token: () => true });
  },
  'a copy of every request': (policy, facts) => {
    const decision = policy.decide(facts);
    const all = decision.mirrors.map((say) => ({ ...say, action: { ...say.action, ppm: 1_000_000 } }));
    return honest({ ...policy, decide: () => ({ ...decision, mirrors: all }) }, facts);
  },
  'no copies': (policy, facts) => ({ ...honest(policy, facts), mirrors: [] }),
  'headers are not taken out': (policy, facts) => {
    const enforced = honest(policy, facts);
    return enforced.edits === null ? enforced : { ...enforced, edits: { ...enforced.edits, remove: [] } };
  },
  'headers are not set': (policy, facts) => {
    const enforced = honest(policy, facts);
    return enforced.edits === null ? enforced : { ...enforced, edits: { ...enforced.edits, set: {} } };
  },
  'an answer without its headers': (policy, facts) => {
    const { answer, ...rest } = honest(policy, facts);
    return { ...rest, answer: answer?.kind === 'responded' ? { ...answer, headers: {} } : answer };
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
