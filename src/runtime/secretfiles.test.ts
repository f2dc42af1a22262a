import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { withSecretFiles } from './secretfiles.ts';

const folder = mkdtempSync(join(tmpdir(), 'flyball-secret-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

test('an address that holds a password may lie in a file', () => {
  const read = withSecretFiles({ DATABASE_URL_FILE: file('url', 'postgres://me:pw@db/flyball\n'), NATS_URL: 'nats://n' });
  expect(read.ok && read.value['DATABASE_URL']).toBe('postgres://me:pw@db/flyball');
  expect(read.ok && read.value['NATS_URL']).toBe('nats://n');
});

test.each([
  ['a file that is not there', { DATABASE_URL_FILE: join(folder, 'none') }],
  ['an empty one', { NATS_URL_FILE: file('empty', '\n') }],
  ['two lines', { NATS_URL_FILE: file('two', 'a\nb') }],
  ['a folder', { ALERTMANAGER_URL_FILE: folder }],
  ['both', { DATABASE_URL: 'postgres://x', DATABASE_URL_FILE: file('both', 'postgres://y') }],
])('%s is refused, and nothing of it is shown', (_what, env) => {
  const read = withSecretFiles(env);
  expect(read.ok).toBe(false);
  expect(read.ok ? '' : `${read.problem.code} ${read.problem.what}`).toMatch(/^E-SECRET-FILE \w+_FILE (?!.*postgres)/);
});
