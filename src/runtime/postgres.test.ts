import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { program } from '../../test/conformance/program.ts';
import { cannot, testHome, until, unwrap } from '../../test/conformance/tools.ts';
import type { TestHome } from '../../test/conformance/tools.ts';
import { ordinaryAccount } from './postgres/account.ts';
import type { Account } from './postgres/account.ts';
import { findBinaries } from './postgres/binaries.ts';
import { makeCluster, placeIn } from './postgres/cluster.ts';
import { runServer, stopServer } from './postgres/server.ts';
import { findDatabase, openDatabase } from './postgres.ts';
import type { Database } from './postgres.ts';
import { alive, commandOf, gone, signal } from './processes.ts';

// Real processes on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 60_000 });

const opened: Database[] = [];
const homes: TestHome[] = [];
const pids = new Set<number>();

const emptyHome = (): TestHome => {
  const home = testHome();
  homes.push(home);
  return home;
};
/** initdb syncs a thousand files, which takes seconds on a busy disk: most tests begin with a copy of a folder that it made. */
const template = testHome();
const newHome = (): TestHome => {
  const home = emptyHome();
  for (const name of ['postgres', 'postgres.password'])
    cpSync(join(template.home.root, name), join(home.home.root, name), { recursive: true });
  return home;
};
beforeAll(async () => {
  const database = unwrap(await openDatabase({ home: template.home, env: {}, say: template.say }));
  expect(database).toMatchObject({ kind: 'embedded', how: 'started', fresh: true });
  unwrap(await database.stop());
});
afterAll(() => template.remove());
const open = async ({ home, say }: TestHome, restart = false): Promise<Database> => {
  const database = unwrap(await openDatabase({ home, env: {}, say, restart }));
  opened.push(database);
  pids.add(database.pid() ?? 0);
  return database;
};
const ask = async <T extends pg.QueryResultRow>(url: string, text: string): Promise<readonly T[]> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<T>(text)).rows;
  } finally {
    await client.end();
  }
};

afterEach(async () => {
  for (const database of opened.splice(0)) unwrap(await database.stop());
  for (const pid of pids) expect(alive(pid), `process ${pid} is gone`).toBe(false);
  pids.clear();
  for (const { remove } of homes.splice(0)) remove();
});

describe('a server of our own', () => {
  test('starts again at the same port, and keeps what was written', async () => {
    const home = newHome();
    const first = await open(home);
    expect(first).toMatchObject({ kind: 'embedded', how: 'started', fresh: false });
    expect(first.address).toMatch(/^127\.0\.0\.1:\d+\/flyball$/);
    await ask(first.url, 'create table kept as select 42 as n');
    unwrap(await first.stop());
    expect(first.pid()).toBe(null);
    const second = await open(home);
    expect(second).toMatchObject({ how: 'started', fresh: false, address: first.address });
    expect(await ask(second.url, 'select n from kept')).toEqual([{ n: 42 }]);
  });

  test('is durable and for us alone: settings, listeners, files', async () => {
    const home = newHome();
    const { url, address } = await open(home);
    const settings = await ask<{ name: string; setting: string }>(
      url,
      `select name, setting from pg_settings where name in
       ('fsync', 'synchronous_commit', 'full_page_writes', 'listen_addresses', 'unix_socket_directories', 'max_connections') order by name`,
    );
    expect(Object.fromEntries(settings.map(({ name, setting }) => [name, setting]))).toEqual({
      fsync: 'on',
      full_page_writes: 'on',
      listen_addresses: '127.0.0.1',
      max_connections: '20',
      synchronous_commit: 'on',
      unix_socket_directories: '',
    });
    const { root } = home.home;
    const modes = (names: readonly string[]): readonly string[] =>
      names.map((name) => (statSync(join(root, name)).mode & 0o777).toString(8));
    expect(modes(['.', 'postgres', 'postgres.password', 'logs', 'logs/postgres.log'])).toEqual(['700', '700', '600', '700', '600']);
    await expect(ask(`postgres://flyball:wrong@${address}`, 'select 1')).rejects.toThrow(/password/);
    await expect(ask(`postgres://flyball@${address}`, 'select 1')).rejects.toThrow(/password|SASL/);
    // What the command line shows is for everybody to read.
    const { pathname, password } = new URL(url);
    expect(pathname).toBe('/flyball');
    expect(commandOf([...pids][0] ?? 0)).not.toContain(password);
    expect(readdirSync(root).filter((name) => name.startsWith('postgres.'))).toEqual(['postgres.owner', 'postgres.password']);
  });

  test('of several first starts at once one makes it, and only the one that owns it stops it', async () => {
    const home = emptyHome();
    const all = await Promise.all([open(home), open(home), open(home)]);
    expect(all.filter(({ fresh }) => fresh)).toHaveLength(1);
    expect(new Set(all.map(({ url }) => url)).size).toBe(1);
    expect(all.map(({ how }) => how).sort()).toEqual(['shared', 'shared', 'started']);
    for (const database of all.filter(({ how }) => how === 'shared')) unwrap(await database.stop());
    expect(alive(all[0]?.pid() ?? 0)).toBe(true);
    expect(unwrap(findDatabase(home.home, {}))).toEqual({ kind: 'embedded', url: all[0]?.url, address: all[0]?.address });
    for (const database of all) unwrap(await database.stop());
    expect(findDatabase(home.home, {})).toMatchObject({ ok: false, problem: { code: 'E-DB-NONE' } });
  });

  test('starts again at the same port when it dies, as long as it is ours', async () => {
    const home = newHome();
    const { url, pid } = await open(home, true);
    const killed = pid() ?? 0;
    signal(killed, 'SIGKILL');
    await until(
      'another one answers',
      async () =>
        (pid() ?? killed) !== killed &&
        (await ask(url, 'select 1').then(
          () => true,
          () => false,
        )),
    );
    pids.add(pid() ?? 0);
    expect(home.said).toContain('the database ended: starting it again');
  });
});

