import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { start, type Running } from './process.ts';

/** The loop on real traffic, as a user would start it: real Postgres, bus, sidecars, load and fault. */
let running: Running | null = null;
afterEach(async () => {
  await running?.stop();
  running = null;
});

const runMsMax = 300_000;

/** How well the users fared is a matter of the machine's speed: `npm run soak -- scenarios` measures that. Here: that every stage came, in order. */
const stages = ['crossedMs', 'decidedMs', 'publishedMs', 'acceptedMs', 'observedMs'] as const;

function expectLoopClosed(run: Running): Readonly<Record<string, number>> {
  const report = JSON.parse(run.stdout());
  const times = stages.map((stage) => report[stage] as number | null);
  expect(times, run.stderr()).not.toContain(null);
  expect(times).toEqual([...times].sort((a, b) => (a ?? 0) - (b ?? 0)));
  expect(report.clearedMs, run.stderr()).toBeGreaterThan(report.observedMs);
  expect(report.transitions % 2).toBe(0);
  return report;
}

test(
  'gray failure: measured, decided, published, enforced, seen to work, undone; its recording replays to the same transitions',
  { timeout: runMsMax },
  async () => {
    const record = join(tmpdir(), `flyball-recording-${process.pid}.jsonl`);
    running = start(['up', '--scenario', 'gray-failure', '--once', '-o', 'json', '--record', record]);
    expect([0, 1]).toContain(await running.exited);
    const report = expectLoopClosed(running);
    const replay = () => running?.run('replay', '--rules', 'rules', '--records', record);
    const [one, two] = [await replay(), await replay()];
    rmSync(record);
    expect(one?.code, one?.stderr).toBe(0);
    expect(two?.stdout).toBe(one?.stdout);
    const changes = (one?.stdout ?? '').split('\n').filter((l) => l.includes('"rule":"gray-failure"'));
    const transitions = changes.filter((l) => /"from":"(clear|pending)","to":"firing"|"from":"(firing|clearing)","to":"clear"/.test(l));
    expect(transitions).toHaveLength(report['transitions'] ?? -1);
  },
);

test('error burst, on the local bus: traffic is split to the other version and comes back', { timeout: runMsMax }, async () => {
  running = start(['up', '--scenario', 'error-burst', '--once', '-o', 'json', '--bus', 'local']);
  expect([0, 1]).toContain(await running.exited);
  expect(expectLoopClosed(running)).toMatchObject({ bus: 'local', sidecar: 'builtin', database: 'embedded' });
});

test('flood, on the local bus: one client is limited at the entrance, nobody else is refused', { timeout: runMsMax }, async () => {
  running = start(['up', '--scenario', 'flood', '--once', '-o', 'json', '--bus', 'local']);
  expect([0, 1]).toContain(await running.exited);
  const { figures } = expectLoopClosed(running) as unknown as { readonly figures: Readonly<Record<string, number>> };
  // Twice what is usual is 15 a second; a machine that stood still lets its backlog count.
  expect(figures['clientAdmittedPerS'], running.stderr()).toBeLessThan(40);
  expect(figures['clientRefusedPerS'], running.stderr()).toBeGreaterThan(150);
});

test('a rule that would be refused stops the start, and says where', { timeout: runMsMax }, async () => {
  running = start(['up', '--once', '--rules', 'no-such-folder']);
  expect(await running.exited).toBe(2);
  expect(running.stderr()).toContain('no file or folder');
});
