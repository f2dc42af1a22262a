import { describe, expect, test } from 'vitest';
import { seeded } from '../../../test/golden/random.ts';
import { check } from '../cel/check.ts';
import { matchEnvironment } from '../cel/declare.ts';
import { absentProblems } from './absent.ts';

const env = matchEnvironment({ streams: ['rpc'], columns: [] });
const problems = (text: string): readonly string[] => {
  const checked = check(text, env);
  if (!checked.ok) throw new Error(`${text}: ${checked.problem[0]?.what}`);
  return absentProblems(checked.value, 'deny').map(({ what }) => what.split(' ')[0] ?? '');
};

describe('refused: an absent value would slip through', () => {
  test.each([
    'source.principal != "x"',
    '!(source.principal == "x")',
    '!source.principal.startsWith("x")',
    '!(source.principal in ["x"])',
    '!(source.principal == "x" && source.zone == "y")',
    'source.principal == "x" ? false : true',
    '(source.principal == "x") == false',
    '(source.principal == "x") != true',
    'source.zone == "y" || source.principal != "x"',
    '(!has(source.principal) && source.zone == "y") || source.principal != "x"',
    'has(source.zone) && source.principal != "x"',
    '!cidr("10.0.0.0/8").containsIP(source.address)',
    '[source.principal].all(p, p != "x")',
    'request.headers["x"] != "a"',
    'has(request.headers.y) && request.headers["x"] != "a"',
    '!("team" in source.labels)',
    '"x" != source.principal',
    '(source.principal == "x") == (source.zone == "y")',
  ])('%s', (text) => expect(problems(text)).not.toEqual([]));
});

describe('accepted: has(), or another test of the attribute, says what absence means', () => {
  test.each([
    'source.principal == "x"',
    'source.principal in ["x", "y"]',
    '!(source.principal != "x")',
    'has(source.principal) && source.principal != "x"',
    '!has(source.principal) || source.principal != "x"',
    'has(source.principal) ? source.principal != "x" : true',
    '!(has(source.principal) && source.principal == "x")',
    '(!has(source.principal) && source.zone == "y") || (has(source.principal) && source.principal != "x")',
    'source.principal.startsWith("spiffe://") && source.principal != "x"',
    '"x-y" in request.headers && request.headers["x-y"] != "a"',
    '!("x-y" in request.headers) || request.headers["x-y"] != "a"',
    '!has(request.headers.x) || request.headers["x"] != "a"',
    'has(source.labels) && !("team" in source.labels)',
    '!has(source.principal)',
    'request.attempt > 1',
  ])('%s', (text) => expect(problems(text)).toEqual([]));
});

/** A condition over presence and value of two attributes, as text and as a function of their values (undefined: absent). */
type Condition = {
  readonly text: string;
  readonly holds: (values: Values) => boolean | undefined;
  readonly guess: (values: Values, guess: boolean) => boolean | undefined;
};
type Values = { readonly p: string | undefined; readonly z: string | undefined };

function condition(random: ReturnType<typeof seeded>, depth: number): Condition {
  const { below, pick } = random;
  if (depth === 0 || below(5) === 0) {
    const name = pick(['p', 'z'] as const);
    const path = name === 'p' ? 'source.principal' : 'source.zone';
    if (below(3) === 0) return { text: `has(${path})`, holds: (v) => v[name] !== undefined, guess: (v) => v[name] !== undefined };
    const equal = below(2) === 0;
    const holds = (v: Values): boolean | undefined => (v[name] === undefined ? undefined : (v[name] === 'a') === equal);
    return {
      text: `${path} ${equal ? '==' : '!='} "a"`,
      holds,
      guess: (v, guess) => (v[name] === undefined ? guess === !equal : holds(v)),
    };
  }
  const one = condition(random, depth - 1);
  if (below(4) === 0) {
    const not = (value: boolean | undefined): boolean | undefined => (value === undefined ? undefined : !value);
    return { text: `!(${one.text})`, holds: (v) => not(one.holds(v)), guess: (v, g) => not(one.guess(v, g)) };
  }
  const other = condition(random, depth - 1);
  const isAnd = below(2) === 0;
  const join = (a: boolean | undefined, b: boolean | undefined): boolean | undefined =>
    a === !isAnd || b === !isAnd ? !isAnd : a === undefined || b === undefined ? undefined : isAnd;
  return {
    text: `(${one.text} ${isAnd ? '&&' : '||'} ${other.text})`,
    holds: (v) => join(one.holds(v), other.holds(v)),
    guess: (v, g) => join(one.guess(v, g), other.guess(v, g)),
  };
}

test('what is accepted matches with an absent attribute exactly as it would if every negative test of it passed (3,000 conditions)', () => {
  const random = seeded(42);
  const values = [undefined, 'a', 'b'];
  let accepted = 0;
  for (let i = 0; i < 3_000; i++) {
    const { text, holds, guess } = condition(random, 3);
    if (problems(text).length > 0) continue;
    accepted += 1;
    for (const p of values) {
      // CEL says "error" for what no engine can decide: no match. The reader's guess: what is not there is not equal.
      for (const z of values)
        expect(`${text} ${p} ${z} ${holds({ p, z }) ?? false}`).toBe(`${text} ${p} ${z} ${guess({ p, z }, true) ?? false}`);
    }
  }
  expect(accepted).toBeGreaterThan(300);
});
