import { expect, test } from 'vitest';
import { patternSteps } from './pattern.ts';

test.each([
  ['abc', 3],
  ['a{64}', 128],
  ['(a{64}){64}', 16_384],
  ['(?:a?){64}a{64}', 5 * 64 * 2 + 64 * 2],
  ['(?P<name>a)(?i)b', 2],
  ['[a-z]{3}', 6],
  ['[]a]{5}', 10],
  ['[[:alpha:]]{7}', 14],
  ['\\d{2,3}', 6],
  ['x{2,}', 4 + 16],
  ['.*', 17],
  ['a{0}', 1],
  ['a{,3}', 5],
  ['\\{3}', 3],
  ['((((a{9}){9}){9}){9}){9}', 20_001],
])('%s takes %i steps', (pattern, steps) => {
  expect(patternSteps(pattern, 20_000)).toBe(steps);
});
