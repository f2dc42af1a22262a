import { describe, expect, test } from 'vitest';
import { toMatches } from '../../src/core/plan/dnf.ts';
import { canon } from '../../src/model/canon.ts';
import { and, normalise, overlap } from '../../src/model/conjunction.ts';
import { matcher } from '../../src/model/match.ts';
import type { Match } from '../../src/model/table.ts';
import { celVerdict, checkedOf } from './cel.ts';
import { randomFacts, randomMatch, sampleKey } from './generate.ts';
import { randomOf } from './random.ts';

const matchesOf = (text: string): readonly Match[] => {
  const result = toMatches(checkedOf(text), sampleKey);
  if (!result.ok) throw new Error(`${result.problem.code} ${result.problem.what}`);
  return result.value;
};

describe('a match becomes alternatives that mean what CEL means', () => {
  test('24,000 random (match, facts) pairs: no difference from @bufbuild/cel', () => {
    let pairs = 0;
    let held = 0;
    let erred = 0;
    let refused = 0;
    for (let seed = 1; pairs < 24_000; seed++) {
      const random = randomOf(seed);
      const text = randomMatch(random, 3);
      const result = toMatches(checkedOf(text), sampleKey);
      if (!result.ok) {
        expect(result.problem.code, `seed ${seed}: ${text}: ${result.problem.what}`).toBe('E-MATCH-SIZE');
        refused++;
        continue;
      }
      const verdict = celVerdict(text);
      const matchers = result.value.map(matcher);
      for (let i = 0; i < 12; i++) {
        const facts = randomFacts(random);
        const want = verdict(facts, sampleKey);
        const got = matchers.some((holds) => holds(facts));
        pairs++;
        if (want === true) held++;
        if (want === null) erred++;
        if (got !== (want === true)) expect.fail(`seed ${seed}: ${text}\n${canon(result.value)}\nCEL ${want}, entries ${got}`);
      }
    }
    // A test that never errs, never holds or mostly refuses would prove nothing.
    expect(held).toBeGreaterThan(pairs * 0.15);
    expect(erred).toBeGreaterThan(pairs * 0.15);
    expect(refused).toBeLessThan(pairs / 12 / 20);
  });

  test.each([
    ['source.service != "a"', [{ 'source.service': [{ notIn: ['a'] }] }]],
    ['!(source.service == "a")', [{ 'source.service': [{ notIn: ['a'] }] }]],
    [
      '!has(source.service) || source.service != "a"',
      [{ 'source.service': [{ notIn: ['a'] }] }, { 'source.service': [{ present: false }] }],
    ],
    ['!("x" in request.headers)', [{ 'request.headers': [{ present: true }], 'request.headers["x"]': [{ present: false }] }]],
    ['request.method == "GET" || request.method == "HEAD"', [{ 'request.method': [{ in: ['GET', 'HEAD'] }] }]],
    ['destination.port >= 80 && destination.port < 90 && destination.port != 80', [{ 'destination.port': [{ range: [81, 89] }] }]],
    ['destination.port >= 80 && destination.port <= 80', [{ 'destination.port': [{ in: [80] }] }]],
    ['cidr(key.net).containsIP(source.address)', [{ 'source.address': [{ cidr: '10.0.0.0/16' }] }]],
    ['subnet(source.address, 16, 48) == key.net', [{ 'source.address': [{ cidr: '10.0.0.0/16' }] }]],
    ['source.service == "a" && source.service == "b"', []],
    ['true', [{}]],
    ['source.service in ["b", "a", "b"]', [{ 'source.service': [{ in: ['a', 'b'] }] }]],
    ['"SYN" in flow.tcp_flags', [{ 'flow.tcp_flags["SYN"]': [{ present: true }] }]],
  ] as const)('%s', (text, want) => {
    expect(matchesOf(text)).toEqual(want);
  });

  test.each([
    ['request.attempt + 1 > 2', '`request.attempt + 1`'],
    ['source.service == destination.service', '`source.service == destination.service`'],
    ['size(request.path) > 5', '`size(request.path)`'],
    ['["a"].exists(x, x == source.service)', 'exists'],
    ['source.service < "b"', '`source.service < "b"`'],
    ['response.code == 500', '`response.code`'],
    ['has(response.code)', '`has(response.code)`'],
    ['request.path.matches("\\\\pL")', 'matches'],
    ['request.path.matches("(")', 'RE2'],
    ['cidr("x").containsIP(source.address)', '"x"'],
    ['cidr(request.host).containsIP(source.address)', 'prefix must be a constant'],
    ['request.path.startsWith(request.host)', 'startsWith'],
    ['source.service in [destination.service]', 'constant'],
    ['source.service', '`source.service`'],
  ])('%s is refused with E-MATCH, naming the part', (text, part) => {
    const result = toMatches(checkedOf(text), sampleKey, (offset) => `r.yaml:7:${offset + 1}`);
    expect(result).toMatchObject({ ok: false, problem: { code: 'E-MATCH', at: expect.stringMatching(/^r\.yaml:7:\d+$/) } });
    expect(result.ok ? '' : result.problem.what).toContain(part);
  });

  test('what would become too many alternatives is refused with E-MATCH-SIZE, quickly', () => {
    const ors = Array.from({ length: 12 }, (_, i) => `(request.headers["a${i}"] == "1" || request.headers["b${i}"] == "1")`).join(' && ');
    expect(toMatches(checkedOf(ors), sampleKey)).toMatchObject({ ok: false, problem: { code: 'E-MATCH-SIZE' } });
    const list = Array.from({ length: 300 }, (_, i) => `source.service == "s${i}"`).join(' || ');
    expect(matchesOf(list)).toHaveLength(1);
    const nested = (depth: number): string =>
      Array.from({ length: depth }).reduce((text: string) => `(${text} == has(source.zone))`, 'has(source.zone)');
    expect(matchesOf(nested(60))).toHaveLength(1);
    expect(toMatches(checkedOf(nested(150)), sampleKey)).toMatchObject({ ok: false, problem: { code: 'E-MATCH-SIZE' } });
  });

  test('a key that is not known yet is judged by samples', () => {
    for (const text of [
      'cidr(key.net).containsIP(source.address)',
      'source.service == key.source.service',
      'request.headers[key.tenant] == "a"',
    ])
      expect(toMatches(checkedOf(text), null)).toMatchObject({ ok: true });
    expect(toMatches(checkedOf('size(request.path) > key.n'), null)).toMatchObject({ ok: false, problem: { code: 'E-MATCH' } });
  });
});

