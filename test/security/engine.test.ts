import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { findBus, openBus, prepareBus } from '../../src/runtime/bus.ts';
import { engineKeys } from '../../src/runtime/keys.ts';
import { findNatsServer } from '../../src/runtime/natsserver.ts';
import { commandFile } from '../../src/runtime/package.ts';
import { freePort } from '../../src/runtime/ports.ts';
import { openDatabase } from '../../src/runtime/postgres.ts';
import { cannot, testHome, unwrap, until } from '../conformance/tools.ts';
import { makeCertificates, noOpenssl } from './certificates.ts';
import { flyball } from './command.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

const ruleText = `rule: watched
why: a rule that never fires, to be saved and removed
owner: test
over: rpc
by: [destination.service]
window: 10s
when: count() > 1000000
until: count() < 10
then:
  - avoid: { match: 'destination.service == key.destination.service', instance: '"c1"', percent: 50 }
mode: shadow
`;

test('from elsewhere, over TLS, each token does what its role says, and the audit has its name', async (context) => {
  const reason = noOpenssl();
  if (reason !== null) return cannot(context, reason);
  const certificates = makeCertificates();
  ends.push(certificates.remove);
  const ca = certificates.authority('test-ca');
  const server = ca.issue('engine', 'IP:127.0.0.1');
  const { home, say, remove } = testHome();
  ends.push(remove);
  const database = await openDatabase({ home, env: {}, say, restart: false });
  if (!database.ok) return cannot(context, database.problem.what);
  ends.push(database.value.stop);
  const bus = unwrap(await prepareBus({ mode: 'local', home, targets: [], env: {}, say }));
  ends.push(bus.stop);

  const own = { FLYBALL_HOME: home.root };
  const engine = spawn(process.execPath, [commandFile(), 'engine', '--listen', '127.0.0.1:0', '--tls-cert', server.cert, '--tls-key', server.key], {
    env: { ...process.env, ...own },
    stdio: ['ignore', 'ignore', 'pipe'],
  }); // prettier-ignore
  const said: string[] = [];
  engine.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString('utf8')));
  ends.push(async () => {
    engine.kill('SIGTERM');
    if (engine.exitCode === null) await once(engine, 'exit');
  });
  const urlOf = (): string | undefined => /API for others at (https:\S+)/.exec(said.join(''))?.[1];
  await until('the engine listens', () => {
    if (engine.exitCode !== null) throw new Error(said.join(''));
    return urlOf() !== undefined && said.join('').includes('API at http://127.0.0.1:');
  }, 60_000); // prettier-ignore

  // Somebody else's machine: another home, without an engine.
  const away = join(certificates.folder, 'away');
  const as = async (name: string, role: string) => {
    const made = await flyball(['auth', 'token', role, '--name', name], own);
    expect([made.code, made.stdout]).toEqual([0, expect.stringMatching(/^flyball_\w{12}_[\w-]{43}\n$/)]);
    const file = join(certificates.folder, `${name}.token`);
    writeFileSync(file, made.stdout, { mode: 0o600 });
    return { FLYBALL_HOME: away, FLYBALL_URL: urlOf() ?? '', FLYBALL_TOKEN_FILE: file, FLYBALL_CA: ca.cert };
  };
  const [viewer, author, operator] = [await as('vera', 'viewer'), await as('anna', 'author'), await as('otto', 'operator')];
  mkdirSync(join(certificates.folder, 'watched'));
  const rule = join(certificates.folder, 'watched', 'rule.yaml');
  writeFileSync(rule, ruleText);
  const nobodys = join(certificates.folder, 'nobodys.token');
  writeFileSync(nobodys, `flyball_000000000000_${'x'.repeat(43)}\n`);
  const codes = {
    'vera looks': (await flyball(['status', '-o', 'name'], viewer)).code,
    'vera applies': (await flyball(['rule', 'apply', rule], viewer)).stderr,
    'otto applies': (await flyball(['rule', 'apply', rule], operator)).stderr,
    'anna applies': (await flyball(['rule', 'apply', rule, '--author', 'somebody-else'], author)).code,
    'anna resumes': (await flyball(['resume', 'watched'], author)).stderr,
    'otto resumes': (await flyball(['resume', 'watched'], operator)).stderr,
    'nobody looks': (await flyball(['status'], { ...viewer, FLYBALL_TOKEN_FILE: nobodys })).stderr,
    'the owner’s token from elsewhere': (await flyball(['status'], { ...viewer, FLYBALL_TOKEN_FILE: home.tokenFile })).stderr,
    'no token in the file': (await flyball(['status'], { ...viewer, FLYBALL_TOKEN_FILE: rule })).stderr,
    'another CA': (await flyball(['status'], { ...viewer, FLYBALL_CA: server.cert })).code,
  };
  expect(codes).toEqual({
    'vera looks': 0,
    'vera applies': expect.stringMatching(/E-ROLE .*author/),
    'otto applies': expect.stringMatching(/E-ROLE .*author/),
    'anna applies': 0,
    'anna resumes': expect.stringMatching(/E-ROLE .*operator/),
    'otto resumes': expect.stringMatching(/E-RESUME-NONE/),
    'nobody looks': expect.stringMatching(/E-AUTH /),
    'the owner’s token from elsewhere': expect.stringMatching(/E-AUTH /),
    'no token in the file': expect.stringMatching(/the token is not one/),
    'another CA': 2,
  });
  const history = await flyball(['rule', 'history', 'watched', '-o', 'json'], own);
  expect((JSON.parse(history.stdout) as { readonly author: string }[]).map(({ author: by }) => by)).toEqual(['anna']);
  // The owner of the home says who they are, and takes a token away: at the next request it is refused.
  const removed = await flyball(['rule', 'apply', '--remove', 'watched', '--author', 'the-owner'], own);
  expect([removed.code, (await flyball(['auth', 'revoke', 'token', 'vera'], own)).code]).toEqual([0, 0]);
  expect((await flyball(['status'], viewer)).stderr).toMatch(/E-AUTH /);
  const after = await flyball(['rule', 'history', 'watched', '-o', 'json'], operator);
  expect((JSON.parse(after.stdout) as { readonly author: string }[]).map(({ author: by }) => by)).toEqual(['anna', 'the-owner']);
  const listed = JSON.parse((await flyball(['auth', 'ls', '-o', 'json'], own)).stdout) as { readonly tokens: { readonly name: string }[] };
  expect(listed.tokens.map(({ name }) => name)).toEqual(['anna', 'otto']);
  expect(said.join('')).not.toContain(readFileSync(author.FLYBALL_TOKEN_FILE, 'utf8').trim());
});

