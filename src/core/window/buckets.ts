/**
 * Numbers in order, cut into intervals: 128 to each octave, so that any number of an interval stands for the others within 0.8 %, and once
 * more at every constant that a quantile is compared with, which is an interval of its own. A quantile's interval then says exactly on
 * which side of the constant it lies (rules.md section 3.6).
 */
export type Buckets = {
  /** The interval of a number; greater numbers have none lower. */
  readonly idOf: (x: number) => number;
  /** Where a number lies among the constants: 2n between the nth and the next, 2n + 1 at the (n + 1)th; always below `sides`. */
  readonly sideOf: (x: number) => number;
  readonly sides: number;
  /** Compared with any of the constants, it says what each number of the side says. */
  readonly standIn: (side: number) => number;
  /** A number of the interval: the constant itself, or one near the middle with few digits, within 1 % of all; whole where all are whole. */
  readonly valueOf: (id: number) => number;
};

/** Values of intervals that are remembered. */
const shownMax = 10_000;
const shift = 13;
/** Table of the intervals from 1 to 2^54, where most values lie. */
const tableFrom = 1023 << 7;
const tableSize = 54 << 7;

export function createBuckets(constants: Iterable<number>, whole: boolean): Buckets {
  // No double near 0 stands for it within 1 %, so it is an interval of its own.
  const cuts = [...new Set([...constants, 0])].map((cut) => (cut === 0 ? 0 : cut)).sort((a, b) => a - b);
  const shown = new Map<number, number>();
  const double = new Float64Array(1);
  const words = new Uint32Array(double.buffer);
  const isLittle = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
  const highWord = isLittle ? 1 : 0;

  const octavePart = (x: number): number => {
    if (x < 0) return -1 - octavePart(-x);
    double[0] = x === 0 ? 0 : x;
    return words[highWord]! >>> shift;
  };
  /** Where the interval begins that a number of this part lies in. */
  const edge = (part: number): number => {
    if (part < 0) return -edge(-part);
    words[1 - highWord] = 0;
    words[highWord] = part << shift;
    return double[0]!;
  };
  const cutParts = cuts.map(octavePart);
  /** −1: a constant lies in it. */
  const table = Int32Array.from({ length: tableSize }, (_, i) =>
    cutParts.includes(tableFrom + i) ? -1 : tableFrom + i + 2 * cutsBelow(tableFrom + i),
  );

  /** By part, the side of all its numbers; −1: a constant lies in it. */
  const sideTable = Int32Array.from(table, (id, i) => (id < 0 ? -1 : id - tableFrom - i));

  function cutsBelow(part: number): number {
    let n = 0;
    while (n < cutParts.length && cutParts[n]! < part) n++;
    return n;
  }
  function searched(x: number, part: number): number {
    let n = cutsBelow(part);
    while (n < cuts.length && cutParts[n] === part && x > cuts[n]!) n++;
    return part + 2 * n + (n < cuts.length && x === cuts[n] ? 1 : 0);
  }
  return {
    idOf: (x) => {
      if (x >= 1) {
        double[0] = x;
        const part = words[highWord]! >>> shift;
        const id = part - tableFrom < tableSize ? table[part - tableFrom]! : -1;
        return id < 0 ? searched(x, part) : id;
      }
      return searched(x, octavePart(x));
    },
    sideOf: (x) => {
      if (x >= 1) {
        double[0] = x;
        const part = words[highWord]! >>> shift;
        const side = part - tableFrom < tableSize ? sideTable[part - tableFrom]! : -1;
        if (side >= 0) return side;
      }
      const part = octavePart(x);
      return searched(x, part) - part;
    },
    sides: 2 * cuts.length + 1,
    standIn: (side) => {
      if (side % 2 === 1) return cuts[(side - 1) / 2]!;
      const [below, above] = [cuts[side / 2 - 1], cuts[side / 2]];
      return below === undefined ? -Infinity : above === undefined ? Infinity : middle(below, above);
    },
    valueOf: (id) => {
      const known = shown.get(id);
      if (known !== undefined) return known;
      if (shown.size >= shownMax) shown.clear();
      const value = middleOf(id);
      shown.set(id, value);
      return value;
    },
  };

  function middleOf(id: number): number {
    let n = 0;
    while (n < cuts.length && cutParts[n]! + 2 * n + 1 < id) n++;
    if (n < cuts.length && cutParts[n]! + 2 * n + 1 === id) return cuts[n]!;
    const part = id - 2 * n;
    const below = n > 0 && cutParts[n - 1] === part ? cuts[n - 1]! : null;
    const above = n < cuts.length && cutParts[n] === part ? cuts[n]! : null;
    const [from, to] = [edge(part), edge(part + 1)];
    if (!Number.isFinite(from) || !Number.isFinite(to)) return part < 0 ? -Infinity : Infinity;
    if (!whole) return shortIn(middle(below ?? from, above ?? to), below ?? from, above ?? to);
    // Intervals of positive numbers hold their lower edge, those of negative ones their upper.
    const least = below !== null ? below + 1 : part < 0 ? Math.floor(from) + 1 : Math.ceil(from);
    const most = above !== null ? above - 1 : part < 0 ? Math.floor(to) : Math.ceil(to) - 1;
    return shortIn(least + Math.floor((most - least) / 2), least, most);
  }
}

/** A number people can read, if one with three or four digits lies strictly inside. */
function shortIn(x: number, least: number, most: number): number {
  for (const digits of [3, 4]) {
    const short = Number(x.toPrecision(digits));
    if (short > least && short < most) return short;
  }
  return x;
}

const middle = (a: number, b: number): number => a + (b - a) / 2;
