import { spawn } from 'node:child_process';
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestContext } from 'vitest';
import pg from 'pg';
import { openProblem, isLoopback, parseHostPort, readServerPem } from '../../src/runtime/access/listen.ts';
import { serverConfiguration } from '../../src/runtime/access/natsconf.ts';
import { databaseTlsProblem, natsTlsFiles } from '../../src/runtime/access/tls.ts';
import { ensureBusUsers, seedFileOf, usersConfigFile } from '../../src/runtime/access/users.ts';
import { callApi } from '../../src/runtime/apiclient.ts';
import { findBus, openBus } from '../../src/runtime/bus.ts';
import { serveHttp } from '../../src/runtime/http.ts';
import { migrate } from '../../src/runtime/migrate.ts';
import { findNatsServer } from '../../src/runtime/natsserver.ts';
import { freePort } from '../../src/runtime/ports.ts';
import { findDatabase, openDatabase } from '../../src/runtime/postgres.ts';
import { pause } from '../../src/runtime/processes.ts';
import { openStore } from '../../src/runtime/store.ts';
import { cannot, testHome, unwrap, until } from '../conformance/tools.ts';
import { makeCertificates, noOpenssl } from './certificates.ts';
import type { Authority, Pair } from './certificates.ts';

type Certificates = ReturnType<typeof makeCertificates> & {
  readonly ca: Authority;
  readonly other: Authority;
  /** Of 127.0.0.1, of another name, of a client; and one that a stranger's authority made. */
  readonly server: Pair;
  readonly elsewhere: Pair;
  readonly client: Pair;
  readonly stranger: Pair;
};

let certificates: Certificates | string = 'not started';
beforeAll(() => {
  const reason = noOpenssl();
  if (reason !== null) return void (certificates = reason);
  const made = makeCertificates();
  const [ca, other] = [made.authority('flyball-test-ca'), made.authority('other-ca')];
  certificates = {
    ...made,
    ca,
    other,
    server: ca.issue('server', 'IP:127.0.0.1,DNS:localhost'),
    elsewhere: ca.issue('elsewhere', 'DNS:db.example.org'),
    client: ca.issue('flyball', 'DNS:client'),
    stranger: other.issue('stranger', 'IP:127.0.0.1,DNS:localhost'),
  };
});
afterAll(() => void (typeof certificates === 'string' ? undefined : certificates.remove()));
const check = (what: string, run: (c: Certificates, context: TestContext) => Promise<void> | void): void =>
  void test(what, async (context) => (typeof certificates === 'string' ? cannot(context, certificates) : await run(certificates, context)));

