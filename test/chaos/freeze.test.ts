import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { until } from '../scenario/process.ts';
import { get, poll } from './client.ts';
import { startIncident, type Incident } from './incident.ts';
import { natsOf, postgresOf } from './processes.ts';

/** A person's freeze, while what it would go through stands still. */
let incident: Incident | null = null;
const stopped = new Set<number>();

const stop = (...pids: readonly number[]): void => {
  for (const pid of pids) {
    process.kill(pid, 'SIGSTOP');
    stopped.add(pid);
  }
};
const goOn = (): void => {
  for (const pid of stopped) process.kill(pid, 'SIGCONT');
  stopped.clear();
};

afterEach(async () => {
  goOn();
  await incident?.end();
  incident = null;
});

const isApplied = async (sidecar: string): Promise<boolean> => (await get(sidecar, '/cart')).applied.join().includes('gray-failure@');

test(
  'with engine, bus or database standing still a freeze is confirmed within 2 s; a frozen entry outlives its lease, and ends after the freeze',
  { timeout: 300_000 },
  async () => {
    incident = await startIncident();
    const { running, sidecar, pid } = incident;
    const users = poll(sidecar, '/cart', 20);
    // Exit code 0 says that every target has confirmed within 2 s.
    const freeze = async (...more: readonly string[]) => {
      const { code, stdout, stderr } = await running.run('freeze', '--all', '--reason', 'a test', ...more);
      expect(stdout.match(/ confirmed/g), stderr).toHaveLength(4);
      expect(stdout).not.toContain('UNCONFIRMED');
      expect(code, stderr).toBe(0);
    };
    const [postgres, nats] = [postgresOf(running.home), natsOf(running.home)];
    expect(postgres.length).toBeGreaterThan(1);
    for (const other of nats.length > 0 ? [postgres, nats] : [postgres]) {
      stop(...other);
      await freeze();
      goOn();
      await until('it is lifted', async () => ((await running.run('resume', '--all')).code === 0 ? true : null), 20_000);
    }
    await until('the entry is in force', async () => ((await isApplied(sidecar)) ? true : null), 30_000);
    stop(pid);
    await freeze('--for', '10m');
    // Longer than the lease of 15 s, which nobody renews.
    for (const end = performance.now() + 20_000; performance.now() < end; await pause(250)) expect(await isApplied(sidecar)).toBe(true);
    expect((await running.run('resume', '--local', '--all')).code).toBe(0);
    await until('the lease ends', async () => ((await isApplied(sidecar)) ? null : true), 30_000);
    const { sent, failed } = await users.stop();
    expect(sent).toBeGreaterThan(500);
    expect(failed).toBe(0);
  },
);
