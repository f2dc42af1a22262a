import { complement, intersect, sourceOf, union, type CharSet } from './charset.ts';

/** Characters, escapes and classes of RE2's syntax, as sets of code points (regex.ts reads the rest). */

/** A pattern that RE2 takes and V8 cannot be made to read in the same way; `message` names the part. */
export class NotPortable extends Error {}

export type Reader = { readonly chars: readonly string[]; at: number; deep: number };
/** i: case folds; m: ^ and $ at lines; s: `.` takes \n too. (U, lazy by default, changes no yes or no.) */
export type Flags = { readonly fold: boolean; readonly lines: boolean; readonly all: boolean };

const ranges = (text: string): CharSet =>
  union(Array.from({ length: text.length / 2 }, (_, i) => [text.charCodeAt(2 * i), text.charCodeAt(2 * i + 1)] as const));
const perl: Readonly<Record<string, CharSet>> = { d: ranges('09'), w: ranges('09AZ__az'), s: ranges('\t\n\f\r  ') };
const posix: Readonly<Record<string, CharSet>> = {
  alnum: ranges('09AZaz'),
  alpha: ranges('AZaz'),
  ascii: ranges('\x00\x7f'),
  blank: ranges('\t\t  '),
  cntrl: ranges('\x00\x1f\x7f\x7f'),
  digit: ranges('09'),
  graph: ranges('!~'),
  lower: ranges('az'),
  print: ranges(' ~'),
  punct: ranges('!/:@[`{~'),
  space: ranges('\t\r  '),
  upper: ranges('AZ'),
  word: ranges('09AZ__az'),
  xdigit: ranges('09AFaf'),
};
const controls: Readonly<Record<string, number>> = { a: 7, f: 12, t: 9, n: 10, r: 13, v: 11 };
export const newline: CharSet = [[10, 10]];

export const peek = (reader: Reader, text: string): boolean => Array.from(text).every((char, i) => reader.chars[reader.at + i] === char);
export const take = (reader: Reader, text: string): boolean => {
  if (!peek(reader, text)) return false;
  reader.at += Array.from(text).length;
  return true;
};
export const next = (reader: Reader): string => {
  const char = reader.chars[reader.at++];
  if (char === undefined) throw new NotPortable('a pattern that ends too early');
  return char;
};
/** The text up to `end`, which is taken too. */
export const until = (reader: Reader, end: string): string => {
  let text = '';
  while (!take(reader, end)) text += next(reader);
  return text;
};

export function readEscape(reader: Reader, flags: Flags): string {
  if (take(reader, 'A')) return '^';
  if (take(reader, 'z')) return '$';
  if (take(reader, 'b')) return '\\b';
  if (take(reader, 'B')) return '\\B';
  const set = readPerl(reader, flags);
  return set === null ? literal(readCode(reader), flags) : sourceOf(set);
}

/** After `[`, up to and with its `]`. A `]` that comes first is a member. */
export function readClass(reader: Reader, flags: Flags): CharSet {
  const negated = take(reader, '^');
  const members: CharSet[] = [];
  for (let first = true; first || !peek(reader, ']'); first = false) members.push(readMember(reader, flags));
  take(reader, ']');
  const set = union(...members);
  return negated ? complement(set) : set;
}

function readMember(reader: Reader, flags: Flags): CharSet {
  const name = /^\[:(\^?)([a-z]+):\]/.exec(reader.chars.slice(reader.at, reader.at + 12).join(''));
  if (name !== null) {
    const set = posix[name[2] ?? ''];
    if (set === undefined) throw new NotPortable(name[0]);
    take(reader, name[0]);
    return name[1] === '^' ? complement(folded(set, flags)) : folded(set, flags);
  }
  const escaped = take(reader, '\\');
  const set = escaped ? readPerl(reader, flags) : null;
  if (set !== null) return set;
  const from = escaped ? readCode(reader) : codeOf(next(reader));
  if (!peek(reader, '-') || reader.chars[reader.at + 1] === ']' || reader.chars[reader.at + 1] === undefined)
    return folded([[from, from]], flags);
  take(reader, '-');
  const to = take(reader, '\\') ? readCode(reader) : codeOf(next(reader));
  if (to < from) throw new NotPortable('a class range that runs backwards');
  return folded([[from, to]], flags);
}

/** \d \D \s \S \w \W after the backslash; null when it is another escape. */
function readPerl(reader: Reader, flags: Flags): CharSet | null {
  const char = reader.chars[reader.at] ?? '';
  if (char === 'p' || char === 'P') throw new NotPortable('\\p{…}, classes of Unicode');
  const set = perl[char.toLowerCase()];
  if (set === undefined) return null;
  reader.at++;
  return char === char.toLowerCase() ? folded(set, flags) : complement(folded(set, flags));
}

/** One character after its backslash. */
function readCode(reader: Reader): number {
  const char = next(reader);
  if (char === 'x') return take(reader, '{') ? hex(until(reader, '}')) : hex(next(reader) + next(reader));
  const control = controls[char];
  if (control !== undefined) return control;
  if (/[0-7]/.test(char)) {
    const digits = /^[0-7]{0,2}/.exec(reader.chars.slice(reader.at, reader.at + 2).join(''))?.[0] ?? '';
    if (char !== '0' && digits === '') throw new NotPortable(`\\${char}, a backreference`);
    take(reader, digits);
    return Number.parseInt(char + digits, 8);
  }
  if (/[0-9A-Za-z]/.test(char) || codeOf(char) > 127) throw new NotPortable(`\\${char}`);
  return codeOf(char);
}

function hex(digits: string): number {
  const code = /^[0-9A-Fa-f]+$/.test(digits) ? Number.parseInt(digits, 16) : Number.NaN;
  if (!(code <= 0x10ffff)) throw new NotPortable(`\\x{${digits}}`);
  return code;
}

export const codeOf = (char: string): number => char.codePointAt(0) ?? 0;
export const literal = (code: number, flags: Flags): string => sourceOf(folded([[code, code]], flags));

const letters: CharSet = ranges('AZaz');

/** With i, both cases; K and S have a third form (U+212A, U+017F) in Unicode's simple folding, which RE2 follows. */
function folded(set: CharSet, flags: Flags): CharSet {
  if (!flags.fold) return set;
  if (set.some(([, to]) => to > 127)) throw new NotPortable('(?i) over characters beyond ASCII');
  const cases = intersect(set, letters).flatMap(([from, to]) =>
    Array.from({ length: to - from + 1 }, (_, i) => from + i).flatMap((code): CharSet => {
      const lower = code | 0x20;
      const third = lower === 0x6b ? 0x212a : lower === 0x73 ? 0x17f : lower;
      return [lower, lower - 0x20, third].map((one) => [one, one] as const);
    }),
  );
  return union(set, cases);
}
