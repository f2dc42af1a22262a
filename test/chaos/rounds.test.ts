import { afterEach, expect, test } from 'vitest';
import { seeded } from '../protocol/random.ts';
import { playRound, roundsHere, type Figures } from './rounds.ts';
import { enforced, startSystem, type System } from './system.ts';

let system: System | null = null;
afterEach(async () => {
  await system?.stop();
  system = null;
});

const many = Number(process.env['FLYBALL_CHAOS_ROUNDS'] ?? 3);
const seed = Number(process.env['FLYBALL_SEED'] ?? 1);

test(
  `${many} rounds on random parties of a system in mid-incident: nothing is lost, and no request fails`,
  { timeout: 3_600_000 },
  async () => {
    system = await startSystem();
    system.fault(true);
    await enforced(system);
    const { rounds, not } = roundsHere(system);
    if (not !== null) process.stderr.write(`not played: ${not}\n`);
    const random = seeded(seed);
    const all: Figures[] = [];
    // Each once, in random order, before any comes again.
    let left: readonly (typeof rounds)[number][] = [];
    for (let i = 0; i < many; i++) {
      if (left.length === 0) left = rounds;
      const round = random.pick(left);
      left = left.filter((one) => one !== round);
      try {
        all.push(await playRound(system, round));
      } catch (error) {
        throw new Error(`${round.how} of ${round.party}: ${String(error)}\n${system.said()}`, { cause: error });
      }
      process.stdout.write(`round ${JSON.stringify(all.at(-1))}\n`);
    }
    for (const one of all) {
      const { party, how } = one;
      expect(one, `${how} of ${party}`).toMatchObject({ failed: 0, revisionsLost: 0, auditLost: 0, gaps: 0 });
      expect(one.requests).toBeGreaterThan(50);
    }
  },
);
