import { expect, test } from 'vitest';
import { keptSeeds } from './seeds.ts';
import { traced } from './trace.ts';
import { realCode } from './world.ts';
import { worlds } from './worlds.ts';

/** `npm run sim` sets them. */
const [only, seeds, from] = [process.env['SIM_WORLD'] ?? '', Number(process.env['SIM_SEEDS'] ?? 0), Number(process.env['SIM_FROM'] ?? 1)];
const sayEvery = 250;

if (seeds > 0) {
  test.each(Object.entries(worlds).filter(([name]) => only === '' || name === only))(
    '%s keeps the protocol',
    { timeout: 24 * 3_600_000 },
    (name, simulate) => {
      const failed: string[] = [];
      for (let i = 0; i < seeds; i++) {
        const { code, hash } = seeds === 1 ? traced(realCode) : { code: realCode, hash: null };
        const { violation, ...counts } = simulate(from + i, code);
        if (hash !== null) process.stdout.write(`trace ${name} ${from} ${hash()} ${JSON.stringify(counts)}\n`);
        if (violation !== null) failed.push(`seed ${from + i}: ${violation}`);
        if (violation !== null) process.stdout.write(`failed ${name} ${from + i} ${violation}\n`);
        if ((i + 1) % sayEvery === 0 || i + 1 === seeds) process.stdout.write(`done ${name} ${i + 1}\n`);
      }
      expect(failed).toEqual([]);
    },
  );
}

test.each(Object.entries(keptSeeds).flatMap(([name, list]) => list.map((seed) => ({ name, seed }))))(
  'seed $seed of $name is clean',
  ({ name, seed }) => {
    expect(worlds[name]?.(seed, realCode).violation).toBe(null);
  },
);

test.each(Object.entries(worlds))('%s: the same seed gives the same trace, each time, and another seed another', (_, simulate) => {
  const hashOf = (seed: number): string => {
    const { code, hash } = traced(realCode);
    simulate(seed, code);
    return hash();
  };
  const times = Number(process.env['SIM_TIMES'] ?? 20);
  const hashes = new Set(Array.from({ length: times }, () => hashOf(7)));
  expect(hashes.size).toBe(1);
  expect(hashOf(8)).not.toBe([...hashes][0]);
});
