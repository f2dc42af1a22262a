/** Exact shares of traffic as whole numbers: only their proportions count. */

/** All divided by what divides them all; zeros stay. */
export function reduced(weights: readonly bigint[]): readonly bigint[] {
  const common = weights.reduce(gcd, 0n);
  return common === 0n ? weights : weights.map((weight) => weight / common);
}

export const sum = (weights: readonly bigint[]): bigint => weights.reduce((all, weight) => all + weight, 0n);

/** The least number that each of these divides; 1 for none. */
export const leastCommon = (numbers: readonly bigint[]): bigint => numbers.reduce((all, n) => (all / gcd(all, n)) * n, 1n);

/**
 * Which of the weights a draw in [0, 1) falls on, exactly: no share is rounded but that of the draw itself (53 bits).
 * undefined when all are zero.
 */
export function pick(weights: readonly bigint[], draw: number): number | undefined {
  const total = sum(weights);
  if (total === 0n) return undefined;
  const at = BigInt(Math.floor(draw * 2 ** 53)) * total;
  let upTo = 0n;
  for (const [i, weight] of weights.entries()) {
    upTo += weight;
    if (at < upTo << 53n) return i;
  }
  return weights.findLastIndex((weight) => weight > 0n);
}

function gcd(a: bigint, b: bigint): bigint {
  let [x, y] = [a, b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}
