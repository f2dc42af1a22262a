import { compareText } from '../../model/order.ts';

/** All of it, in parts per million. */
export const wholePpm = 1_000_000;

/** Percent to parts per million; undefined unless 0 … 100. */
export function ppmOf(percent: number): number | undefined {
  return percent >= 0 && percent <= 100 ? Math.round(percent * (wholePpm / 100)) : undefined;
}

/**
 * Weights as parts per million that sum to exactly 1,000,000: what rounding down leaves goes to the largest remainders, then to the first
 * name. With a `rest` the others are percentages and it gets what is left of 100; without one only their proportions count.
 * Errors: a text that says what is wrong (a weight under 0 or not finite, more than 100 beside a rest, nothing but zeros).
 */
export function sharesOf(weights: ReadonlyMap<string, number | 'rest'>): ReadonlyMap<string, number> | string {
  const given = [...weights].flatMap(([name, weight]) => (weight === 'rest' ? [] : [[name, weight] as const]));
  if (given.some(([, weight]) => !(weight >= 0 && weight < Infinity))) return 'a weight is not 0 or more';
  const total = given.reduce((sum, [, weight]) => sum + weight, 0);
  const rests = [...weights.keys()].filter((name) => weights.get(name) === 'rest');
  if (rests.length > 1) return 'only one weight can be the rest';
  if (rests.length === 1 && total > 100) return `the weights beside the rest sum to ${total}, more than 100`;
  const all = [...given, ...rests.map((name) => [name, 100 - total] as const)];
  const whole = rests.length === 1 ? 100 : total;
  return whole > 0 ? largestRemainder(all, whole) : 'all weights are 0';
}

function largestRemainder(weights: readonly (readonly [string, number])[], whole: number): ReadonlyMap<string, number> {
  const exact = weights.map(([name, weight]) => ({ name, share: (weight / whole) * wholePpm }));
  const left = wholePpm - exact.reduce((sum, { share }) => sum + Math.floor(share), 0);
  const lucky = new Set(
    [...exact]
      .sort((a, b) => remainder(b.share) - remainder(a.share) || compareText(a.name, b.name))
      .slice(0, left)
      .map(({ name }) => name),
  );
  return new Map(exact.map(({ name, share }) => [name, Math.floor(share) + (lucky.has(name) ? 1 : 0)]));
}

const remainder = (share: number): number => share - Math.floor(share);
