import { expect, test } from 'vitest';
import { simulateEngines } from './engines.ts';
import { realCode } from './world.ts';

const seeds = Number(process.env['SEEDS'] ?? 150);

test(`several engines on one record: ${seeds} seeds have one leader at a time, and converge`, { timeout: 600_000 }, () => {
  const sums = { revisions: 0, terms: 0, adopted: 0 };
  for (let seed = 1; seed <= seeds; seed++) {
    const { violation, revisions, terms, adopted } = simulateEngines(seed, realCode);
    expect(violation, `seed ${seed}`).toBe(null);
    sums.revisions += revisions;
    sums.terms += terms;
    sums.adopted += adopted ? 1 : 0;
  }
  // The seeds really do something.
  expect(sums.revisions / seeds).toBeGreaterThan(8);
  expect(sums.terms / seeds).toBeGreaterThan(4);
  expect(sums.adopted).toBeGreaterThan(seeds / 50);
});
