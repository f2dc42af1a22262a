import { expect, test } from 'vitest';
import { lex } from './lex.ts';
import { parse } from './parse.ts';
import { didYouMean, suggest } from './suggest.ts';

const answer = (text: string): string => {
  const parsed = parse(text);
  return parsed.ok ? 'ok' : `${parsed.problem.offset} ${parsed.problem.code} ${parsed.problem.what} · ${parsed.problem.todo}`;
};

test.each([
  ['(p99(x) > 3', '0 E-CEL-SYNTAX `(` is never closed · add `)`'],
  ['a)', '1 E-CEL-SYNTAX `)` closes nothing · remove it, or open it before'],
  ['[a)', '2 E-CEL-SYNTAX `)` where `]` must close `[` · close brackets in order'],
  ['f(a b)', '4 E-CEL-SYNTAX no operator between `a` and `b` · join them with && or ||, or remove one'],
  ['a +', '2 E-CEL-SYNTAX nothing follows `+` · add what is missing, or remove it'],
  ['a = b', '2 E-CEL-SYNTAX unexpected `=` · compare with =='],
  ['a & b', '2 E-CEL-SYNTAX unexpected `&` · and is &&'],
  ['"abc', '0 E-CEL-SYNTAX the string is never closed · end it with "'],
  ['a ? b', '2 E-CEL-SYNTAX `?` has no `:` · write condition ? value : otherwise'],
  ['', '0 E-CEL-SYNTAX the expression is empty · write one'],
  ['if', '0 E-CEL-SYNTAX `if` is a reserved word · use another name'],
  ['Foo{a: 1}', '3 E-CEL-SYNTAX messages cannot be built in a rule · compare single attributes'],
  ['"\\ud800"', '0 E-CEL-SYNTAX surrogate code points are not allowed · correct it'],
])('%s', (text, expected) => expect(answer(text)).toBe(expected));

test.each([
  'f()',
  '[]',
  '{}',
  '[1, 2,]',
  '{"a": 1,}',
  'a // to the end',
  'a\n+ // x\n b',
  '""" a " b """',
  "r'\\' + b",
  'a.if',
  '-(-a)',
  '!!a',
  '.5 + 1.',
  'a in b',
  'x.y.z(1)[2].w',
])('%j is an expression, or the parser says why not', (text) =>
  expect(answer(text)).toBe(text === '.5 + 1.' ? '6 E-CEL-SYNTAX nothing follows `.` · add what is missing, or remove it' : 'ok'),
);

test('the starts of nodes count code points, whatever stands before them', () => {
  const parsed = parse('"😀é" == a.b && f (c)');
  const starts = parsed.ok ? [...parsed.value.starts.values()].toSorted((a, b) => a - b) : [];
  expect(new Set(starts)).toEqual(new Set([0, 8, 15, 18]));
});

test('tokens cover everything but white space and comments', () => {
  const text = 'a.b >= "x # y" && !f(1.5e3, [0x1F]) // end';
  const tokens = lex(text);
  expect(tokens.ok ? tokens.value.map((token) => token.text) : []).toEqual(
    'a . b >= "x # y" && ! f ( 1.5e3 , [ 0x1F ] )'.split(/ (?!#|y)/),
  );
});

test('the nearest name, or none', () => {
  const names = ['stable', 'canary', 'count', 'mean', 'min'];
  expect(suggest('stabel', names)).toBe('stable');
  expect(suggest('cuont', names)).toBe('count');
  expect(suggest('COUNT', names)).toBe('count');
  expect(suggest('zzz', names)).toBe(null);
  expect(suggest('x'.repeat(10_000), names)).toBe(null);
  expect(didYouMean('nothing', names, 'see the list')).toBe('see the list');
});
