/** mulberry32: a seeded generator, small and good enough to explore with. */
export type Seeded = {
  /** 0 ≤ x < 1. */
  readonly next: () => number;
  readonly integer: (below: number) => number;
  readonly hex: (bytes: number) => string;
  readonly chance: (p: number) => boolean;
  readonly pick: <T>(from: readonly T[]) => T;
};

export function seeded(seed: number): Seeded {
  let a = seed >>> 0;
  const next = (): number => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = a;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const integer = (below: number): number => Math.floor(next() * below);
  return {
    next,
    integer,
    hex: (bytes) => Array.from({ length: bytes }, () => integer(256).toString(16).padStart(2, '0')).join(''),
    chance: (p) => next() < p,
    pick: (from) => {
      const one = from[integer(from.length)];
      if (one === undefined) throw new Error('nothing to pick from');
      return one;
    },
  };
}
