import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../scenario/process.ts';
import { get, poll } from './client.ts';
import { entriesAt, type Engine, type System } from './system.ts';

export const parties = ['leader', 'standby', 'adapter', 'nats-server', 'postgres'] as const;
export type Party = (typeof parties)[number];
export type How = 'kill' | 'stop' | 'disk-full';
export type Round = { readonly party: Party; readonly how: How };

/** What one round came to; times in ms, null: not measured in such a round. */
export type Figures = Round & {
  readonly requests: number;
  readonly failed: number;
  /** Until another engine led, or (the database) one could commit again: from the blow, or from the end of what stopped the database. */
  readonly ledAfterMs: number | null;
  /** From the next start of the adapter's process, or the end of what kept it, to the first request that the right table touched. */
  readonly rightAfterMs: number | null;
  readonly revisionsLost: number;
  readonly auditLost: number;
  /** Revisions without their audit entry, and numbers that are missing. */
  readonly gaps: number;
};

/** Longer than the lease, so that a stopped leader is taken over from. */
const stoppedMs = 8_000;
const watchMs = 3_000;

/** Every round that this machine can do; and why others are not among them. */
export function roundsHere(system: System): { readonly rounds: readonly Round[]; readonly not: string | null } {
  const rounds = parties.flatMap((party): readonly Round[] => [
    { party, how: 'kill' },
    { party, how: 'stop' },
  ]);
  const full = fullDisk(join(system.home, 'probe'));
  if (full === null) return { rounds, not: 'disk-full: no small file system can be mounted here (it takes root on Linux)' };
  full.free();
  return { rounds: [...rounds, { party: 'adapter', how: 'disk-full' }], not: null };
}

/** Does one thing to one party of a system in mid-incident, waits until all is well again, and compares the record with what it was. */
export async function playRound(system: System, { party, how }: Round): Promise<Figures> {
  const before = await recordOf(system);
  const leader = await until('an engine leads', system.leader, 30_000);
  const sidecar = system.sidecar('checkout');
  // While the sidecar's own process is gone or stopped, nobody else can answer for it (protocol.md section 9): other traffic is watched then.
  const takesDown = party === 'adapter' && how !== 'disk-full';
  const users = poll(takesDown ? system.sidecar('catalog') : sidecar, takesDown ? '/catalog' : '/cart', 20);
  const startMs = performance.now();
  const done = await hurt(system, { party, how }, leader);
  const led = () =>
    until('an engine leads', async () => ((await leadsAnew(system, party, leader)) ? performance.now() - startMs : null), 60_000);
  const over = done.over.then(() => performance.now());
  const ledAfterMs = party === 'leader' || party === 'postgres' ? await led() : null;
  const overMs = await over;
  const right = await until(
    'the right table is at work',
    async () => ((await isRight(sidecar)) ? performance.now() - overMs : null),
    60_000,
  );
  await until('all is well', () => isWell(system), 90_000);
  await pause(watchMs);
  const { sent, failed } = await users.stop();
  const after = await recordOf(system);
  return {
    party,
    how,
    requests: sent,
    failed,
    ledAfterMs: ledAfterMs === null ? null : Math.round(ledAfterMs - (party === 'postgres' && how === 'stop' ? overMs - startMs : 0)),
    rightAfterMs: party === 'adapter' ? Math.round(right) : null,
    revisionsLost: lost(before.revisions, after.revisions),
    auditLost: lost(before.audit, after.audit),
    gaps: after.gaps,
  };
}

/** A leader that was killed or stopped is replaced by another; a database that was away is led by whoever. */
async function leadsAnew(system: System, party: Party, before: Engine): Promise<boolean> {
  if (party === 'postgres') return (await system.leader()) !== null && (await canCommit(system));
  // One that is stopped would keep us waiting for its answer.
  const other = [...system.engines.values()].find((one) => one !== before);
  return (await other?.status())?.lead.role === 'leader';
}

