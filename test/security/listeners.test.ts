import { lstatSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { tmpdir } from 'node:os';
import { shop } from '../../connectors/shop/network.ts';
import { cannot } from '../conformance/tools.ts';
import { start } from '../scenario/process.ts';
import type { Running } from '../scenario/process.ts';
import { flyball } from './command.ts';

const upMsMax = 120_000;
let running: Running | null = null;
afterEach(async () => {
  await running?.stop();
  running = null;
});

/** What the kernel says of one listening socket: who has it and where. */
type Listener = { readonly pid: number; readonly command: string; readonly address: string; readonly port: number };

for (const bus of ['local', 'nats'] as const)
  test(`every listener of \`up --bus ${bus}\` is on the loopback`, async (context) => {
    if (process.platform !== 'linux') return cannot(context, 'who listens where is read from /proc');
    running = start(['up', '--scenario', 'none', '--bus', bus]);
    const { stderr, exited, home } = running;
    let ended = false;
    void exited.then(() => (ended = true));
    for (const end = performance.now() + upMsMax; !/^up in /m.test(stderr());) {
      if (bus === 'nats' && ended && /E-INSTALL|E-NATS-SERVER/.test(stderr())) return cannot(context, 'no nats-server');
      if (ended || performance.now() > end) throw new Error(stderr());
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const listeners = listenersOf(home);
    const kinds = Object.entries(expected(bus)).map(([kind, pattern]) => [kind, listeners.filter((l) => pattern.test(l.command)).length] as const); // prettier-ignore
    console.log(`up --bus ${bus}: ${listeners.length} listeners (${kinds.map(([kind, n]) => `${kind} ${n}`).join(', ')})`);
    // The kernel spells the loopback 127.0.0.1 or ::1; 0.0.0.0 and :: are every address of the machine.
    expect(listeners.filter(({ address }) => address !== '127.0.0.1' && address !== '::1')).toEqual([]);
    expect(Object.fromEntries(kinds)).toEqual({
      engine: 1,
      postgres: 1,
      nats: bus === 'nats' ? 1 : 0,
      sidecar: shop.length,
      shop: shop.flatMap(({ instances }) => instances).length,
    });
    // Nobody listens that we did not count.
    expect(listeners.length).toBe(kinds.reduce((sum, [, n]) => sum + n, 0));
    const sockets = readdirSync(join(home, 'sockets')).map((name) => lstatSync(join(home, 'sockets', name)));
    expect(sockets.filter((s) => s.isSocket()).map((s) => (s.mode & 0o777).toString(8))).toEqual(
      Array.from({ length: shop.length + (bus === 'local' ? 1 : 0) }, () => '600'),
    );
    expect((lstatSync(join(home, 'sockets')).mode & 0o777).toString(8)).toBe('700');
    // A command line is everybody's to read, and so is no secret's place.
    const secrets = [join(home, 'token'), ...(bus === 'nats' ? readdirSync(join(home, 'keys', 'nats')).filter((f) => f.endsWith('.seed')).map((f) => join(home, 'keys', 'nats', f)) : [])]; // prettier-ignore
    expect(secrets.length).toBe(bus === 'nats' ? 2 + shop.length : 1);
    const lines = processesOf(home).map(({ command }) => command).join('\n'); // prettier-ignore
    expect(secrets.map((file) => readFileSync(file, 'utf8').trim()).filter((secret) => lines.includes(secret))).toEqual([]);
  });

test('the engine does not listen beyond this machine without TLS, and says what to do, before it starts anything', async () => {
  const root = mkdtempSync(join(tmpdir(), 'flyball-listen-'));
  const home = join(root, 'home');
  const refused = await flyball(['engine', '--listen', '0.0.0.0:0'], { FLYBALL_HOME: home });
  const init = await flyball(['auth', 'init', '--listen', '0.0.0.0:4222'], { FLYBALL_HOME: join(root, 'other') });
  const left = readdirSync(root);
  const conf = readdirSync(join(root, 'other')).filter((name) => name.endsWith('.conf'));
  rmSync(root, { recursive: true });
  expect([refused.code, init.code]).toEqual([2, 2]);
  for (const { stderr } of [refused, init])
    expect(stderr).toMatch(/E-LISTEN-OPEN .*--tls-cert FILE and --tls-key FILE; or --insecure-listen/);
  expect([left, conf]).toEqual([['other'], []]);
});

const expected = (bus: 'local' | 'nats'): Readonly<Record<string, RegExp>> => ({
  engine: /flyball\S* engine /,
  postgres: /postgres -D /,
  nats: bus === 'nats' ? /nats-server -c / : /nats-server/,
  sidecar: /flyball\S* adapter builtin /,
  shop: /connectors\/shop\/service/,
});

/** Processes that carry this home in their environment or on their command line. */
function processesOf(home: string): readonly { readonly pid: number; readonly command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const [environment, command] = [readProc(`/proc/${name}/environ`), readProc(`/proc/${name}/cmdline`)];
      return environment.split('\0').includes(`FLYBALL_HOME=${home}`) || command.includes(home)
        ? [{ pid: Number(name), command: command.replaceAll('\0', ' ') }]
        : [];
    });
}

/** TCP and UDP sockets that take what comes: state LISTEN, or UDP without a peer. */
function listenersOf(home: string): readonly Listener[] {
  const open = new Map<string, { readonly address: string; readonly port: number }>();
  for (const [table, state] of [
    ['tcp', '0A'],
    ['tcp6', '0A'],
    ['udp', '07'],
    ['udp6', '07'],
  ] as const)
    // prettier-ignore
    for (const line of readProc(`/proc/net/${table}`).split('\n').slice(1)) {
      const [, local = '', , st = '', , , , , , inode = ''] = line.trim().split(/\s+/);
      const [hex = '', port = ''] = local.split(':');
      if (st === state) open.set(inode, { address: addressOf(hex), port: Number.parseInt(port, 16) });
    }
  return processesOf(home).flatMap(({ pid, command }) => inodesOf(pid).flatMap((inode) => { const at = open.get(inode); return at === undefined ? [] : [{ pid, command, ...at }]; })).filter((l, i, all) => all.findIndex((o) => o.port === l.port && o.address === l.address) === i); // prettier-ignore
}

function inodesOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      const [, inode] = /^socket:\[(\d+)\]$/.exec(readLink(`/proc/${pid}/fd/${fd}`)) ?? [];
      return inode === undefined ? [] : [inode];
    });
  } catch {
    // Gone since it was listed.
    return [];
  }
}

/** The kernel writes addresses as words in the machine's byte order (little endian here): proc(5). */
function addressOf(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => [...Buffer.from(word, 'hex')].toReversed());
  if (bytes.length === 4) return bytes.join('.');
  return bytes.slice(0, 15).every((b) => b === 0) && bytes[15] === 1 ? '::1' : `[${Buffer.from(bytes).toString('hex')}]`;
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function readProc(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
