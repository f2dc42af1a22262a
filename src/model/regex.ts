import { complement, sourceOf } from './charset.ts';
import {
  codeOf,
  literal,
  newline,
  next,
  NotPortable,
  peek,
  readClass,
  readEscape,
  take,
  until,
  type Flags,
  type Reader,
} from './regexclass.ts';

export { NotPortable };

/** Patterns longer than this are refused: a table entry is at most 8 KiB (protocol.md section 2). */
export const patternMax = 4096;
const groupsDeepMax = 100;

/**
 * The V8 form of a pattern that RE2 has accepted, for test() only. V8 reads some RE2 syntax silently in another way (`\A`, `\z`,
 * `[[:alpha:]]`, `.`, `\s`) and refuses other (`(?i)`), so the pattern is read by RE2's grammar and written anew, without flags: the u and
 * i flags would keep V8's linear engine (--enable-experimental-regexp-engine-on-excessive-backtracks) from taking over.
 * Errors: throws NotPortable for \p{…}, case folding beyond ASCII, and what is not RE2.
 */
export function toRegExp(pattern: string): RegExp {
  if (pattern.length > patternMax) throw new NotPortable(`a pattern longer than ${patternMax}`);
  const reader: Reader = { chars: Array.from(pattern), at: 0, deep: 0 };
  const source = readAlternatives(reader, { fold: false, lines: false, all: false });
  if (reader.at < reader.chars.length) throw new NotPortable('an unmatched )');
  return new RegExp(source);
}

function readAlternatives(reader: Reader, outer: Flags): string {
  let flags = outer;
  const alternatives = [''];
  while (reader.at < reader.chars.length && !peek(reader, ')')) {
    if (take(reader, '|')) alternatives.push('');
    else if (peek(reader, '(?') && !peek(reader, '(?P') && !peek(reader, '(?<')) {
      const group = readFlagGroup(reader, flags);
      // "(?i)" holds to the end of the group it stands in, over | too.
      if (group.source === null) flags = group.flags;
      else alternatives[alternatives.length - 1] += readRepeat(reader, group.source);
    } else if (take(reader, '\\Q')) alternatives[alternatives.length - 1] += readQuoted(reader, flags);
    else alternatives[alternatives.length - 1] += readRepeat(reader, readAtom(reader, flags));
  }
  return alternatives.join('|');
}

function readFlagGroup(reader: Reader, outer: Flags): { readonly source: string | null; readonly flags: Flags } {
  reader.at += 2;
  let { fold, lines, all } = outer;
  let on = true;
  for (;;) {
    const char = next(reader);
    if (char === '-' && on) on = false;
    else if (char === 'i') fold = on;
    else if (char === 'm') lines = on;
    else if (char === 's') all = on;
    else if (char === ')') return { source: null, flags: { fold, lines, all } };
    else if (char === ':') return { source: readGroup(reader, { fold, lines, all }), flags: outer };
    else if (char !== 'U') throw new NotPortable(`(?${char}`);
  }
}

function readGroup(reader: Reader, flags: Flags): string {
  if (++reader.deep > groupsDeepMax) throw new NotPortable(`groups nested deeper than ${groupsDeepMax}`);
  const source = `(?:${readAlternatives(reader, flags)})`;
  if (!take(reader, ')')) throw new NotPortable('a missing )');
  reader.deep--;
  return source;
}

/** \Q…\E: an operator after it repeats the last character. */
function readQuoted(reader: Reader, flags: Flags): string {
  const sources: string[] = [];
  while (reader.at < reader.chars.length && !take(reader, '\\E')) sources.push(literal(codeOf(next(reader)), flags));
  const final = sources.pop();
  return sources.join('') + (final === undefined ? '' : readRepeat(reader, final));
}

function readRepeat(reader: Reader, atom: string): string {
  const rest = reader.chars.slice(reader.at, reader.at + 12).join('');
  const operator = /^(?:[*+?]|\{[0-9]{1,4}(?:,[0-9]{0,4})?\})/.exec(rest)?.[0];
  if (operator === undefined) return atom;
  take(reader, operator);
  take(reader, '?');
  return `(?:${atom})${operator}`;
}

function readAtom(reader: Reader, flags: Flags): string {
  const char = next(reader);
  if (char === '(') {
    if (take(reader, '?P<') || take(reader, '?<')) until(reader, '>');
    return readGroup(reader, flags);
  }
  if (char === '[') return sourceOf(readClass(reader, flags));
  if (char === '.') return sourceOf(flags.all ? complement([]) : complement(newline));
  if (char === '^') return flags.lines ? '(?:^|(?<=\\n))' : '^';
  if (char === '$') return flags.lines ? '(?:$|(?=\\n))' : '$';
  if (char === '\\') return readEscape(reader, flags);
  if (char === '*' || char === '+' || char === '?') throw new NotPortable(`${char} with nothing to repeat`);
  return literal(codeOf(char), flags);
}
