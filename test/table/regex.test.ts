import { RE2JS } from '@bufbuild/re2';
import { describe, expect, test } from 'vitest';
import { NotPortable, toRegExp } from '../../src/model/regex.ts';
import { randomOf, type Random } from './random.ts';

const pieces = [
  'a',
  'b',
  'K',
  's',
  '/',
  '-',
  '.',
  '\\.',
  '^',
  '$',
  '\\A',
  '\\z',
  '\\b',
  '\\B',
  '\\d',
  '\\D',
  '\\w',
  '\\W',
  '\\s',
  '\\S',
  'é',
  '😀',
  '[a-c]',
  '[^a]',
  '[]a]',
  '[^]a]',
  '[[:alpha:]]',
  '[[:^digit:]_]',
  '[a\\-z]',
  '[\\d-]',
  '[😀-😂]',
  '[\\x{1F600}x]',
  '[a-]',
  '[[a]',
  '[^\\W_]',
  '[\\\\a]',
  '\\\\',
  '\\Qa.b\\E',
  '\\Q*\\E',
  '\\x41',
  '\\x{e9}',
  '\\101',
  '\\012',
  '\\n',
  '\\t',
  '{',
  '}',
  ']',
  'x{,3}',
  '\\_',
  '\\ ',
  ':',
];
const subjects = [
  '',
  '\\',
  '\u0007',
  'a',
  'ab',
  'K',
  'k',
  '\u212a',
  's',
  'ſ',
  'é',
  '😀',
  '😂😀',
  'a\nb',
  '\r',
  '\u2028',
  '\v',
  '\u00a0',
  'a.b',
  '/api/v1',
  '_',
  '-',
  ']',
  '{',
];

function pattern(random: Random, depth: number): string {
  const one = (): string => {
    if (depth === 0 || random.chance(0.6)) return random.pick(pieces);
    const open = random.pick(['(', '(?:', '(?i:', '(?s:', '(?m:', '(?P<n>', '(?-i:', '(?i)(?:', '(?U:']);
    return `${open}${pattern(random, depth - 1)})`;
  };
  const parts = Array.from({ length: 1 + random.below(4) }, () => one() + random.pick(['', '', '', '*', '+', '?', '{2}', '{1,2}', '*?']));
  return random.chance(0.2) ? `${parts.join('')}|${one()}` : parts.join('');
}

describe('a regex means in V8 what it means in RE2', () => {
  test('5,000 random patterns, each on 12 texts', () => {
    let compared = 0;
    let yes = 0;
    for (let seed = 1; compared < 5_000; seed++) {
      const random = randomOf(seed);
      const text = pattern(random, 2);
      const re2 = compile(text);
      if (re2 === null) continue;
      const ours = portable(text);
      if (!(ours instanceof RegExp)) {
        expect(ours.message, text).toBe('(?i) over characters beyond ASCII');
        continue;
      }
      compared++;
      for (let i = 0; i < 12; i++) {
        const subject = random.pick(subjects) + (random.chance(0.5) ? random.pick(subjects) : '');
        const want = re2.test(subject);
        if (want) yes++;
        if (ours.test(subject) !== want)
          expect.fail(`seed ${seed}: /${text}/ on ${JSON.stringify(subject)}: RE2 ${want}, V8 /${ours.source}/`);
      }
    }
    expect(yes / (compared * 12)).toBeGreaterThan(0.1);
  });

  test.each(['\\pL', '\\p{Greek}', '(?i)é', '(?i)[à-ý]'])('%s is refused, not read in another way', (text) => {
    expect(compile(text)).not.toBeNull();
    expect(() => toRegExp(text)).toThrow(NotPortable);
  });
});

function compile(text: string): { test: (subject: string) => boolean } | null {
  try {
    return RE2JS.compile(text);
  } catch (error) {
    if (error instanceof Error) return null;
    throw error;
  }
}

function portable(text: string): RegExp | NotPortable {
  try {
    return toRegExp(text);
  } catch (error) {
    if (error instanceof NotPortable) return error;
    throw error;
  }
}
