import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { program } from '../../test/conformance/program.ts';
import { cannot, unwrap } from '../../test/conformance/tools.ts';
import { createWhole, readIfThere, writeAtomic } from './files.ts';
import { apiToken, findHome, lockHome, openHome, userName } from './home.ts';
import type { Home } from './home.ts';
import { takeLock, waitLock } from './lock.ts';
import { partRuns, readRun, removeRun, writeRun } from './run.ts';
import { removeShortSockets, socketPath } from './sockets.ts';

const folders: string[] = [];
const newFolder = (): string => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'flyball-test-')));
  folders.push(folder);
  return folder;
};
const said: string[] = [];
const say = (line: string): void => void said.push(line);
const open = (root: string): Home => unwrap(openHome({ env: { FLYBALL_HOME: root }, cwd: '/', say }));
const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);
afterEach(() => {
  said.length = 0;
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

describe('the home folder', () => {
  test('is made for us alone, where FLYBALL_HOME says or in ./.flyball', () => {
    const cwd = newFolder();
    const old = process.umask(0);
    const home = unwrap(openHome({ env: {}, cwd, say }));
    const other = unwrap(openHome({ env: { FLYBALL_HOME: 'sub/other' }, cwd, say }));
    process.umask(old);
    expect([home.root, other.root]).toEqual([join(cwd, '.flyball'), join(cwd, 'sub/other')]);
    for (const folder of [home.root, home.keys, home.data, home.sockets, home.logs]) expect(mode(folder)).toBe('700');
    expect(readFileSync(join(home.root, '.gitignore'), 'utf8')).toBe('*\n');
    expect(said).toEqual([]);
    expect(unwrap(findHome({ env: {}, cwd }))).toEqual(home);
    expect(findHome({ env: {}, cwd: '/nowhere' })).toMatchObject({ ok: false, problem: { code: 'E-NO-HOME' } });
  });

  test('open to others it is closed, and that is said', () => {
    const root = newFolder();
    mkdirSync(join(root, 'keys'));
    chmodSync(root, 0o755);
    chmodSync(join(root, 'keys'), 0o750);
    const home = open(root);
    expect([mode(root), mode(home.keys)]).toEqual(['700', '700']);
    expect(said).toEqual([
      `${root} was open to others (mode 755): closed to 700`,
      `${home.keys} was open to others (mode 750): closed to 700`,
    ]);
  });

  test('a file, or a folder of somebody else, is refused', (context) => {
    const root = newFolder();
    writeFileSync(join(root, 'file'), '');
    expect(openHome({ env: { FLYBALL_HOME: join(root, 'file') }, cwd: '/', say })).toMatchObject({
      ok: false,
      problem: { code: 'E-HOME' },
    });
    if (process.getuid?.() !== 0) return cannot(context, 'only root can give a folder away');
    mkdirSync(join(root, 'theirs'));
    chownSync(join(root, 'theirs'), 12_345, 12_345);
    expect(openHome({ env: { FLYBALL_HOME: join(root, 'theirs') }, cwd: '/', say })).toMatchObject({
      ok: false,
      problem: { code: 'E-HOME' },
    });
  });

  test('has one name, also behind a link', () => {
    const root = newFolder();
    mkdirSync(join(root, 'real'));
    symlinkSync(join(root, 'real'), join(root, 'link'));
    expect(open(join(root, 'link')).root).toBe(join(root, 'real'));
  });

  test('the API token is made once, for us alone, and a broken one is refused', () => {
    const home = open(newFolder());
    const token = unwrap(apiToken(home));
    expect(token).toMatch(/^[\w-]{43}$/);
    expect(unwrap(apiToken(home))).toBe(token);
    expect(mode(home.tokenFile)).toBe('600');
    chmodSync(home.tokenFile, 0o644);
    apiToken(home);
    expect(mode(home.tokenFile)).toBe('600');
    writeFileSync(home.tokenFile, '\n');
    expect(apiToken(home)).toMatchObject({ ok: false, problem: { code: 'E-TOKEN' } });
    expect(userName()).not.toBe('');
  });

  test('sockets: in the home, or in a short folder of its own when the path is too long', async () => {
    const home = open(newFolder());
    expect(unwrap(socketPath(home, 'bus.sock', say))).toBe(join(home.sockets, 'bus.sock'));
    const long = open(join(newFolder(), 'x'.repeat(90)));
    const path = unwrap(socketPath(long, 'bus.sock', say));
    expect(Buffer.byteLength(path)).toBeLessThanOrEqual(103);
    expect(said.join()).toContain('too long for a socket');
    expect(mode(join(path, '..'))).toBe('700');
    expect(unwrap(socketPath(long, 'bus.sock', say))).toBe(path);
    const another = open(join(newFolder(), 'y'.repeat(90)));
    expect(unwrap(socketPath(another, 'bus.sock', say))).not.toBe(path);
    removeShortSockets(another);
    const server = createServer().listen(path);
    await once(server, 'listening');
    removeShortSockets(long);
    expect(existsSync(path)).toBe(true);
    await new Promise((resolve) => server.close(resolve));
    removeShortSockets(long);
    expect(existsSync(join(path, '..'))).toBe(false);
    expect(socketPath(long, 'n'.repeat(120), say)).toMatchObject({ ok: false, problem: { code: 'E-SOCKET-PATH' } });
  });
});

describe('a lock', () => {
  test('has one holder, who is named, until it is released', async () => {
    const home = open(newFolder());
    const first = unwrap(lockHome(home, 'engine'));
    expect(lockHome(home, 'engine')).toMatchObject({
      ok: false,
      problem: { code: 'E-LOCKED', what: `flyball engine already runs here as process ${process.pid}` },
    });
    unwrap(lockHome(home, 'up')).release();
    const waiting = waitLock(first.path, 'x', 5_000);
    setTimeout(() => first.release(), 60);
    unwrap(await waiting).release();
    expect(existsSync(first.path)).toBe(false);
    // Releasing late must not take it from the next one.
    const next = unwrap(takeLock(first.path, 'y'));
    first.release();
    expect(existsSync(first.path)).toBe(true);
    next.release();
  });

  test.each([
    ['a dead process', (): string => JSON.stringify({ pid: 2 ** 22 - 1, birth: null, nonce: 'ab', what: 'x' })],
    ['an earlier process with our id', (): string => JSON.stringify({ pid: process.pid, birth: 'another boot/1', nonce: 'ab', what: 'x' })],
    ['nothing that can be read', (): string => '{"pid":'],
    ['a nonce that would lead out of the folder', (): string => JSON.stringify({ pid: 1, birth: null, nonce: '../../x', what: 'x' })],
  ])('held by %s is taken over', (_, text) => {
    const path = join(newFolder(), 'a.lock');
    writeFileSync(path, text());
    const lock = unwrap(takeLock(path, 'me'));
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ pid: process.pid, what: 'me' });
    lock.release();
    expect(readdirSync(join(path, '..'))).toEqual([]);
  });

  test('of many processes that take over a dead one at once, never two hold it', async () => {
    const folder = newFolder();
    const path = join(folder, 'a.lock');
    const child = await program(`
      import { takeLock } from '#root/src/runtime/lock.ts';
      import { writeAtomic } from '#root/src/runtime/files.ts';
      import { randomBytes } from 'node:crypto';
      import { mkdirSync, rmdirSync } from 'node:fs';
      const [path, rounds] = [process.argv[2], Number(process.argv[3])];
      let held = 0;
      for (let i = 0; held < rounds && i < 1e6; i++) {
        const lock = takeLock(path, 'racer');
        if (!lock.ok) continue;
        // Fails when anybody else is inside.
        mkdirSync(path + '.inside');
        rmdirSync(path + '.inside');
        held++;
        if (held === rounds) break;
        if (held % 3 === 0) lock.value.release();
        // As if we had died with it: the next ones find a lock whose holder is gone.
        else writeAtomic(path, JSON.stringify({ pid: 2 ** 22 - 1, birth: null, nonce: randomBytes(8).toString('hex'), what: 'dead' }));
      }
      process.exit(held === rounds ? 0 : 3);`);
    try {
      writeFileSync(path, JSON.stringify({ pid: 2 ** 22 - 1, birth: null, nonce: 'ab', what: 'x' }));
      const racers = Array.from({ length: 4 }, () =>
        spawn(process.execPath, [child.file, path, '40'], { stdio: ['ignore', 'ignore', 'inherit'] }),
      );
      const codes = await Promise.all(racers.map(async (racer) => (await once(racer, 'exit'))[0] as number));
      expect(codes).toEqual([0, 0, 0, 0]);
    } finally {
      child.remove();
    }
  }, 60_000);
});

