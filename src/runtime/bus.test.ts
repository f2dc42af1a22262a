import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { program } from '../../test/conformance/program.ts';
import { cannot, testHome, until, unwrap } from '../../test/conformance/tools.ts';
import type { TestHome } from '../../test/conformance/tools.ts';
import type { BusUser } from './access/permissions.ts';
import { ensureBusUsers, revokeBusUser, rotateBusUser, seedFileOf, usersConfigFile } from './access/users.ts';
import { findBus, openBus, prepareBus } from './bus.ts';
import { connectNats } from './nats.ts';
import { findNatsServer, startNatsServer } from './natsserver.ts';
import type { NatsServer } from './natsserver.ts';
import { alive, commandOf, gone, signal } from './processes.ts';

vi.setConfig({ testTimeout: 60_000 });

const one: BusUser = { role: 'adapter', target: 'one' };
const homes: TestHome[] = [];
const ends: (() => Promise<void>)[] = [];
const newHome = (): TestHome => {
  const home = testHome();
  homes.push(home);
  return home;
};
/** No nats-server in PATH, none in a cache, no pip. */
const bare = (home: TestHome): NodeJS.ProcessEnv => ({ PATH: '', FLYBALL_CACHE: join(home.home.root, 'cache') });

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  for (const { remove } of homes.splice(0)) remove();
});

describe('which bus', () => {
  test('auto without a nats-server and a way to get one: local, and it says why', async () => {
    const home = newHome();
    const bus = unwrap(await prepareBus({ mode: 'auto', home: home.home, targets: [], env: bare(home), say: home.say }));
    expect(bus.address).toEqual({ kind: 'local', path: join(home.home.sockets, 'bus.sock') });
    expect(home.said.at(-1)).toMatch(/^bus: local, inside the engine \(no nats-server: .*no pip on this machine\)$/);
    expect(unwrap(findBus(home.home, {}, { role: 'engine' }))).toEqual(bus.address);
    const entry = unwrap(findBus(home.home, {}, { role: 'adapter', target: 'a' }));
    const engine = unwrap(await openBus(entry, 'engine', 'engine'));
    const member = unwrap(await openBus(entry, 'member', 'adapter'));
    await until('joined', () => member.state().connected);
    await member.close();
    await engine.close();
    await bus.stop();
    expect(findBus(home.home, {}, { role: 'engine' })).toMatchObject({ ok: false, problem: { code: 'E-BUS-NONE' } });
  });

  test('nats was asked for and cannot be had: a problem, nothing started', async () => {
    const home = newHome();
    const bus = await prepareBus({ mode: 'nats', home: home.home, targets: [], env: bare(home), say: home.say });
    expect(bus).toMatchObject({ ok: false, problem: { code: 'E-INSTALL' } });
  });

  test('local when asked, whatever the machine has', async () => {
    const home = newHome();
    const bus = unwrap(
      await prepareBus({
        mode: 'local',
        home: home.home,
        targets: [],
        env: { ...process.env, NATS_URL: 'nats://127.0.0.1:1' },
        say: home.say,
      }),
    );
    expect(bus.about).toBe('local, inside the engine (as asked)');
    await bus.stop();
  });

  test.each([
    ['nats://u:hidden@127.0.0.1:1', 'E-BUS-DOWN'],
    ['http://u:hidden@h', 'E-BUS-URL'],
    ['nats://', 'E-BUS-URL'],
  ])('NATS_URL %s is not silently replaced: %s', async (url, code) => {
    const home = newHome();
    const bus = await connectNats({ url, name: 'x', waitMs: 300 });
    expect(bus).toMatchObject({ ok: false, problem: { code } });
    expect(JSON.stringify(bus) + home.said.join()).not.toContain('hidden');
  });
});