describe('what an earlier run left behind', () => {
  test('a server whose Flyball was killed is adopted, and stopped as our own', async () => {
    const home = newHome();
    const child = await program(`
      import { openHome } from '#root/src/runtime/home.ts';
      import { openDatabase } from '#root/src/runtime/postgres.ts';
      const home = openHome({ env: process.env, cwd: '/', say: () => {} });
      const database = await openDatabase({ home: home.value, env: {}, say: () => {} });
      process.stdout.write(String(database.value.pid()));
      setInterval(() => {}, 1000);`);
    const parent = spawn(process.execPath, [child.file], {
      env: { ...process.env, FLYBALL_HOME: home.home.root },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const [chunk] = (await once(parent.stdout, 'data')) as [Buffer];
      const orphan = Number(chunk.toString());
      pids.add(orphan);
      // While its owner lives, it is the owner's.
      const shared = await open(home);
      expect([shared.how, shared.pid()]).toEqual(['shared', orphan]);
      parent.kill('SIGKILL');
      await once(parent, 'exit');
      expect(alive(orphan)).toBe(true);
      const adopted = await open(home);
      expect([adopted.how, adopted.pid(), adopted.fresh]).toEqual(['adopted', orphan, false]);
      unwrap(await adopted.stop());
      expect(alive(orphan)).toBe(false);
    } finally {
      parent.kill('SIGKILL');
      child.remove();
    }
  });

  test('after kill -9 of the postmaster the file that names it does no harm, at once or later', async () => {
    const home = newHome();
    for (let i = 0; i < 3; i++) {
      const database = await open(home);
      const pid = database.pid() ?? 0;
      signal(pid, 'SIGKILL');
      await gone(pid, 5_000);
      expect(existsSync(join(home.home.root, 'postgres', 'postmaster.pid'))).toBe(true);
    }
    const { url } = await open(home);
    expect(await ask(url, 'select 1 as n')).toEqual([{ n: 1 }]);
  });

  test('a pid file whose number another program has by now is set aside, not obeyed', async () => {
    const home = newHome();
    const first = await open(home);
    const file = join(home.home.root, 'postgres', 'postmaster.pid');
    const lines = readFileSync(file, 'utf8').split('\n');
    signal(Number(lines[0]), 'SIGKILL');
    await gone(Number(lines[0]), 5_000);
    unwrap(await first.stop());
    writeFileSync(file, [process.pid, ...lines.slice(1)].join('\n'));
    const { url } = await open(home);
    expect(await ask(url, 'select 1 as n')).toEqual([{ n: 1 }]);
    expect(home.said.join()).toMatch(/postmaster\.pid names process \d+, which is ".+" now: file set aside/);
    expect(readdirSync(join(home.home.root, 'postgres')).filter((name) => name.startsWith('postmaster.pid.reused-'))).toHaveLength(1);
  });

  test('a data folder copied while its server runs is not mistaken for the running one', async () => {
    const [one, two] = [newHome(), emptyHome()];
    const first = await open(one);
    await ask(first.url, 'checkpoint');
    for (const name of ['postgres', 'postgres.password']) cpSync(join(one.home.root, name), join(two.home.root, name), { recursive: true });
    const second = await open(two);
    expect(second.pid()).not.toBe(first.pid());
    expect(await ask(second.url, `select current_setting('data_directory') as d`)).toEqual([{ d: join(two.home.root, 'postgres') }]);
  });

  test('a data folder that was never finished is made anew', async () => {
    const home = emptyHome();
    mkdirSync(join(home.home.root, 'postgres.new-1', 'base'), { recursive: true });
    writeFileSync(join(home.home.root, 'postgres.new-1', 'PG_VERSION'), '18\n');
    expect((await open(home)).fresh).toBe(true);
    expect(existsSync(join(home.home.root, 'postgres.new-1'))).toBe(false);
  });

  test('when its port was taken meanwhile, it takes another', async () => {
    const home = newHome();
    const first = await open(home);
    unwrap(await first.stop());
    const port = Number(/:(\d+)\//.exec(first.address)?.[1]);
    const squatter = createServer().listen(port, '127.0.0.1');
    await once(squatter, 'listening');
    const second = await open(home);
    expect(second.address).not.toBe(first.address);
    squatter.close();
  });
});

describe('what cannot work says so', () => {
  test('data of another version, a lost password, a wrong one', async () => {
    const home = newHome();
    const { root } = home.home;
    const database = await open(home);
    const right = readFileSync(join(root, 'postgres.password'));
    const again = (): ReturnType<typeof openDatabase> => openDatabase({ home: home.home, env: {}, say: home.say });
    writeFileSync(join(root, 'postgres.password'), 'wrong');
    expect(await again()).toMatchObject({ ok: false, problem: { code: 'E-DB-PASSWORD' } });
    writeFileSync(join(root, 'postgres.password'), right);
    unwrap(await database.stop());
    rmSync(join(root, 'postgres.password'));
    expect(await again()).toMatchObject({ ok: false, problem: { code: 'E-DB-PASSWORD' } });
    expect(existsSync(join(root, 'postgres.password'))).toBe(false);
    writeFileSync(join(root, 'postgres', 'PG_VERSION'), '17\n');
    expect(await again()).toMatchObject({ ok: false, problem: { code: 'E-DB-VERSION' } });
  });

  test('a server that ends at once: its own words, and no long wait', async () => {
    const home = newHome();
    unwrap(await (await open(home)).stop());
    writeFileSync(join(home.home.root, 'postgres', 'postgresql.conf'), 'no_such_setting = 1\n');
    const result = await openDatabase({ home: home.home, env: {}, say: home.say });
    expect(result).toMatchObject({ ok: false, problem: { code: 'E-DB-START' } });
    expect(result.ok ? '' : result.problem.what).toContain('no_such_setting');
  });

  test('DATABASE_URL is used as it is, and its password is shown nowhere', async () => {
    const database = await openDatabase({
      home: template.home,
      env: { DATABASE_URL: 'postgres://u:p@db.example:99/d' },
      say: template.say,
    });
    expect(database).toMatchObject({ ok: true, value: { kind: 'external', address: 'db.example:99/d', how: 'external', fresh: false } });
  });

  test.each(['mysql://a:hidden@h/d', 'postgres://', 'hidden', 'postgres://u:hidden@[/d'])('DATABASE_URL "%s" is none', async (url) => {
    const result = await openDatabase({ home: template.home, env: { DATABASE_URL: url }, say: template.say });
    expect(result).toMatchObject({ ok: false, problem: { code: 'E-DB-URL' } });
    expect(JSON.stringify(result)).not.toContain('hidden');
  });

  test('root, or a user without a name, without any way to be somebody else', () => {
    for (const self of [
      { uid: 0, named: true },
      { uid: 1_000, named: false },
    ])
      expect(ordinaryAccount(self, () => false)).toMatchObject({ ok: false, problem: { code: 'E-DB-USER' } });
    expect(unwrap(ordinaryAccount({ uid: 1_000, named: true }, () => false)).prefix).toEqual([]);
    expect(unwrap(ordinaryAccount({ uid: 1_000, named: false }, () => true))).toMatchObject({ how: 'user namespace', owner: null });
  });
});

test('as root: the same data works in a user namespace and as user nobody, whichever this machine allows by then', async (context) => {
  if (process.getuid?.() !== 0) return cannot(context, 'needs root');
  const ways: Account[] = [];
  ordinaryAccount({ uid: 0, named: true }, (account) => {
    ways.push(account);
    return false;
  });
  for (const account of ways) if (!worksHere(account)) return cannot(context, `no ${account.how} here`);
  const { home, say } = newHome();
  const place = placeIn(home.root);
  const binaries = unwrap(findBinaries(place.libraries));
  for (const account of [...ways, ...ways]) {
    const start = { place, binaries, account, say };
    unwrap(await makeCluster(start));
    const { pid } = unwrap(await runServer(start));
    pids.add(pid);
    unwrap(await stopServer(pid));
  }
});

/** One way of running is asked for alone. */
function worksHere(wanted: Account): boolean {
  const [command = '', ...words] = wanted.prefix;
  return spawnSync(command, [...words, 'true']).status === 0;
}