describe('NATS over TLS', () => {
  /** A nats-server on the configuration that `flyball auth init` writes. */
  const start = async (server: Pair | null, clientCa: string | null, context: TestContext) => {
    const { home, say, remove } = testHome();
    const binary = await findNatsServer({ env: process.env, logFile: join(home.logs, 'pip.log'), say });
    if (!binary.ok) {
      remove();
      return cannot(context, binary.problem.what);
    }
    unwrap(await ensureBusUsers(home, [{ role: 'engine' }]));
    const port = await freePort();
    const conf = join(home.root, 'nats-server.conf');
    const tls = server === null ? null : { ...server, clientCa };
    writeFileSync(conf, serverConfiguration({ name: 'test', listen: `127.0.0.1:${port}`, usersFile: join('keys', 'nats', 'users.conf'), log: join(home.root, 'log'), jetstream: null, tls })); // prettier-ignore
    expect(readFileSync(usersConfigFile(home), 'utf8')).toContain('nkey: U');
    const child = spawn(binary.value.path, ['-c', conf], { stdio: 'ignore' });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    await until('nats-server is ready', () => {
      expect(child.exitCode).toBeNull();
      try {
        return readFileSync(join(home.root, 'log'), 'utf8').includes('Server is ready');
      } catch {
        return false;
      }
    });
    return {
      join: async (scheme: string, env: NodeJS.ProcessEnv): Promise<string> => {
        const seed = { NATS_NKEY_FILE: seedFileOf(home, { role: 'engine' }) };
        const entry = findBus(home, { NATS_URL: `${scheme}://127.0.0.1:${port}`, ...seed, ...env }, { role: 'engine' });
        if (!entry.ok) return entry.problem.code;
        const bus = await openBus(entry.value, 'member', 'test', { waitMs: 0 });
        if (!bus.ok) return bus.problem.code;
        await bus.value.flush();
        await bus.value.close();
        return 'joined';
      },
      stop: async () => {
        child.kill('SIGTERM');
        await ended;
        remove();
      },
    };
  };

  check('joins whom its CA vouches for, with a certificate of its own where that is wanted, and nobody else', async (c, context) => {
    const nats = await start(c.server, c.ca.cert, context);
    if (nats === undefined) return;
    const mine = { NATS_CA: c.ca.cert, NATS_CERT: c.client.cert, NATS_KEY: c.client.key };
    const tried = {
      'all right': await nats.join('tls', mine),
      'the url does not say tls, the files do': await nats.join('nats', mine),
      'no certificate of ours': await nats.join('tls', { NATS_CA: c.ca.cert }),
      'a certificate of a stranger': await nats.join('tls', { ...mine, NATS_CERT: c.stranger.cert, NATS_KEY: c.stranger.key }),
      'another CA': await nats.join('tls', { ...mine, NATS_CA: c.other.cert }),
      'no CA: the system does not know it': await nats.join('tls', { NATS_CERT: c.client.cert, NATS_KEY: c.client.key }),
      'no setting at all, the server asks for TLS': await nats.join('nats', {}),
    };
    await nats.stop();
    expect(tried).toEqual({
      'all right': 'joined',
      'the url does not say tls, the files do': 'joined',
      'no certificate of ours': 'E-BUS-DOWN',
      'a certificate of a stranger': 'E-BUS-DOWN',
      'another CA': 'E-BUS-DOWN',
      'no CA: the system does not know it': 'E-BUS-DOWN',
      'no setting at all, the server asks for TLS': 'E-BUS-DOWN',
    });
  });

  check('a server with another’s name is refused, and one that offers no TLS where it was asked for', async (c, context) => {
    const named = await start(c.elsewhere, null, context);
    if (named === undefined) return;
    const wrongName = await named.join('tls', { NATS_CA: c.ca.cert });
    await named.stop();
    const plain = await start(null, null, context);
    if (plain === undefined) return;
    const stripped = [await plain.join('tls', {}), await plain.join('nats', { NATS_CA: c.ca.cert }), await plain.join('nats', {})];
    await plain.stop();
    expect([wrongName, ...stripped]).toEqual(['E-BUS-DOWN', 'E-BUS-DOWN', 'E-BUS-DOWN', 'joined']);
  });

  check('Node’s switch that turns verification off turns us off, not the verification', async (c) => {
    const { home, remove } = testHome();
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      const entry = unwrap(findBus(home, { NATS_URL: 'tls://127.0.0.1:1', NATS_CA: c.ca.cert }, { role: 'engine' }));
      expect(await openBus(entry, 'member', 'test', { waitMs: 0 })).toMatchObject({ ok: false, problem: { code: 'E-TLS-UNVERIFIED' } });
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
      remove();
    }
  });

  check('files that are not what they should be are said before anything connects', (c) => {
    const open = join(c.folder, 'open.key');
    copyFileSync(c.client.key, open);
    chmodSync(open, 0o644);
    const codes = [
      { NATS_CA: join(c.folder, 'none.pem') },
      { NATS_CA: c.client.key },
      { NATS_CERT: c.client.cert },
      { NATS_KEY: c.client.key },
      { NATS_CERT: c.client.cert, NATS_KEY: c.client.cert },
      { NATS_CERT: c.client.cert, NATS_KEY: open },
    ].map((env) => natsTlsFiles(env));
    expect(codes.map((r) => (r.ok ? 'ok' : r.problem.code))).toEqual(Array.from({ length: 6 }, () => 'E-TLS'));
    expect(natsTlsFiles({})).toEqual({ ok: true, value: null });
  });
});

