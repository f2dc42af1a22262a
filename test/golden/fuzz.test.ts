import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { check } from '../../src/core/cel/check.ts';
import { aggregateEnvironment, matchEnvironment, recordEnvironment } from '../../src/core/cel/declare.ts';
import { string } from '../../src/core/cel/kinds.ts';
import { checkRule } from '../../src/core/rule/check.ts';
import { seeded } from './random.ts';

/** No text may crash what checks it; time is bounded by size, tokens and depth (bounds.ts), so it is not measured here. */
const columns = [{ name: 'destination.instance', type: string }];
const environments = [
  recordEnvironment(['rpc']),
  recordEnvironment(['flow']),
  aggregateEnvironment({ streams: ['rpc'], columns, everyNs: 100_000_000n }),
  matchEnvironment({ streams: ['rpc', 'flow'], columns }),
];
const corpus = readdirSync('test/golden/wrong')
  .filter((name) => name.endsWith('.rule'))
  .map((name) => readFileSync(`test/golden/wrong/${name}`, 'utf8'));
const pieces = [
  ...'()[]{}.,:;?!&|<>=+-*/%"\'`#@~^\\ \n\t0159aexyz_é😀\u0000\ud800'.match(/./gsu)!,
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'has(',
  'in ',
  'true',
  'null',
  'key.',
  'count()',
  'p99(',
  'peers(',
  'response.duration',
  'request.headers',
  '["x"]',
  '.exists(a, ',
  '.map(a, a, ',
  'd("1s")',
  '"1h"',
  ' && ',
  ' || ',
  ' ? ',
  ' : ',
  '!',
  '==',
  '1.0',
  '1u',
  'b"a"',
  'matches("',
  'duration("',
  'timestamp("',
  'cidr("',
  '-9223372036854775808',
  '1e999',
  '0x',
  '// c\n',
  '"""',
  "r'",
  '\\u12',
  '{"a": 1}',
  '[1, ',
  'grpc.OK',
  'now',
];
const yamlPieces = [
  '- ',
  ': ',
  '\n  ',
  '\n',
  '{',
  '}',
  '[',
  ']',
  '&a ',
  '*a',
  '!t ',
  '|',
  '>-',
  '#',
  '? ',
  '---\n',
  '%',
  "'",
  '"',
  '<<: ',
  'when',
  'then:',
  'deny:',
  'by: ',
  'match: ',
];

function mutated(text: string, random: ReturnType<typeof seeded>, with_: readonly string[]): string {
  let out = text;
  for (let n = 1 + random.below(6); n > 0; n--) {
    const at = random.below(out.length + 1);
    const cut = random.below(3) === 0 ? random.below(20) : 0;
    const piece = random.below(30) === 0 ? random.pick(with_).repeat(1 + random.below(300)) : random.pick(with_);
    out = out.slice(0, at) + piece + out.slice(at + cut);
  }
  return out;
}

/** A slow machine under load; alone it takes a few seconds. */
const patienceMs = 120_000;

test(
  '17,000 expressions: an answer for each, never a throw',
  () => {
    const random = seeded(99);
    let refused = 0;
    const lost: string[] = [];
    for (let i = 0; i < 17_000; i++) {
      const made = Array.from({ length: 1 + random.below(25) }, () => random.pick(pieces)).join('');
      const text =
        i % 2 === 0
          ? made
          : mutated('p99(response.duration) > 3.0 * peers(p99(response.duration)) && has(key.destination.instance)', random, pieces);
      const checked = check(text, random.pick(environments));
      if (checked.ok) continue;
      refused += 1;
      const length = Array.from(text).length;
      const placed = checked.problem.filter(({ offset, what }) => offset >= 0 && offset <= length && what !== '');
      if (placed.length === 0 || placed.length < checked.problem.length) lost.push(text);
    }
    expect(lost).toEqual([]);
    expect(refused).toBeGreaterThan(5_000);
  },
  patienceMs,
);

test(
  '3,000 rule files: an answer for each, with a place in the file',
  () => {
    const random = seeded(100);
    const lost: string[] = [];
    for (let i = 0; i < 3_000; i++) {
      const text = mutated(random.pick(corpus), random, random.below(2) === 0 ? yamlPieces : pieces);
      const checked = checkRule(text, { file: 'rules/x/rule.yaml', revision: 1 });
      if (checked.ok) continue;
      const placed = checked.problem.filter(({ at }) => /^rules\/x\/rule\.yaml:[1-9]\d*:[1-9]\d*$/.test(at));
      if (placed.length === 0 || placed.length < checked.problem.length) lost.push(text);
    }
    expect(lost).toEqual([]);
  },
  patienceMs,
);

const many = (piece: string, characters = 60_000): string => piece.repeat(Math.ceil(characters / piece.length)).slice(0, characters);
test.each([
  '(',
  '[',
  '{',
  '!',
  '-',
  'a.',
  'a[',
  'a?',
  'a?b:',
  '"',
  "'",
  'x.map(a,',
  '1+',
  'a&&',
  '{1:',
  '/',
  '.',
  ',',
  '`',
  '😀',
  '\\',
  '"\\',
])('a hostile expression of %j is refused', (piece) => {
  for (const env of environments) for (const size of [1_000, 16_000, 60_000]) expect(check(many(piece, size), env).ok).toBe(false);
});
test.each([
  '[',
  '{',
  '- ',
  '? ',
  '{a: ',
  '[a, ',
  '&a ',
  '*a ',
  '- *a\n',
  '!a ',
  '"',
  '%a\n',
  '---\n',
  'a: ',
  ': ',
  '[]',
  '\t',
  '|\n',
  'k: 1\n',
  '\u0000',
  '\ud800',
])('a hostile file of %j is refused', (piece) => {
  for (const size of [1_000, 60_000]) expect(checkRule(many(piece, size), { file: 'x.yaml', revision: 1 }).ok).toBe(false);
});
test('many different keys, deep indentation and long lists are refused', () => {
  const keys = Array.from({ length: 8_000 }, (_, i) => `k${i}: 1`).join('\n');
  const deep = Array.from({ length: 340 }, (_, i) => `${' '.repeat(i)}a:`).join('\n');
  const list = `rule: x\nby: [${many('source.zone, ', 60_000)}]\n`;
  for (const text of [keys, deep, list]) expect(checkRule(text, { file: 'x.yaml', revision: 1 }).ok).toBe(false);
});
