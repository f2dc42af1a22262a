import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { start, type Running } from './process.ts';

/** The loop on real traffic, as a user would start it: real Postgres, bus, sidecars, load and fault. */
let running: Running | null = null;
afterEach(async () => {
  await running?.stop();
  running = null;
});

const runMsMax = 120_000;

test(
  'gray failure: measured, decided, published, enforced, seen to work, undone; its recording replays to the same transitions',
  { timeout: runMsMax },
  async () => {
    const record = join(process.env['TMPDIR'] ?? '/tmp', `flyball-recording-${process.pid}.jsonl`);
    running = start(['up', '--scenario', 'gray-failure', '--once', '-o', 'json', '--record', record]);
    const code = await running.exited;
    const report = JSON.parse(running.stdout());
    expect({ code, ...report }, running.stderr()).toMatchObject({ code: 0, ok: true, scenario: 'gray-failure', transitions: 2, failed: { before: 0, during: 0, after: 0 } }); // prettier-ignore
    const { crossedMs, decidedMs, publishedMs, acceptedMs, observedMs, recoveredMs, clearedMs } = report;
    const stages = [0, crossedMs, decidedMs, publishedMs, acceptedMs, observedMs];
    expect(stages).toEqual([...stages].sort((a, b) => a - b));
    expect(recoveredMs).toBeLessThan(clearedMs);
    expect(running.stderr()).not.toMatch(/not as it should be/);
    const replay = () => running?.run('replay', '--rules', 'rules', '--records', record);
    const [one, two] = [await replay(), await replay()];
    expect(one?.code, one?.stderr).toBe(0);
    expect(two?.stdout).toBe(one?.stdout);
    const transitions = (one?.stdout ?? '').split('\n').filter((l) => /"rule":"gray-failure".*"from":"(clear|pending)","to":"firing"|"rule":"gray-failure".*"from":"(firing|clearing)","to":"clear"/.test(l)); // prettier-ignore
    expect(transitions.length).toBe(report.transitions);
  },
);

test('error burst, on the local bus: traffic is split to the other version and comes back', { timeout: runMsMax }, async () => {
  running = start(['up', '--scenario', 'error-burst', '--once', '-o', 'json', '--bus', 'local']);
  const code = await running.exited;
  expect({ code, ...JSON.parse(running.stdout()) }, running.stderr()).toMatchObject({ code: 0, ok: true, bus: 'local', transitions: 2 });
});

test('a rule that would be refused stops the start, and says where', { timeout: runMsMax }, async () => {
  running = start(['up', '--once', '--rules', 'no-such-folder']);
  expect(await running.exited).toBe(2);
  expect(running.stderr()).toContain('no file or folder');
});