describe('Postgres over TLS', () => {
  test.each([
    ['', null],
    ['?sslmode=disable', null],
    ['?sslmode=require', 'E-TLS-UNVERIFIED'],
    ['?sslmode=prefer', 'E-TLS-UNVERIFIED'],
    ['?sslmode=allow', 'E-TLS-UNVERIFIED'],
    ['?sslmode=verify-ca', 'E-TLS-UNVERIFIED'],
    ['?sslmode=no-verify', 'E-TLS-UNVERIFIED'],
    ['?sslmode=verify-full&sslmode=no-verify', 'E-TLS-UNVERIFIED'],
    ['?sslmode=verify-full&uselibpqcompat=true', 'E-TLS-UNVERIFIED'],
    ['?sslmode=verify-full&ssl=0', 'E-TLS-UNVERIFIED'],
    ['?ssl=true', 'E-TLS-UNVERIFIED'],
    ['?ssl=no-verify', 'E-TLS-UNVERIFIED'],
    ['?sslnegotiation=direct', 'E-TLS-UNVERIFIED'],
    ['?sslrootcert=/nowhere', 'E-TLS-UNVERIFIED'],
    ['?sslmode=verify-full', null],
    ['?sslmode=verify-full&sslrootcert=/nowhere', 'E-TLS'],
    ['?sslmode=verify-full&sslcert=/nowhere', 'E-TLS'],
  ])('DATABASE_URL %s: %s', (query, code) => {
    const url = `postgres://u:hidden@db/flyball${query}`;
    expect(databaseTlsProblem(url, {})?.code ?? null).toBe(code);
    const { home, remove } = testHome();
    const found = findDatabase(home, { DATABASE_URL: url });
    remove();
    expect(found.ok ? null : found.problem.code).toBe(code);
    expect(found.ok ? '' : JSON.stringify(found)).not.toContain('hidden');
  });

  test('what the environment says for the url counts too', () => {
    const of = (env: NodeJS.ProcessEnv, query = '') => databaseTlsProblem(`postgres://db/flyball${query}`, env)?.code ?? null;
    expect([of({ PGSSLMODE: 'no-verify' }), of({ PGSSLMODE: 'require' }), of({ PGSSLMODE: 'disable' })]).toEqual(['E-TLS-UNVERIFIED', 'E-TLS-UNVERIFIED', null]); // prettier-ignore
    expect(of({ PGSSLMODE: 'no-verify' }, '?sslmode=verify-full')).toBeNull();
    expect(of({ NODE_TLS_REJECT_UNAUTHORIZED: '0' }, '?sslmode=verify-full')).toBe('E-TLS-UNVERIFIED');
  });

  check('a real server: whom its CA vouches for, and nobody else; with a certificate of ours where that is wanted', async (c, context) => {
    const { home, say, remove } = testHome();
    const opened = await openDatabase({ home, env: {}, say, restart: false });
    if (!opened.ok) {
      remove();
      return cannot(context, opened.problem.what);
    }
    const database = opened.value;
    const admin = new pg.Client({ connectionString: database.url });
    await admin.connect();
    const { rows } = await admin.query<{ data: string }>(`select current_setting('data_directory') as data`);
    const data = rows[0]?.data ?? '';
    const use = async (pair: Pair): Promise<void> => {
      for (const [from, to] of [
        [pair.cert, 'server.crt'],
        [pair.key, 'server.key'],
        [c.ca.cert, 'root.crt'],
      ] as const) {
        // prettier-ignore
        writeFileSync(join(data, to), readFileSync(from), { mode: 0o600 });
        chmodSync(join(data, to), 0o600);
      }
      for (const line of [`ssl_ca_file = 'root.crt'`, `ssl = on`]) await admin.query(`alter system set ${line}`);
      await admin.query('select pg_reload_conf()');
      await until('the server speaks TLS', async () => (await admin.query<{ ssl: string }>('show ssl')).rows[0]?.ssl === 'on');
      await pause(200);
    };
    const url = database.url;
    const full = `${url}?sslmode=verify-full`;
    const join_ = async (text: string): Promise<string> => {
      const found = findDatabase(home, { DATABASE_URL: text });
      if (!found.ok) return found.problem.code;
      const migrated = await migrate(found.value.url);
      if (!migrated.ok) return migrated.problem.code;
      const store = await openStore(found.value);
      if (!store.ok) return store.problem.code;
      await store.value.close();
      return 'joined';
    };
    try {
      const before = await join_(`${full}&sslrootcert=${c.ca.cert}`);
      await use(c.server);
      const tried = {
        'no TLS yet, but asked for': before,
        'all right': await join_(`${full}&sslrootcert=${c.ca.cert}`),
        'another CA': await join_(`${full}&sslrootcert=${c.other.cert}`),
        'no CA: the system does not know it': await join_(full),
        'not verified': await join_(`${url}?sslmode=no-verify`),
      };
      // Certificates of clients, and nothing without TLS.
      writeFileSync(join(data, 'pg_hba.conf'), 'hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n');
      await use(c.server);
      const client = `&sslcert=${c.client.cert}&sslkey=${c.client.key}`;
      const stranger = `&sslcert=${c.stranger.cert}&sslkey=${c.stranger.key}`;
      const wanted = {
        'a certificate of ours': await join_(`${full}&sslrootcert=${c.ca.cert}${client}`),
        'no certificate of ours': await join_(`${full}&sslrootcert=${c.ca.cert}`),
        'a certificate of a stranger': await join_(`${full}&sslrootcert=${c.ca.cert}${stranger}`),
        'no TLS': await join_(url),
      };
      await use(c.elsewhere);
      const wrongName = await join_(`${full}&sslrootcert=${c.ca.cert}${client}`);
      expect({ ...tried, ...wanted, 'another’s name': wrongName }).toEqual({
        'no TLS yet, but asked for': 'E-DB-MIGRATION',
        'all right': 'joined',
        'another CA': 'E-DB-MIGRATION',
        'no CA: the system does not know it': 'E-DB-MIGRATION',
        'not verified': 'E-TLS-UNVERIFIED',
        'a certificate of ours': 'joined',
        'no certificate of ours': 'E-DB-MIGRATION',
        'a certificate of a stranger': 'E-DB-MIGRATION',
        'no TLS': 'E-DB-MIGRATION',
        'another’s name': 'E-DB-MIGRATION',
      });
    } finally {
      await admin.end();
      await database.stop();
      remove();
    }
  });
});