describe('run.json', () => {
  test('each process writes its own part; the last one takes the file away', () => {
    const home = open(newFolder());
    expect(unwrap(readRun(home))).toEqual({ parts: {} });
    unwrap(writeRun(home, 'engine', { pid: process.pid, address: 'http://127.0.0.1:1' }));
    unwrap(writeRun(home, 'nats', { pid: 2 ** 22 - 1, address: null }));
    const { parts } = unwrap(readRun(home));
    expect(parts['engine']).toMatchObject({ pid: process.pid, address: 'http://127.0.0.1:1' });
    expect(Object.values(parts).map(partRuns)).toEqual([true, false]);
    expect(mode(home.runFile)).toBe('600');
    unwrap(removeRun(home, 'nats'));
    unwrap(removeRun(home, 'engine'));
    expect(readdirSync(home.root).filter((name) => name.startsWith('run'))).toEqual([]);
  });

  test.each(['', '[]', '{"parts":[]}', '{"parts":{"a":{"pid":"1","birth":null,"address":null}}}'])(
    'what is not ours is not believed: %s',
    (text) => {
      const home = open(newFolder());
      writeFileSync(home.runFile, text);
      expect(readRun(home)).toMatchObject({ ok: false, problem: { code: 'E-RUN-FILE' } });
      unwrap(writeRun(home, 'engine', { pid: process.pid, address: null }));
      expect(Object.keys(unwrap(readRun(home)).parts)).toEqual(['engine']);
    },
  );

  test('many writers at once lose nothing', async () => {
    const home = open(newFolder());
    const child = await program(`
      import { openHome } from '#root/src/runtime/home.ts';
      import { writeRun } from '#root/src/runtime/run.ts';
      const home = openHome({ env: process.env, cwd: '/', say: () => {} }).value;
      for (let i = 0; i < 10; i++) if (!writeRun(home, process.argv[2] + i, { pid: process.pid, address: null }).ok) process.exit(1);`);
    try {
      const writers = ['a', 'b', 'c'].map((name) =>
        spawn(process.execPath, [child.file, name], { env: { ...process.env, FLYBALL_HOME: home.root }, stdio: 'inherit' }),
      );
      expect(await Promise.all(writers.map(async (writer) => (await once(writer, 'exit'))[0] as number))).toEqual([0, 0, 0]);
      expect(Object.keys(unwrap(readRun(home)).parts)).toHaveLength(30);
    } finally {
      child.remove();
    }
  }, 60_000);
});

test('files are written whole, and made once', () => {
  const folder = newFolder();
  const path = join(folder, 'f');
  writeAtomic(path, 'one');
  writeAtomic(path, 'two');
  expect([readIfThere(path), mode(path), readIfThere(join(folder, 'none'))]).toEqual(['two', '600', null]);
  expect([createWhole(join(folder, 'g'), 'a'), createWhole(join(folder, 'g'), 'b'), readIfThere(join(folder, 'g'))]).toEqual([
    true,
    false,
    'a',
  ]);
  mkdirSync(join(folder, 'd'));
  expect(() => writeAtomic(join(folder, 'd'), 'x')).toThrow();
  expect(readdirSync(folder).sort()).toEqual(['d', 'f', 'g']);
});
