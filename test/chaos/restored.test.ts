import { afterEach, expect, test } from 'vitest';
import { until } from '../scenario/process.ts';
import { get, poll } from './client.ts';
import { enforced, startSystem, type System } from './system.ts';

let system: System | null = null;
afterEach(async () => {
  await system?.stop();
  system = null;
});

test(
  'the database is restored under a running system: that is said, nothing is committed, and after a person accepts it everything converges',
  { timeout: 300_000 },
  async () => {
    system = await startSystem();
    const { sidecar, leader, query, admin } = system;
    const users = poll(sidecar('checkout'), '/cart', 20);
    // A backup of before the incident; who is connected is sent away for a moment, and comes back.
    await admin(async (client) => {
      await client.query('alter database flyball allow_connections false');
      await client.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = 'flyball'`);
      await client.query('create database backup template flyball');
      await client.query('alter database flyball allow_connections true');
    });
    await until('an engine leads again', leader, 30_000);
    system.fault(true);
    await enforced(system);
    const revisionOf = async () => (await (await leader())?.status())?.targets.find(({ name }) => name === 'shop-checkout')?.revision ?? 0;
    const before = await revisionOf();
    expect(before).toBeGreaterThan(0);
    const epochs = await query<{ epoch: string }>('select epoch from leader');

    await admin(async (client) => {
      await client.query('drop database flyball with (force)');
      await client.query('create database flyball template backup');
    });
    const behind = await until('the leader says that it is behind', async () => {
      const status = await (await leader())?.status();
      return status?.problems.some(({ code }) => code === 'E-BEHIND') ? status : null;
    }, 60_000); // prettier-ignore
    expect(behind.problems.find(({ code }) => code === 'E-BEHIND')?.todo).toContain('resume --restored');
    const rows = async () => Number((await query<{ n: string }>('select count(*) n from revision'))[0]?.n);
    const committed = await rows();
    // The sidecar keeps what it has, until leases end by themselves.
    expect((await get(sidecar('checkout'), '/cart')).status).toBe(200);
    await new Promise((done) => setTimeout(done, 3_000));
    expect(await rows()).toBe(committed);

    const asked = await (
      await until('it leads', leader, 20_000)
    ).post('/v1/resume-restored', { author: 'ann', reason: 'the disk was lost' });
    expect(asked).toMatchObject({ status: 200, body: { targets: expect.arrayContaining(['shop-checkout']) as unknown } });
    const after = await until('every target holds what the record has', async () => {
      const status = await (await leader())?.status();
      if (status === undefined || status === null || status.problems.some(({ code }) => code === 'E-BEHIND')) return null;
      return status.targets.every((t) => t.acked === t.revision) && (await revisionOf()) > before ? status : null;
    }, 60_000); // prettier-ignore
    expect(after.epoch).toBeGreaterThan(Number(epochs[0]?.epoch));
    const said = await query<{ kind: string; target: string | null; what: string; author: string | null }>(
      `select kind, target, body->>'what' what, body->>'author' author from audit where body->>'what' in ('adopted', 'resume --restored') order by id`,
    );
    expect(said[0]).toEqual({ kind: 'operator', target: null, what: 'resume --restored', author: 'ann' });
    expect(said).toContainEqual({ kind: 'engine', target: 'shop-checkout', what: 'adopted', author: null });
    // The loop goes on: the replica is slow still, and is avoided again.
    await enforced(system);
    expect((await get(sidecar('checkout'), '/cart')).applied.join()).toContain('gray-failure@');
    const { sent, failed } = await users.stop();
    expect(sent).toBeGreaterThan(100);
    expect(failed).toBe(0);
  },
);