async function hurt(system: System, { party, how }: Round, leader: Engine): Promise<{ readonly over: Promise<void> }> {
  if (how === 'disk-full') return { over: fillDisk(system) };
  const standby = [...system.engines.values()].find((one) => one !== leader) ?? leader;
  const engine = party === 'leader' ? leader : standby;
  if (how === 'stop') return { over: stopped(pidOf(system, party, engine)) };
  if (party === 'leader' || party === 'standby') {
    await engine.kill();
    return { over: pause(stoppedMs).then(() => engine.start()) };
  }
  const pid = pidOf(system, party, engine);
  process.kill(pid, 'SIGKILL');
  return {
    over: until(`${party} is back`, async () => ([0, pid].includes(pidOf(system, party, engine)) ? null : true), 60_000).then(
      () => undefined,
    ),
  };
}

async function stopped(pid: number): Promise<void> {
  // Postgres is many processes: all that work for it stand still with it.
  const all = [pid, ...childrenOf(pid)];
  for (const one of all) process.kill(one, 'SIGSTOP');
  await pause(stoppedMs);
  for (const one of all) process.kill(one, 'SIGCONT');
}

function pidOf(system: System, party: Party, engine: Engine): number {
  if (party === 'adapter') return system.adapter('shop-checkout').pid() ?? 0;
  if (party === 'nats-server') return system.bus.pid() ?? 0;
  if (party === 'postgres') return system.database.pid() ?? 0;
  return engine.pid();
}

const childrenOf = (pid: number): readonly number[] =>
  spawnSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' }).stdout.split('\n').flatMap((line) => (line.trim() === '' ? [] : [Number(line)])); // prettier-ignore

/** A small file system over the folder of the adapters' files; null: this machine lets nobody make one. */
function fullDisk(folder: string): { readonly fill: () => void; readonly free: () => void } | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return null;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const overlay = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m,mode=0700', 'tmpfs', folder]);
  if (overlay.status !== 0) return null;
  return {
    fill: () => {
      const { bavail, bsize } = statfsSync(folder);
      writeFileSync(join(folder, 'ballast'), Buffer.alloc(bavail * bsize));
    },
    free: () => {
      rmSync(join(folder, 'ballast'), { force: true });
      spawnSync('umount', ['-l', folder]);
    },
  };
}

async function fillDisk(system: System): Promise<void> {
  const disk = fullDisk(join(system.home, 'data'));
  if (disk === null) throw new Error('no file system can be mounted here');
  try {
    disk.fill();
    await pause(stoppedMs);
  } finally {
    disk.free();
  }
}

/** The rule is in force, and traffic shows it. */
const isRight = async (sidecar: string): Promise<boolean> => {
  const { status, applied } = await get(sidecar, '/cart');
  return status === 200 && applied.join().includes('gray-failure@');
};

async function isWell(system: System): Promise<true | null> {
  const leader = await system.leader();
  const status = await leader?.status();
  if (status === undefined || status === null || (await entriesAt(leader))?.length !== 1) return null;
  const other = [...system.engines.values()].find((one) => one !== leader);
  if ((await other?.status())?.lead.leader?.id !== leader?.id) return null;
  return status.targets.every((t) => t.acked === t.revision) && status.problems.every(({ code }) => !code.startsWith('E-')) ? true : null;
}

async function canCommit(system: System): Promise<boolean> {
  try {
    return (await system.query('select 1')).length === 1;
  } catch {
    // Not back yet, which is what is being waited for.
    return false;
  }
}

type Kept = { readonly revisions: ReadonlySet<string>; readonly audit: ReadonlySet<string>; readonly gaps: number };

async function recordOf({ query }: System): Promise<Kept> {
  const rows = await query<{ target: string; revision: string; hash: string; base: string }>(
    'select target, revision, hash, base from revision',
  );
  const audit = await query<{ id: string; kind: string; target: string | null; revision: string | null }>(
    `select id, kind, target, body->>'revision' revision from audit`,
  );
  const told = new Set(audit.flatMap(({ kind, target, revision }) => (kind === 'diff' ? [`${target}@${revision}`] : [])));
  const untold = rows.filter(({ target, revision }) => !told.has(`${target}@${revision}`)).length;
  const skipped = rows.filter(({ revision, base }) => Number(revision) !== Number(base) + 1).length;
  return {
    revisions: new Set(rows.map(({ target, revision, hash }) => `${target}@${revision} ${hash}`)),
    audit: new Set(audit.map(({ id, kind }) => `${id} ${kind}`)),
    gaps: untold + skipped,
  };
}

const lost = (before: ReadonlySet<string>, after: ReadonlySet<string>): number => [...before].filter((one) => !after.has(one)).length;