describe('a nats-server of our own', () => {
  const start = async (home: TestHome): Promise<NatsServer | string> => {
    const binary = await findNatsServer({ env: process.env, logFile: join(home.home.logs, 'pip.log'), say: home.say });
    if (!binary.ok) return binary.problem.what;
    unwrap(await ensureBusUsers(home.home, [{ role: 'engine' }, one]));
    const usersFile = usersConfigFile(home.home);
    const server = unwrap(await startNatsServer({ home: home.home, binary: binary.value, usersFile, say: home.say }));
    ends.push(server.stop);
    return server;
  };

  test('takes only who has a seed of this home, and seeds stand in files of ours and on no command line', async (context) => {
    const home = newHome();
    const server = await start(home);
    if (typeof server === 'string') return cannot(context, server);
    expect(server.url).toMatch(/^nats:\/\/127\.0\.0\.1:\d+$/);
    const stranger = newHome();
    unwrap(await ensureBusUsers(stranger.home, [{ role: 'engine' }]));
    const as = (seedFile: string | null, url = server.url) =>
      connectNats({ url, name: 'x', waitMs: 0, access: { user: one, seedFile, tls: null } });
    for (const [seedFile, url] of [
      [null, server.url],
      [null, server.url.replace('//', '//flyball:guess@')],
      [seedFileOf(stranger.home, { role: 'engine' }), server.url],
    ] as const)
      expect(await as(seedFile, url)).toMatchObject({ ok: false, problem: { code: 'E-BUS-DOWN' } });
    const seedFile = seedFileOf(home.home, one);
    const bus = unwrap(await as(seedFile));
    expect(bus.address).toBe(server.url);
    await bus.close();
    const seed = readFileSync(seedFile, 'utf8').trim();
    expect((statSync(seedFile).mode & 0o777).toString(8)).toBe('600');
    const conf = join(home.home.root, 'nats.conf');
    expect(readFileSync(conf, 'utf8') + readFileSync(usersConfigFile(home.home), 'utf8')).not.toContain(seed);
    expect(commandOf(server.pid())).toContain('nats-server');
    expect(commandOf(server.pid())).not.toContain(seed);
    chmodSync(seedFile, 0o644);
    expect(await as(seedFile)).toMatchObject({
      ok: false,
      problem: { code: 'E-NKEY', what: expect.stringContaining('others can read it') },
    });
    await server.stop();
    expect([alive(server.pid()), existsSync(conf)]).toEqual([false, false]);
    await server.stop();
  });

  test('a user that is rotated comes back with its new seed; one that is revoked does not; one that is issued is let in', async (context) => {
    const home = newHome();
    const server = await start(home);
    if (typeof server === 'string') return cannot(context, server);
    const access = { user: one, seedFile: seedFileOf(home.home, one), tls: null };
    const bus = unwrap(await connectNats({ url: server.url, name: 'x', waitMs: 0, access }));
    let away = 0;
    bus.watch(({ connected }) => (away += connected ? 0 : 1));
    const old = readFileSync(access.seedFile, 'utf8');
    unwrap(await rotateBusUser(home.home, one));
    await until('cut off by the rotation', () => away === 1);
    await until('back with the new seed', () => bus.state().connected);
    expect(readFileSync(access.seedFile, 'utf8')).not.toBe(old);
    const oldFile = join(home.home.root, 'old.seed');
    writeFileSync(oldFile, old, { mode: 0o600 });
    expect(await connectNats({ url: server.url, name: 'x', waitMs: 0, access: { ...access, seedFile: oldFile } })).toMatchObject({
      ok: false,
    });

    const two: BusUser = { role: 'adapter', target: 'two' };
    unwrap(await ensureBusUsers(home.home, [two]));
    const other = unwrap(
      await connectNats({
        url: server.url,
        name: 'y',
        waitMs: 5_000,
        access: { user: two, seedFile: seedFileOf(home.home, two), tls: null },
      }),
    );
    unwrap(await revokeBusUser(home.home, one));
    await until('cut off for good', () => away === 2);
    // The server that takes the other user refuses this one: it does not come back.
    await other.flush();
    expect([bus.state().connected, existsSync(access.seedFile)]).toEqual([false, false]);
    expect(await connectNats({ url: server.url, name: 'x', waitMs: 0, access: { ...access, seedFile: oldFile } })).toMatchObject({
      ok: false,
    });
    await bus.close();
    await other.close();
  });

  test('is started again when it dies', async (context) => {
    const home = newHome();
    const server = await start(home);
    if (typeof server === 'string') return cannot(context, server);
    const access = { user: one, seedFile: seedFileOf(home.home, one), tls: null };
    const bus = unwrap(await connectNats({ url: server.url, name: 'x', waitMs: 0, access }));
    for (let i = 0; i < 2; i++) {
      const killed = server.pid();
      signal(killed, 'SIGKILL');
      await until('away', () => !bus.state().connected);
      await until('another', () => server.pid() !== killed);
      await until('back', () => bus.state().connected);
    }
    await bus.close();
  });

  test('ends when its Flyball is killed', async (context) => {
    const home = newHome();
    const binary = await findNatsServer({ env: process.env, logFile: join(home.home.logs, 'pip.log'), say: home.say });
    if (!binary.ok) return cannot(context, binary.problem.what);
    const child = await program(`
      import { openHome } from '#root/src/runtime/home.ts';
      import { prepareBus } from '#root/src/runtime/bus.ts';
      const say = () => {};
      const home = openHome({ env: process.env, cwd: '/', say });
      const bus = await prepareBus({ mode: 'nats', home: home.value, targets: [], env: process.env, say });
      process.stdout.write(JSON.stringify([bus.value.pid(), bus.value.about]));
      setInterval(() => {}, 1000);`);
    ends.push(async () => child.remove());
    const { NATS_URL: _, ...env } = process.env;
    const parent = spawn(process.execPath, [child.file], {
      env: { ...env, FLYBALL_HOME: home.home.root },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    ends.push(async () => void parent.kill('SIGKILL'));
    const [chunk] = (await once(parent.stdout, 'data')) as [Buffer];
    const [pid, about] = JSON.parse(chunk.toString()) as [number, string];
    expect(about).toMatch(/^nats-server 2\.\d+\.\d+ at nats:\/\/127\.0\.0\.1:\d+ \(.+\)$/);
    const shell = Number(/PPid:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
    expect([alive(pid), alive(shell)]).toEqual([true, true]);
    parent.kill('SIGKILL');
    expect([await gone(pid, 5_000), await gone(shell, 5_000)]).toEqual([true, true]);
  });
});
