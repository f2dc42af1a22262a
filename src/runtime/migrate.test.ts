import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { testHome, unwrap } from '../../test/conformance/tools.ts';
import { migrate, migrationsFolder } from './migrate.ts';
import { openDatabase } from './postgres.ts';
import type { Database } from './postgres.ts';
import { openStore } from './store.ts';

vi.setConfig({ testTimeout: 60_000 });

const { home, say, remove } = testHome();
let database: Database;
let url = '';
let number = 0;
const folder = join(home.root, 'sql');
const put = (name: string, text: string): void => writeFileSync(join(folder, name), text);

beforeAll(async () => {
  database = unwrap(await openDatabase({ home, env: {}, say }));
});
afterAll(async () => {
  unwrap(await database.stop());
  remove();
});
const query = async (text: string): Promise<readonly unknown[]> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query({ text, rowMode: 'array' })).rows.flat();
  } finally {
    await client.end();
  }
};
const newDatabase = async (): Promise<void> => {
  url = database.url;
  const name = `m${number++}`;
  await query(`create database ${name}`);
  url = database.url.replace(/\/[^/]*$/, `/${name}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
};

test('files are applied once, in order, and what was applied may not change', async () => {
  await newDatabase();
  put('0001_a.sql', 'create table a (n int); insert into a values (1);');
  expect(unwrap(await migrate(url, folder))).toEqual({ applied: ['0001_a.sql'], already: 0 });
  put('0002_b.sql', 'insert into a values (2);\n');
  put('0003_c.sql', 'insert into a select max(n) + 1 from a;');
  expect(unwrap(await migrate(url, folder))).toEqual({ applied: ['0002_b.sql', '0003_c.sql'], already: 1 });
  // A checkout with other line ends is the same file.
  put('0002_b.sql', 'insert into a values (2);\r\n');
  expect(unwrap(await migrate(url, folder))).toEqual({ applied: [], already: 3 });
  expect(await query('select n from a order by n')).toEqual([1, 2, 3]);
  put('0002_b.sql', 'insert into a values (4);');
  expect(await migrate(url, folder)).toMatchObject({ ok: false, problem: { code: 'E-DB-MIGRATION', at: '0002_b.sql' } });
  put('0002_b.sql', 'insert into a values (2);\n');
  rmSync(join(folder, '0003_c.sql'));
  expect(await migrate(url, folder)).toMatchObject({ ok: false, problem: { at: '0003_c.sql', todo: 'use the newer Flyball' } });
});

test('a file that fails leaves nothing of itself, and what came before stays', async () => {
  await newDatabase();
  put('0001_a.sql', 'create table a (n int);');
  put('0002_b.sql', 'insert into a values (1); create table b (n int); select no_such_thing();');
  expect(await migrate(url, folder)).toMatchObject({ ok: false, problem: { code: 'E-DB-MIGRATION', at: '0002_b.sql' } });
  expect(await query(`select to_regclass('b') is null, (select count(*)::int from a), (select count(*)::int from migration)`)).toEqual([
    true,
    0,
    1,
  ]);
  put('0002_b.sql', 'insert into a values (1);');
  expect(unwrap(await migrate(url, folder)).applied).toEqual(['0002_b.sql']);
});

test('names without order are refused before anything is done', async () => {
  for (const names of [['0002_a.sql'], ['0001_a.sql', '0003_b.sql'], ['0001_a.sql', '0001_b.sql'], ['first.sql'], []]) {
    await newDatabase();
    for (const name of names) put(name, 'create table a (n int);');
    expect(await migrate(url, folder)).toMatchObject({ ok: false, problem: { code: 'E-DB-MIGRATION' } });
    expect(await query(`select to_regclass('migration') is null`)).toEqual([true]);
  }
});

test('several at once apply each file once', async () => {
  await newDatabase();
  cpSync(migrationsFolder(), folder, { recursive: true });
  const all = await Promise.all([1, 2, 3, 4].map(() => migrate(url, folder)));
  const files = readdirSync(folder).filter((name) => name.endsWith('.sql')).length;
  expect(all.map((one) => unwrap(one).applied.length).sort()).toEqual([0, 0, 0, files]);
  expect(await query('select holder, epoch::int from leader')).toEqual(['', 0]);
});

test('a database that is not there, and one that was not migrated', async () => {
  await newDatabase();
  const away = await migrate('postgres://u:hidden@127.0.0.1:1/d', folder.replace(/sql$/, ''));
  expect(away.ok).toBe(false);
  const down = await migrate('postgres://u:hidden@127.0.0.1:1/d');
  expect(down).toMatchObject({ ok: false, problem: { code: 'E-DB-MIGRATION' } });
  expect(JSON.stringify(down)).not.toContain('hidden');
  const store = await openStore({ kind: 'external', url, address: 'x' });
  expect(store).toMatchObject({ ok: false, problem: { code: 'E-DB-MIGRATION' } });
  expect(await openStore({ kind: 'external', url: `${url}-none`, address: 'x' })).toMatchObject({
    ok: false,
    problem: { code: 'E-DB-DOWN' },
  });
});
