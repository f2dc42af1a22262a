import { expect, test } from 'vitest';
import { simulateRich } from './rich.ts';
import { realCode } from './world.ts';

const seeds = Number(process.env['SEEDS'] ?? 1_000);

test(`parts, key sets, a shared device and a hostile wire: ${seeds} seeds keep the protocol and converge`, { timeout: 600_000 }, () => {
  const sums = { revisions: 0, parts: 0, rotations: 0, revocations: 0, hostile: 0, takeovers: 0 };
  const refused: { [reason: string]: number } = {};
  for (let seed = 1; seed <= seeds; seed++) {
    const outcome = simulateRich(seed, realCode);
    expect(outcome.violation, `seed ${seed}`).toBe(null);
    for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += outcome[name];
    for (const [reason, n] of Object.entries(outcome.refused)) refused[reason] = (refused[reason] ?? 0) + n;
  }
  if (process.env['SHOW'] === '1') process.stderr.write(`${JSON.stringify({ ...sums, refused })}\n`);
  // The seeds really do something.
  expect(sums.revisions / seeds).toBeGreaterThan(4);
  expect(sums.parts / seeds).toBeGreaterThan(5);
  expect(sums.rotations / seeds).toBeGreaterThan(1);
  expect(sums.revocations / seeds).toBeGreaterThan(0.3);
  expect(sums.hostile / seeds).toBeGreaterThan(15);
  expect(sums.takeovers).toBeGreaterThan(seeds / 10);
  for (const reason of ['signature', 'revoked', 'part', 'part-twice', 'target', 'nonce']) expect(refused[reason]).toBeGreaterThan(0);
});