describe('the algebra of conjunctions', () => {
  const randomConjunctions = (seed: number): readonly Match[] => {
    const result = toMatches(checkedOf(randomMatch(randomOf(seed), 2)), sampleKey);
    return result.ok ? result.value : [];
  };

  test('overlap never says no when something matches both, nor yes when nothing can; and() is the intersection', () => {
    let said = { yes: 0, no: 0, maybe: 0 };
    for (let seed = 1; seed <= 800; seed++) {
      const random = randomOf(seed);
      const [a] = randomConjunctions(seed);
      const [b] = randomConjunctions(seed + 100_000);
      if (a === undefined || b === undefined) continue;
      const verdict = overlap(a, b);
      said = { ...said, [verdict]: said[verdict] + 1 };
      const both = and(a, b);
      const [inA, inB, inBoth] = [matcher(a), matcher(b), both === null ? () => false : matcher(both)];
      for (let i = 0; i < 20; i++) {
        const facts = randomFacts(random);
        expect(inBoth(facts), `seed ${seed}`).toBe(inA(facts) && inB(facts));
        if (inA(facts) && inB(facts)) expect(verdict, `seed ${seed}`).not.toBe('no');
      }
      expect(overlap(b, a)).toBe(verdict);
    }
    expect(Math.min(said.yes, said.no, said.maybe)).toBeGreaterThan(10);
  });

  test('normal form is a fixed point, and the same whichever comes first', () => {
    for (let seed = 1; seed <= 600; seed++) {
      const [a, b] = [...randomConjunctions(seed), ...randomConjunctions(seed + 50_000)];
      if (a === undefined || b === undefined) continue;
      const [ab, ba] = [and(a, b), and(b, a)];
      expect(ab === null ? null : canon(ab), `seed ${seed}`).toBe(ba === null ? null : canon(ba));
      if (ab !== null) expect(canon(normalise(ab)), `seed ${seed}`).toBe(canon(ab));
    }
  });

  test.each([
    [{ 'source.service': [{ in: ['a'] }] }, { 'source.service': [{ in: ['b'] }] }, 'no'],
    [{ 'source.service': [{ in: ['a'] }] }, { 'source.zone': [{ in: ['b'] }] }, 'yes'],
    [{ 'request.path': [{ prefix: '/a' }] }, { 'request.path': [{ prefix: '/b' }] }, 'no'],
    [{ 'request.path': [{ prefix: '/a' }] }, { 'request.path': [{ suffix: '/b' }] }, 'yes'],
    [{ 'request.path': [{ regex: '^a' }] }, { 'request.path': [{ regex: '^b' }] }, 'maybe'],
    [{ 'request.path': [{ regex: '^a' }] }, { 'request.path': [{ in: ['b'] }] }, 'no'],
    [{ 'source.address': [{ cidr: '10.0.0.0/8' }] }, { 'source.address': [{ cidr: '11.0.0.0/8' }] }, 'no'],
    [{ 'source.address': [{ cidr: '10.0.0.0/8' }] }, { 'source.address': [{ cidr: '10.1.0.0/16' }] }, 'yes'],
    [{ 'request.headers["x"]': [{ in: ['a'] }] }, { 'request.headers': [{ present: false }] }, 'no'],
  ] as const)('%j and %j: %s', (a, b, want) => {
    expect(overlap(a, b)).toBe(want);
  });
});