test('a nats-server on what auth init wrote: an adapter started by hand joins with its own seed, and another’s is refused aloud', async (context) => {
  const { home, say, remove } = testHome();
  ends.push(remove);
  const binary = await findNatsServer({ env: process.env, logFile: join(home.logs, 'pip.log'), say });
  if (!binary.ok) return cannot(context, binary.problem.what);
  const port = await freePort();
  const init = await flyball(['auth', 'init', 'a-1', 'b-2', '--listen', `127.0.0.1:${port}`], { FLYBALL_HOME: home.root });
  expect([init.code, init.stderr]).toEqual([0, expect.stringContaining('nats-server.conf')]);
  const server = spawn(binary.value.path, ['-c', join(home.root, 'nats-server.conf')], { stdio: 'ignore' });
  ends.push(async () => {
    server.kill('SIGTERM');
    if (server.exitCode === null) await once(server, 'exit');
  });
  unwrap(engineKeys(home.keys));
  // Another machine: its own home, the seed and the engine's public key brought along.
  const away = testHome();
  ends.push(away.remove);
  const seed = join(away.home.root, 'a-1.seed');
  writeFileSync(seed, readFileSync(join(home.keys, 'nats', 'adapter.a-1.seed')), { mode: 0o600 });
  const adapter = async (target: string, env: NodeJS.ProcessEnv, enough: (lines: string) => boolean): Promise<string> => {
    const args = [
      'adapter',
      'builtin',
      `--target=${target}`,
      '--set=service=x',
      '--set=listen=127.0.0.1:0',
      `--key=${join(home.keys, 'engine.pub')}`,
    ];
    const child = spawn(process.execPath, [commandFile(), ...args], {
      env: { ...process.env, FLYBALL_HOME: away.home.root, NATS_URL: `nats://127.0.0.1:${port}`, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const lines: string[] = [];
    child.stderr.on('data', (chunk: Buffer) => lines.push(chunk.toString('utf8')));
    const exited = once(child, 'exit');
    await until(`${target} has said enough`, () => enough(lines.join('')) || child.exitCode !== null, 30_000);
    child.kill('SIGTERM');
    await exited;
    return lines.join('');
  };
  // What an adapter says first on the bus, heard by whoever has the engine's seed.
  const entry = unwrap(findBus(home, { NATS_URL: `nats://127.0.0.1:${port}` }, { role: 'engine' }));
  const bus = unwrap(await openBus(entry, 'member', 'test'));
  ends.push(bus.close);
  const heard: string[] = [];
  bus.subscribe('flyball.v1.announce.*', ({ subject }) => heard.push(subject));
  await bus.flush();
  const mine = await adapter('a-1', { NATS_NKEY_FILE: seed }, () => heard.length > 0);
  expect(mine).not.toMatch(/NATS refuses/);
  expect(await adapter('b-2', { NATS_NKEY_FILE: seed }, (lines) => lines.includes('announce.b-2'))).toMatch(
    /NATS refuses: .*flyball\.v1\.\w+\.b-2.*flyball auth ls/,
  );
  expect(await adapter('a-1', {}, (lines) => lines.includes('E-'))).toMatch(/E-BUS-DOWN/);
  expect(new Set(heard)).toEqual(new Set(['flyball.v1.announce.a-1']));
});

test('auth init: credentials for each, once; issued, rotated and revoked', async () => {
  const { home, remove } = testHome();
  ends.push(remove);
  const own = { FLYBALL_HOME: home.root };
  const first = await flyball(['auth', 'init', 'a-1', 'b-2', '-o', 'json'], own);
  expect([first.code, (JSON.parse(first.stdout) as { readonly user: string }[]).map(({ user }) => user)]).toEqual([0, ['engine', 'adapter.a-1', 'adapter.b-2']]); // prettier-ignore
  const seed = join(home.keys, 'nats', 'adapter.a-1.seed');
  const before = readFileSync(seed, 'utf8');
  expect((statSync(seed).mode & 0o777).toString(8)).toBe('600');
  expect(before).toMatch(/^SU[A-Z2-7]{56}\n$/);
  const again = await flyball(['auth', 'init', 'a-1', 'c-3', '-o', 'name'], own);
  expect([again.code, again.stdout, readFileSync(seed, 'utf8')]).toEqual([0, 'adapter.c-3\n', before]);
  const other = await flyball(['auth', 'init', '--listen', '127.0.0.1:4333'], own);
  expect([other.code, other.stderr]).toEqual([2, expect.stringContaining('E-AUTH-THERE')]);
  const users = readFileSync(join(home.keys, 'nats', 'users.conf'), 'utf8');
  expect([users.match(/nkey: U[A-Z2-7]{55}/g)?.length, users.includes(before.trim())]).toEqual([4, false]);
  const codes = [
    ['auth', 'issue', 'adapter', 'd-4'],
    ['auth', 'issue', 'adapter', 'd-4'],
    ['auth', 'issue', 'adapter', 'all'],
    ['auth', 'issue', 'adapter', '../x'],
    ['auth', 'rotate', 'adapter', 'a-1'],
    ['auth', 'rotate', 'adapter', 'zz'],
    ['auth', 'revoke', 'adapter', 'b-2'],
    ['auth', 'revoke', 'adapter', 'b-2'],
    ['auth', 'token', 'root', '--name', 'x'],
    ['auth', 'token', 'viewer'],
  ];
  const ran: (number | null)[] = [];
  for (const args of codes) ran.push((await flyball(args, own)).code);
  expect(ran).toEqual([0, 1, 2, 2, 0, 1, 0, 1, 2, 2]);
  expect(readFileSync(seed, 'utf8')).not.toBe(before);
  const names = (await flyball(['auth', 'ls', '-o', 'name'], own)).stdout.trim().split('\n').toSorted();
  expect(names).toEqual(['adapter.a-1', 'adapter.c-3', 'adapter.d-4', 'engine']);
});