describe('the API over TLS', () => {
  check('its client trusts the CA it was told, and nobody in the clear', async (c) => {
    const tls = unwrap(readServerPem(c.server));
    const api = unwrap(await serveHttp({ fetch: (r) => Response.json({ got: r.headers.get('authorization') }), host: '127.0.0.1', tls }));
    expect(api.url).toMatch(/^https:/);
    const tokenFile = join(c.folder, 'token');
    writeFileSync(tokenFile, 'a-token\n', { mode: 0o600 });
    const ask = async (env: NodeJS.ProcessEnv) => {
      const answer = await callApi({
        method: 'GET',
        path: '/v1/status',
        env: { FLYBALL_URL: api.url, FLYBALL_TOKEN_FILE: tokenFile, ...env },
      });
      return answer.ok ? answer.value.body : answer.problem.code;
    };
    const tried = [
      await ask({ FLYBALL_CA: c.ca.cert }),
      await ask({ FLYBALL_CA: c.other.cert }),
      await ask({}),
      await ask({ FLYBALL_CA: c.ca.cert, NODE_TLS_REJECT_UNAUTHORIZED: '0' }),
      await ask({ FLYBALL_URL: 'http://engine.example.org:1' }),
      await ask({ FLYBALL_URL: 'https://user:hidden@127.0.0.1:1' }),
      await ask({ FLYBALL_CA: c.ca.cert, FLYBALL_TOKEN_FILE: '' }),
    ];
    await api.close();
    expect(tried).toEqual([{ got: 'Bearer a-token' }, 'E-NO-ENGINE', 'E-NO-ENGINE', 'E-TLS-UNVERIFIED', 'E-TLS-UNVERIFIED', 'E-API-URL', 'E-TOKEN']); // prettier-ignore
  });

  check('a certificate with another’s key is a problem, not an exception', async (c) => {
    const tls = { cert: readFileSync(c.server.cert, 'utf8'), key: readFileSync(c.client.key, 'utf8') };
    expect(await serveHttp({ fetch: () => new Response(), tls })).toMatchObject({ ok: false, problem: { code: 'E-TLS' } });
  });
});

describe('a listener beyond this machine', () => {
  test.each(['', '0.0.0.0', '::', '192.0.2.1', 'engine.example.org', '127.0.0.1.example.org', '128.0.0.1', '::ffff:192.0.2.1'])(
    '%j is one',
    (host) => {
      expect(isLoopback(host)).toBe(false);
      expect(openProblem({ host, port: 1, tls: null, insecure: false })?.code).toBe('E-LISTEN-OPEN');
      expect(openProblem({ host, port: 1, tls: { cert: '', key: '' }, insecure: false })).toBeNull();
      expect(openProblem({ host, port: 1, tls: null, insecure: true })).toBeNull();
    },
  );
  test.each(['127.0.0.1', '127.9.9.9', 'localhost', '::1', '[::1]'])('%j is none', (host) => {
    expect(openProblem({ host, port: 1, tls: null, insecure: false })).toBeNull();
  });
  test('HOST:PORT', () => {
    expect(['[::1]:80', 'a.b:1', '0.0.0.0:65535', '::1:80', ':80', 'a', 'a:99999', 'a:-1', '[a:1'].map(parseHostPort)).toEqual([
      { host: '::1', port: 80 }, { host: 'a.b', port: 1 }, { host: '0.0.0.0', port: 65_535 }, null, null, null, null, null, null,
    ]); // prettier-ignore
  });
  test('nothing listens there without TLS unless it was said', async () => {
    expect(await serveHttp({ fetch: () => new Response(), host: '0.0.0.0' })).toMatchObject({
      ok: false,
      problem: { code: 'E-LISTEN-OPEN' },
    });
    const said = unwrap(await serveHttp({ fetch: () => new Response('open'), host: '0.0.0.0', insecure: true }));
    await said.close();
  });
});
