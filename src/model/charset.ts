/** Sets of code points as sorted ranges that do not touch, and how V8 without its u flag matches one code point of them. */
export type CharSet = readonly (readonly [number, number])[];

const last = 0x10ffff;

export const union = (...sets: readonly CharSet[]): CharSet => {
  const merged: [number, number][] = [];
  for (const [from, to] of sets.flat().sort(([a], [b]) => a - b)) {
    const before = merged.at(-1);
    if (before !== undefined && from <= before[1] + 1) before[1] = Math.max(before[1], to);
    else merged.push([from, to]);
  }
  return merged;
};

export const complement = (set: CharSet): CharSet => {
  const out: [number, number][] = [];
  let from = 0;
  for (const [a, b] of union(set)) {
    if (a > from) out.push([from, a - 1]);
    from = b + 1;
  }
  if (from <= last) out.push([from, last]);
  return out;
};

export const intersect = (a: CharSet, b: CharSet): CharSet => complement(union(complement(a), complement(b)));

const surrogates: CharSet = [[0xd800, 0xdfff]];
const basic: CharSet = [[0, 0xffff]];
const astral: CharSet = [[0x10000, last]];

/**
 * V8 source that matches exactly one code point of the set. Facts are well-formed text, so that surrogates come in pairs and a lone one
 * need not match.
 */
export function sourceOf(set: CharSet): string {
  const low = intersect(set, intersect(basic, complement(surrogates)));
  const high = intersect(set, astral).flatMap(([from, to]) => pairs(from, to));
  const parts = [...(low.length > 0 ? [`[${low.map(rangeText).join('')}]`] : []), ...high];
  if (parts.length === 0) return '[]';
  return parts.length === 1 && high.length === 0 ? (parts[0] ?? '') : `(?:${parts.join('|')})`;
}

const unit = (code: number): string => `\\u${code.toString(16).padStart(4, '0')}`;
const rangeText = ([from, to]: readonly [number, number]): string => (from === to ? unit(from) : `${unit(from)}-${unit(to)}`);

/** Surrogate pairs for a range above U+FFFF: a first row, whole rows, a last row. */
function pairs(from: number, to: number): readonly string[] {
  const row = (code: number): number => 0xd800 + ((code - 0x10000) >> 10);
  const column = (code: number): number => 0xdc00 + ((code - 0x10000) & 0x3ff);
  const text = (rows: readonly [number, number], columns: readonly [number, number]): string =>
    `[${rangeText(rows)}][${rangeText(columns)}]`;
  if (row(from) === row(to)) return [text([row(from), row(from)], [column(from), column(to)])];
  const firstWhole = column(from) === 0xdc00 ? row(from) : row(from) + 1;
  const lastWhole = column(to) === 0xdfff ? row(to) : row(to) - 1;
  return [
    ...(firstWhole > row(from) ? [text([row(from), row(from)], [column(from), 0xdfff])] : []),
    ...(firstWhole <= lastWhole ? [text([firstWhole, lastWhole], [0xdc00, 0xdfff])] : []),
    ...(lastWhole < row(to) ? [text([row(to), row(to)], [0xdc00, column(to)])] : []),
  ];
}
