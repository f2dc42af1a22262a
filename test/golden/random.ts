/** mulberry32: the same seed gives the same numbers in [0, 1). */
export function seeded(seed: number): { readonly below: (n: number) => number; readonly pick: <T>(of: readonly T[]) => T } {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (n: number): number => Math.floor(next() * n);
  return {
    below,
    pick: (of) => {
      const one = of[below(of.length)];
      if (one === undefined) throw new Error('pick from nothing');
      return one;
    },
  };
}
