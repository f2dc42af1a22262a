import { expect, test } from 'vitest';
import { simulate } from './simulate.ts';
import { realCode } from './world.ts';

const seeds = Number(process.env['SEEDS'] ?? 2_000);

test(`hold and lead over a bad network: ${seeds} seeds keep the protocol and converge`, { timeout: 600_000 }, () => {
  const sums = { revisions: 0, behind: 0, sent: 0 };
  for (let seed = 1; seed <= seeds; seed++) {
    const { violation, revisions, behind, sent } = simulate(seed, realCode);
    expect(violation, `seed ${seed}`).toBe(null);
    sums.revisions += revisions;
    sums.behind += behind ? 1 : 0;
    sums.sent += sent;
  }
  // The seeds really do something.
  expect(sums.revisions / seeds).toBeGreaterThan(4);
  expect(sums.behind).toBeGreaterThan(seeds / 100);
  expect(sums.sent / seeds).toBeGreaterThan(50);
});
