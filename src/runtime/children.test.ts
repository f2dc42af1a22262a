import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { program } from '../../test/conformance/program.ts';
import type { Program } from '../../test/conformance/program.ts';
import { testHome, unwrap } from '../../test/conformance/tools.ts';
import { startChild } from './children.ts';
import type { Child } from './children.ts';
import { systemLog } from './log.ts';
import { alive, gone } from './processes.ts';

const { home, remove } = testHome();
let child: Program;
let parent: Program;
const started: Child[] = [];
beforeAll(async () => {
  child = await program(`
    import { endWithParent } from '#root/src/runtime/children.ts';
    endWithParent(() => console.log('gone'), 100);
    process.on('SIGTERM', () => { console.log('term'); if (!process.argv.includes('stubborn')) process.exit(7); });
    process.on('message', (m) => process.send({ echo: m, detached: process.argv[2] }));
    console.log('out'); console.error('err');
    if (process.argv.includes('crash')) process.exit(9);
    setInterval(() => {}, 1000);
    process.send('ready');`);
  parent = await program(`
    import { startChild } from '#root/src/runtime/children.ts';
    const child = await startChild({ name: 'c', module: process.argv[2], env: process.env, output: { file: process.argv[3] } });
    child.value.onMessage(() => process.stdout.write(String(child.value.pid)));`);
});
afterAll(async () => {
  await Promise.all(started.map((one) => one.stop(0)));
  child.remove();
  parent.remove();
  remove();
});
const start = async (args: readonly string[] = []): Promise<{ readonly one: Child; readonly file: string }> => {
  const file = join(home.logs, `child-${started.length}.log`);
  const one = unwrap(await startChild({ name: 'child', module: child.file, args, env: process.env, output: { file } }));
  started.push(one);
  if (!args.includes('crash')) await new Promise<void>((resolve) => one.onMessage((m) => m === 'ready' && resolve()));
  return { one, file };
};

test('a child is told, answers, and is stopped politely', async () => {
  const { one, file } = await start(['x']);
  const answer = new Promise((resolve) => one.onMessage(resolve));
  expect(one.send({ hello: 1 })).toBe(true);
  expect(await answer).toEqual({ echo: { hello: 1 }, detached: 'x' });
  expect(await one.stop()).toEqual({ code: 7, signal: null });
  expect(await one.stop()).toEqual({ code: 7, signal: null });
  expect([alive(one.pid), one.send({})]).toEqual([false, false]);
  expect(readFileSync(file, 'utf8')).toBe('out\nerr\nterm\n');
  expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
});

test('one that does not listen is killed after the grace', async () => {
  const { one } = await start(['stubborn']);
  expect(await one.stop(100)).toEqual({ code: null, signal: 'SIGKILL' });
});

test('an end of its own is told; a module that is not there too', async () => {
  const { one } = await start(['crash']);
  expect(await one.exited).toEqual({ code: 9, signal: null });
  const none = unwrap(
    await startChild({
      name: 'none',
      module: join(home.root, 'none.mjs'),
      env: process.env,
      output: { file: join(home.logs, 'none.log') },
    }),
  );
  expect((await none.exited).code).toBe(1);
  expect(
    await startChild({ name: 'x', module: child.file, env: process.env, output: { file: join(home.root, 'no/such/folder') } }),
  ).toMatchObject({
    ok: false,
    problem: { code: 'E-CHILD' },
  });
});

test('a child ends when its parent is killed', async () => {
  const file = join(home.logs, 'orphan.log');
  const above = spawn(process.execPath, [parent.file, child.file, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [chunk] = (await once(above.stdout, 'data')) as [Buffer];
  const pid = Number(chunk.toString());
  expect(alive(pid)).toBe(true);
  above.kill('SIGKILL');
  expect(await gone(pid, 5_000)).toBe(true);
  expect(readFileSync(file, 'utf8')).toContain('gone');
});

test('the log: one JSON line an event, from its level on, without secrets', () => {
  const lines: string[] = [];
  const log = systemLog({ level: 'info', write: (line) => lines.push(line) }).with({ part: 'engine' });
  log.debug('hidden');
  log.info('started', { url: 'postgres://u:p@ss@h:1/d and nats://token@h', password: 'x', apiToken: 'y', n: 1, none: null });
  log.error('long', { text: 'a\n'.repeat(5_000) });
  expect(lines.every((line) => line.endsWith('\n') && line.indexOf('\n') === line.length - 1)).toBe(true);
  const [first, second] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(first).toMatchObject({
    level: 'info',
    event: 'started',
    part: 'engine',
    n: 1,
    none: null,
    url: 'postgres://h:1/d and nats://h',
    password: '***',
    apiToken: '***',
  });
  expect(String(second?.['text']).length).toBeLessThan(2_100);
  expect(lines).toHaveLength(2);
});
