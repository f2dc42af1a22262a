import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { StatusView, TableView } from '../../src/engine/views.ts';
import { callApi } from '../../src/runtime/apiclient.ts';
import { start, until, type Running } from '../scenario/process.ts';
import { get, poll } from './client.ts';

/** Real processes are killed in mid-incident. Leases are short here, so that a test can see them end. */
let running: Running | null = null;
let rules = '';

beforeEach(() => {
  rules = mkdtempSync(join(tmpdir(), 'flyball-rules-'));
  cpSync('rules', rules, { recursive: true });
  const file = join(rules, 'gray-failure', 'rule.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replace(/^keep_firing_for: .*\nlease: .*$/m, 'keep_firing_for: 40s\nlease: 15s'));
});

afterEach(async () => {
  await running?.stop();
  running = null;
  rmSync(rules, { recursive: true, force: true });
});

const api = async <T>(path: string): Promise<T | null> => {
  const answer = await callApi({ method: 'GET', path, env: { ...process.env, FLYBALL_HOME: running?.home } });
  return answer.ok && answer.value.status === 200 ? (answer.value.body as T) : null;
};
const statusNow = () => api<StatusView>('/v1/status');
const entriesNow = async (): Promise<readonly string[]> =>
  (await api<readonly TableView[]>('/v1/tables'))?.find((t) => t.target === 'shop-checkout')?.entries.map((e) => e.id) ?? [];
const sidecarOf = async (): Promise<string> => (await statusNow())?.targets.find((t) => t.name === 'shop-checkout')?.address ?? '';

/** The shop with a gray failure, up to the moment at which its entry is enforced. */
async function incident(): Promise<{ readonly entries: readonly string[]; readonly pid: number; readonly sidecar: string }> {
  running = start(['up', '--scenario', 'gray-failure', '--rules', rules]);
  await until('the entry is enforced', async () => {
    const status = await statusNow();
    const target = status?.targets.find((t) => t.name === 'shop-checkout');
    return target !== undefined && target.entries > 0 && target.acked === target.revision ? target : null;
  }, 120_000); // prettier-ignore
  const status = await statusNow();
  return { entries: await entriesNow(), pid: status?.pid ?? 0, sidecar: await sidecarOf() };
}

test(
  'engine kill -9 in mid-incident: no request fails, the sidecar keeps its table, the next engine reconciles and flushes nothing',
  { timeout: 300_000 },
  async () => {
    const { entries, pid, sidecar } = await incident();
    expect(entries).toHaveLength(1);
    const users = poll(sidecar, '/cart', 20);
    process.kill(pid, 'SIGKILL');
    const kept = await get(sidecar, '/cart');
    expect(kept.applied.join()).toContain('gray-failure@');
    const after = await until('another engine answers', async () => {
    const status = await statusNow();
    return status !== null && status.pid !== pid ? status : null;
  }, 120_000); // prettier-ignore
    const end = performance.now() + 3_000;
    while (performance.now() < end) {
      expect(await entriesNow()).toEqual(entries);
      expect((await get(sidecar, '/cart')).applied.join()).toContain('gray-failure@');
      await pause(100);
    }
    expect(after.epoch).toBeGreaterThan(0);
    const { sent, failed } = await users.stop();
    expect(sent).toBeGreaterThan(100);
    expect(failed).toBe(0);
  },
);

test(
  'an engine that says nothing any more: leases end at the sidecar by themselves, and no request fails',
  { timeout: 300_000 },
  async () => {
    const { pid, sidecar } = await incident();
    const users = poll(sidecar, '/cart', 20);
    process.kill(pid, 'SIGSTOP');
    try {
      expect((await get(sidecar, '/cart')).applied.join()).toContain('gray-failure@');
      await until('the lease ended', async () => ((await get(sidecar, '/cart')).applied.length === 0 ? true : null), 90_000);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    expect((await users.stop()).failed).toBe(0);
  },
);

test('sidecar kill -9: the right table is back soon after its restart', { timeout: 300_000 }, async () => {
  const { sidecar } = await incident();
  const parts = () => JSON.parse(readFileSync(join(running?.home ?? '', 'run.json'), 'utf8')).parts as Record<string, { pid: number }>;
  const { pid } = parts()['adapter.shop-checkout'] ?? { pid: 0 };
  process.kill(pid, 'SIGKILL');
  const restarted = await until(
    'it runs again',
    async () => (parts()['adapter.shop-checkout']?.pid !== pid ? performance.now() : null),
    60_000,
  );
  const right = await until('its table is right', async () => {
    const { status, applied } = await get(sidecar, '/cart');
    return status === 200 && applied.join().includes('gray-failure@') ? performance.now() : null;
  }, 60_000); // prettier-ignore
  expect(right).toBeGreaterThan(restarted);
});
