import { chmodSync, readFileSync, rmSync, statSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { routes } from '../../src/api/routes.ts';
import { routeRoles } from '../../src/api/roles.ts';
import { tokensOf } from '../../src/api/tokens.ts';
import type { EngineHandle } from '../../src/engine/handle.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { makeGate, wrongTokenEveryMs, wrongTokensMax } from '../../src/runtime/access/gate.ts';
import { roles } from '../../src/runtime/access/roles.ts';
import type { Role } from '../../src/runtime/access/roles.ts';
import { hashOf, makeToken, revokeToken, rotateToken, tokensFile } from '../../src/runtime/access/tokens.ts';
import { apiToken } from '../../src/runtime/home.ts';
import { testHome, unwrap } from '../conformance/tools.ts';
import type { TestHome } from '../conformance/tools.ts';

/** Written by hand, not from the code: which role may use which routes. */
const reads: readonly Role[] = ['viewer', 'author', 'operator', 'admin'];
const mayUse: Readonly<Record<string, readonly Role[]>> = {
  'GET /v1/status': reads,
  'GET /v1/tables': reads,
  'GET /v1/why/:subject': reads,
  'GET /v1/rules': reads,
  'GET /v1/rules/:name/history': reads,
  'GET /v1/events': reads,
  'GET /v1/overrides': reads,
  'POST /v1/rules': ['author', 'admin'],
  'DELETE /v1/rules/:name': ['author', 'admin'],
  'POST /v1/rules/:name/resume': ['operator', 'admin'],
  'POST /v1/resume-restored': ['operator', 'admin'],
  'POST /v1/overrides': ['operator', 'admin'],
  'POST /v1/overrides/lift': ['operator', 'admin'],
  'GET /v1/tokens': ['admin'],
  'POST /v1/tokens': ['admin'],
  'DELETE /v1/tokens/:name': ['admin'],
};

const bodies: Readonly<Record<string, unknown>> = {
  'POST /v1/rules': { text: 'rule: x', file: 'x/rule.yaml', author: 'somebody-else' },
  'DELETE /v1/rules/:name': { author: 'somebody-else' },
  'POST /v1/rules/:name/resume': { author: 'somebody-else' },
};

const startMs = Date.UTC(2026, 0, 1);
const dayMs = 24 * 3_600_000;
let home: TestHome;
let nowMs = startMs;
/** What the engine was asked to do, and in whose name. */
let done: { readonly what: string; readonly author: string }[] = [];
beforeEach(() => {
  home = testHome();
  nowMs = startMs;
  done = [];
});
afterEach(() => home.remove());

const clock: Clock = { now: () => nowMs + 0.25, monotonic: () => nowMs, after: () => () => undefined, each: () => () => undefined };
const revision = { name: 'x', revision: 1, at: 0, author: '', reason: '', text: null } as never;
const engine = {
  status: () => ({}),
  tables: () => [],
  why: async () => [],
  rules: async () => [],
  history: async () => [],
  events: async () => [],
  saveRule: async ({ author }: { readonly author: string }) => {
    done.push({ what: 'save', author });
    return { ok: true, value: { revision, changed: true, warnings: [] } };
  },
  removeRule: async ({ author }: { readonly author: string }) => {
    done.push({ what: 'remove', author });
    return { ok: true, value: { revision, changed: true, warnings: [] } };
  },
  resume: ({ author }: { readonly author: string }) => {
    done.push({ what: 'resume', author });
    return { ok: true, value: [] };
  },
  resumeRestored: async ({ author }: { readonly author: string }) => {
    done.push({ what: 'resume --restored', author });
    return { ok: true, value: [] };
  },
  leads: () => true,
} as unknown as EngineHandle;

function start() {
  const gate = makeGate({ home: home.home, homeToken: unwrap(apiToken(home.home)), clock });
  const make = (local: boolean) => routes({ engine, gate, tokens: tokensOf({ home: home.home, clock, say: home.say }), local });
  const [here, there] = [make(true), make(false)];
  const ask = async (of: {
    readonly method?: string;
    readonly path: string;
    readonly token?: string | undefined;
    readonly body?: unknown;
    readonly local?: boolean;
    readonly address?: string;
  }) => {
    const { method = 'GET', path, token, body, local = false, address = '192.0.2.1' } = of;
    const request = new Request(`http://engine${path}`, {
      method,
      ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const response = await (local ? here : there).fetch(request, { address });
    const answer = (await response.json()) as { readonly problems?: readonly { readonly code: string }[] };
    return { status: response.status, code: answer.problems?.[0]?.code ?? null, answer };
  };
  return { app: there, ask };
}

const tokenOf = async (name: string, role: Role, days = 90): Promise<string> =>
  unwrap(await makeToken(home.home, { name, role, days, by: 'test' }, nowMs)).token;

describe('routes and roles', () => {
  test('every route has a role, every role of the table a route', () => {
    const there = start().app.routes.filter(({ method }) => method !== 'ALL').map(({ method, path }) => `${method} ${path}`); // prettier-ignore
    expect(there.length).toBeGreaterThan(10);
    expect([...new Set(there)].filter((route) => !Object.hasOwn(routeRoles, route))).toEqual([]);
    expect(Object.keys(routeRoles).filter((route) => !there.includes(route))).toEqual([]);
    expect(Object.keys(mayUse).toSorted()).toEqual(Object.keys(routeRoles).toSorted());
  });

  test('a route that somebody adds without a role is refused to everybody', async () => {
    const { app } = start();
    app.get('/v1/forgotten', (c) => c.json({}));
    const tokens = [await tokenOf('root', 'admin'), await tokenOf('eve', 'viewer')];
    for (const token of tokens) {
      const response = await app.fetch(new Request('http://engine/v1/forgotten', { headers: { authorization: `Bearer ${token}` } }), {
        address: 'x',
      });
      expect(response.status).toBe(403);
    }
  });

  test('the matrix: each route with each role, and without one', async () => {
    const { ask } = start();
    const tokens = new Map<string, string | undefined>([['nobody', undefined], ['stranger', 'flyball_000000000000_'.padEnd(64, 'x')]]); // prettier-ignore
    for (const role of roles) tokens.set(role, await tokenOf(`a-${role}`, role));
    const wrong: string[] = [];
    let [asked, let_in] = [0, 0];
    for (const route of Object.keys(mayUse)) {
      const [method = '', pattern = ''] = route.split(' ');
      for (const [who, token] of tokens) {
        const body = method === 'GET' ? undefined : (bodies[route] ?? {});
        const before = done.length;
        const { status, code } = await ask({ method, path: pattern.replace(/:\w+/, 'x'), token, body, address: who });
        const may = roles.some((role) => role === who && mayUse[route]?.includes(role));
        const known = roles.some((role) => role === who);
        // Past the gate a route may still say no to what it was asked (400, 422): that is not the gate's no.
        const right = may ? ![401, 403, 429].includes(status) : status === (known ? 403 : 401) && code === (known ? 'E-ROLE' : 'E-AUTH');
        if (!right) wrong.push(`${who} ${route}: ${status} ${code ?? ''}`);
        if (!may && done.length !== before) wrong.push(`${who} ${route}: refused, but it was done`);
        asked++;
        if (may) let_in++;
      }
    }
    console.log(`API: ${asked} requests of ${tokens.size} callers tried, ${let_in} let in, ${asked - let_in} refused`);
    expect(wrong).toEqual([]);
    expect([asked, let_in]).toEqual([16 * 6, 7 * 4 + 6 * 2 + 3 * 1]);
  });

  test('the author is the token’s name whatever the client says; the owner of the home says it', async () => {
    const { ask } = start();
    const [author, operator] = [await tokenOf('maria', 'author'), await tokenOf('ops-bot', 'operator')];
    const own = unwrap(apiToken(home.home));
    for (const [route, body] of Object.entries(bodies)) {
      const [method = '', pattern = ''] = route.split(' ');
      const path = pattern.replace(':name', 'x');
      await ask({ method, path, body, token: route.endsWith('resume') ? operator : author });
      await ask({ method, path, body, token: own, local: true });
    }
    expect(done).toEqual([
      { what: 'save', author: 'maria' },
      { what: 'save', author: 'somebody-else' },
      { what: 'remove', author: 'maria' },
      { what: 'remove', author: 'somebody-else' },
      { what: 'resume', author: 'ops-bot' },
      { what: 'resume', author: 'somebody-else' },
    ]);
  });
});

describe('tokens', () => {
  test('are shown once and kept hashed, in a file that only we can read', async () => {
    const token = await tokenOf('maria', 'author');
    const kept = readFileSync(tokensFile(home.home), 'utf8');
    expect(kept).not.toContain(token.slice(21));
    expect(kept).toContain(hashOf(token));
    expect((statSync(tokensFile(home.home)).mode & 0o777).toString(8)).toBe('600');
    const { ask } = start();
    const listed = await ask({ path: '/v1/tokens', token: await tokenOf('root', 'admin') });
    expect(listed.answer).toMatchObject([{ name: 'maria', role: 'author', by: 'test', expires: startMs + 90 * dayMs }, { name: 'root' }]);
    expect(JSON.stringify(listed.answer)).not.toContain(hashOf(token));
  });

  test('expire, are revoked and rotated, each at the next request', async () => {
    const { ask } = start();
    const status = async (token: string) => (await ask({ path: '/v1/status', token })).status;
    const [short, long] = [await tokenOf('short', 'viewer', 1), await tokenOf('long', 'viewer', 2)];
    expect([await status(short), await status(long)]).toEqual([200, 200]);
    nowMs = startMs + dayMs - 1;
    expect(await status(short)).toBe(200);
    nowMs = startMs + dayMs;
    expect([await status(short), await status(long)]).toEqual([401, 200]);
    const { token: fresh } = unwrap(await rotateToken(home.home, { name: 'long', days: 5, by: 'test' }, nowMs));
    expect([await status(long), await status(fresh)]).toEqual([401, 200]);
    unwrap(await revokeToken(home.home, 'long'));
    expect(await status(fresh)).toBe(401);
    expect(await revokeToken(home.home, 'long')).toMatchObject({ ok: false, problem: { code: 'E-TOKEN-NONE' } });
  });

  test('an admin makes and revokes them over the API, in its own name', async () => {
    const { ask } = start();
    const token = await tokenOf('root', 'admin');
    const made = await ask({
      method: 'POST',
      path: '/v1/tokens',
      token,
      body: { name: 'new', role: 'viewer', days: 3, author: 'another' },
    });
    expect(made.answer).toMatchObject({ name: 'new', role: 'viewer', by: 'root', expires: startMs + 3 * dayMs });
    const fresh = (made.answer as { readonly token: string }).token;
    expect((await ask({ path: '/v1/status', token: fresh })).status).toBe(200);
    for (const body of [
      { name: 'new', role: 'viewer' },
      { name: 'engine', role: 'viewer' },
      { name: 'a b', role: 'viewer' },
      { name: 'y', role: 'viewer', days: 0 },
    ])
      // prettier-ignore
      expect(await ask({ method: 'POST', path: '/v1/tokens', token, body })).toMatchObject({ status: 422, code: 'E-TOKEN-NAME' });
    expect(await ask({ method: 'POST', path: '/v1/tokens', token, body: { name: 'y', role: 'root' } })).toMatchObject({ status: 400 });
    expect((await ask({ method: 'DELETE', path: '/v1/tokens/new', token })).status).toBe(200);
    expect((await ask({ path: '/v1/status', token: fresh })).status).toBe(401);
    expect(home.said).toEqual(['token new (viewer) made by root', 'token new revoked']);
  });

  test('the home’s own token counts on this machine’s listener and on no other', async () => {
    const { ask } = start();
    const token = unwrap(apiToken(home.home));
    expect(await ask({ path: '/v1/tokens', token, local: true })).toMatchObject({ status: 200 });
    expect(await ask({ path: '/v1/status', token })).toMatchObject({ status: 401, code: 'E-AUTH' });
  });

  test('a file of tokens that is broken or open to others lets nobody in but the owner', async () => {
    const { ask } = start();
    const token = await tokenOf('root', 'admin');
    expect((await ask({ path: '/v1/status', token })).status).toBe(200);
    chmodSync(tokensFile(home.home), 0o644);
    expect(await ask({ path: '/v1/status', token })).toMatchObject({ status: 503, code: 'E-TOKENS' });
    expect((await ask({ path: '/v1/status', token: unwrap(apiToken(home.home)), local: true })).status).toBe(200);
    rmSync(tokensFile(home.home));
    expect((await ask({ path: '/v1/status', token })).status).toBe(401);
  });

  test('wrong ones are bounded for each address, and nobody locks the owner out', async () => {
    const { ask } = start();
    const [right, own] = [await tokenOf('maria', 'viewer'), unwrap(apiToken(home.home))];
    const guess = (address: string, local = false) => ask({ path: '/v1/status', token: `${right.slice(0, -1)}~`, address, local });
    for (let i = 0; i < wrongTokensMax; i++) expect([i, (await guess('192.0.2.7')).status]).toEqual([i, 401]);
    // From here on nothing is compared: even the right one waits.
    expect(await guess('192.0.2.7')).toMatchObject({ status: 429, code: 'E-AUTH-RATE' });
    expect((await ask({ path: '/v1/status', token: right, address: '192.0.2.7' })).status).toBe(429);
    expect((await ask({ path: '/v1/status', token: right, address: '192.0.2.8' })).status).toBe(200);
    // One more each second.
    nowMs += wrongTokenEveryMs;
    expect([(await guess('192.0.2.7')).status, (await guess('192.0.2.7')).status]).toEqual([401, 429]);
    nowMs += wrongTokensMax * wrongTokenEveryMs;
    expect((await ask({ path: '/v1/status', token: right, address: '192.0.2.7' })).status).toBe(200);
    for (let i = 0; i <= wrongTokensMax; i++) await guess('127.0.0.1', true);
    expect((await guess('127.0.0.1', true)).status).toBe(429);
    expect((await ask({ path: '/v1/status', token: own, address: '127.0.0.1', local: true })).status).toBe(200);
  });

  test('texts that are no tokens are wrong, not errors', async () => {
    const { ask } = start();
    const right = await tokenOf('maria', 'viewer');
    const odd = ['x', right.slice(0, 21), `${right}=`, right.toUpperCase(), right.replaceAll('_', '-'), `flyball__${'a'.repeat(43)}`, 'a'.repeat(5_000), 'null', '[]']; // prettier-ignore
    for (const [i, token] of odd.entries()) expect([token.slice(0, 30), (await ask({ path: '/v1/status', token, address: `odd${i}` })).status]).toEqual([token.slice(0, 30), 401]); // prettier-ignore
    expect((await ask({ path: '/v1/status', token: right })).status).toBe(200);
  });
});
