import type { Random } from '../../src/ports/random.ts';

/** Values in [0, 1) by the name of what is drawn for; a name's values spread evenly over any short stretch of calls. */
export type Sequences = (name: string) => number;

/** Beyond this many names the oldest is forgotten: it starts again from a new seed. */
const namesMax = 4_096;

/**
 * Additive recurrences x ← x + α mod 1 on 32 bits. Independent random numbers would make 2 % of 78 requests a second anything from 0 to 5;
 * these make it 1 or 2. α is the golden ratio's fraction for the first name and the fractions of √2, √3 … for the next ones: all badly
 * approximable, so evenly spread, and independent over the rationals, so that two draws of one request are not tied to each other
 * (with one α for all, "deny half" and "split half" would pick the same half for ever).
 */
export function sequences(random: Random): Sequences {
  const states = new Map<string, { x: number; readonly step: number }>();
  let names = 0;
  return (name) => {
    let state = states.get(name);
    if (state === undefined) {
      if (states.size >= namesMax) states.delete(states.keys().next().value ?? '');
      state = { x: random.integer(two32), step: steps[names++ % steps.length] ?? 0 };
      states.set(name, state);
    }
    state.x = (state.x + state.step) >>> 0;
    return state.x / two32;
  };
}

const two32 = 2 ** 32;

/** Quadratic irrationals of twelve different fields, those with the smallest partial quotients: the smaller, the more even. */
const steps = [
  (1 + Math.sqrt(5)) / 2,
  Math.sqrt(2),
  Math.sqrt(3),
  (1 + Math.sqrt(13)) / 2,
  (1 + Math.sqrt(17)) / 2,
  (1 + Math.sqrt(21)) / 2,
  Math.sqrt(6),
  Math.sqrt(7),
  (1 + Math.sqrt(29)) / 2,
  Math.sqrt(14),
  Math.sqrt(11),
  Math.sqrt(10),
].map((irrational) => Math.round((irrational % 1) * two32) | 1);
