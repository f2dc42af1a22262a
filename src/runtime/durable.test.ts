import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDurable } from './durable.ts';

let folder = '';
let path = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flyball-durable-'));
  path = join(folder, 'adapter-side-1.json');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const opened = (at = path) => {
  const durable = openDurable(at, 'flyball adapter side-1');
  if (!durable.ok) throw new Error(durable.problem.what);
  return durable.value;
};

test('what was saved is there after closing, and nothing else lies about', async () => {
  const first = opened();
  expect(first.value).toBe(null);
  expect(await first.save({ n: 1 })).toMatchObject({ ok: true });
  expect(await first.save({ n: 2, text: 'ü\n' })).toMatchObject({ ok: true });
  await first.close();
  expect(readdirSync(folder)).toEqual(['adapter-side-1.json']);
  const second = opened();
  expect(second.value).toEqual({ n: 2, text: 'ü\n' });
  expect(second.aside).toBe(null);
  await second.close();
});

test('a second opener is refused and told who has it', async () => {
  const first = opened();
  expect(openDurable(path, 'x')).toMatchObject({
    ok: false,
    problem: { code: 'E-LOCKED', what: expect.stringContaining(String(process.pid)) },
  });
  await first.close();
  await opened().close();
});

test('the lock of a process that was killed is taken over', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  writeFileSync(`${path}.lock`, JSON.stringify({ pid: child.pid, birth: null, nonce: 'ab', what: 'flyball adapter side-1' }));
  expect(openDurable(path, 'x')).toMatchObject({ ok: false, problem: { code: 'E-LOCKED' } });
  child.kill('SIGKILL');
  await ended;
  await opened().close();
});

const damages: { readonly [name: string]: (text: string) => string } = {
  'cut short': (text) => text.slice(0, -5),
  edited: (text) => text.replace('"n":1', '"n":2'),
  empty: () => '',
  'no checksum': () => '{"n":1}',
  'no JSON under a good checksum': () => `${createHash('sha256').update('nonsense').digest('hex')}\nnonsense`,
};
test.each(Object.entries(damages))('a file that is %s is set aside, said, and begun anew', async (_name, damage) => {
  const first = opened();
  await first.save({ n: 1 });
  await first.close();
  const damaged = damage(readFileSync(path, 'utf8'));
  writeFileSync(path, damaged);
  const second = opened();
  expect(second.value).toBe(null);
  expect(second.aside).toMatchObject({ path: `${path}.corrupt` });
  expect(readFileSync(`${path}.corrupt`, 'utf8')).toBe(damaged);
  expect(await second.save({ n: 3 })).toMatchObject({ ok: true });
  await second.close();
  const third = opened();
  expect(third.value).toEqual({ n: 3 });
  await third.close();
});

test('what a process killed in the middle of a save has left is cleared; the old value stands', async () => {
  const first = opened();
  await first.save({ n: 1 });
  await first.close();
  writeFileSync(`${path}.4711.0a1b2c3d.aside`, 'half');
  writeFileSync(`${path}.lock.4711.0a1b2c3d.aside`, 'of one who waits for our lock');
  const second = opened();
  expect(second.value).toEqual({ n: 1 });
  expect(existsSync(`${path}.4711.0a1b2c3d.aside`)).toBe(false);
  expect(existsSync(`${path}.lock.4711.0a1b2c3d.aside`)).toBe(true);
  await second.close();
});

test('a folder that is gone is a problem, not a crash', async () => {
  const durable = opened();
  rmSync(folder, { recursive: true });
  expect(await durable.save({ n: 1 })).toMatchObject({ ok: false, problem: { code: 'E-FILE' } });
  await durable.close();
  expect(openDurable(path, 'x')).toMatchObject({ ok: false, problem: { code: 'E-FILE' } });
});

test('a file rejected by its reader is kept beside', async () => {
  const first = opened();
  await first.save({ n: 1 });
  expect(first.reject('of another target')).toEqual({ path: `${path}.corrupt`, why: 'of another target' });
  await first.close();
  expect(opened().value).toBe(null);
});
