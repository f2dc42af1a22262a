import { expect, test } from 'vitest';
import { seeded } from '../../../test/golden/random.ts';
import { checkRule } from './check.ts';
import { conjunctsOf } from './match.ts';

const matchOf = (fields: string): string => {
  const text = `rule: x\nwhy: w\nowner: o\nover: rpc\nwhen: count() > 5\n${fields}\nthen:\n  - avoid: {zone: '"a"'}\n`;
  const checked = checkRule(text, { file: 'x.yaml', revision: 1 });
  return checked.ok
    ? (checked.value.compiled.actions[0]?.match.text ?? '')
    : checked.problem.map(({ code, at }) => `${code} ${at}`).join(' ');
};

test.each([
  ['', 'true'],
  ['by: [destination.service, destination.instance]', 'destination.service == key.destination.service'],
  ['by: {tenant: \'request.headers["x-tenant"]\'}', '(request.headers["x-tenant"]) == key.tenant'],
  ['by: [\'request.headers["x-tenant"]\']', 'request.headers["x-tenant"] == key.request.headers["x-tenant"]'],
  ["by: [request.headers['x'], source.zone]", 'E-YAML-SYNTAX x.yaml:6:21'],
  ['by: {late: response.code, host: request.host}', 'request.host == key.host'],
  ["by: {both: 'request.path + string(response.code)'}", 'true'],
  ['where: destination.service == "a"', 'destination.service == "a"'],
  ['where: reporter.side == "source" && (rpc.event == "end" && destination.service == "a")', 'destination.service == "a"'],
  ['where: destination.service == "a" || source.service == "b"', '(destination.service == "a" || source.service == "b")'],
  [
    'where: (destination.service == "a" || source.service == "b") && has(source.zone)',
    '(destination.service == "a" || source.service == "b") && has(source.zone)',
  ],
  ['where: destination.service == "a" && response.failed', 'E-MATCH-AFTER x.yaml:6:38'],
  ['where: reporter.side == "source" || destination.service == "a"', 'E-MATCH-AFTER x.yaml:6:8'],
  ['where: destination.instance == "a"', 'E-MATCH-AFTER x.yaml:6:8'],
])('%s gives %s', (fields, match) => expect(matchOf(fields)).toBe(match));

test('the parts of a conjunction, joined again, mean the same (2,000 conditions)', () => {
  const random = seeded(3);
  const { below } = random;
  const names = ['a', 'b', 'c'];
  const make = (depth: number): string => {
    if (depth === 0) return random.pick(names);
    const [one, other] = [make(depth - 1), make(depth - 1)];
    const text = random.pick([
      `${one} && ${other}`,
      `${one} || ${other}`,
      `${one} && (${other})`,
      `(${one}) && ${other}`,
      `!(${one})`,
      `(${one})`,
      `${one} ? ${other} : a`,
    ]);
    return below(3) === 0 ? `(${text})` : text;
  };
  for (let i = 0; i < 2_000; i++) {
    const text = make(3);
    const joined = conjunctsOf(text)
      .map((part) => part.text)
      .join(' && ');
    for (let bits = 0; bits < 8; bits++) {
      const values = names.map((_, n) => (bits & (1 << n)) !== 0);
      // && || ! ? : mean the same in JavaScript, with the same precedence.
      const run = (source: string): unknown => new Function(...names, `return ${source}`)(...values);
      expect(`${joined}: ${String(run(joined))}`).toBe(`${joined}: ${String(run(text))}`);
    }
    for (const part of conjunctsOf(text)) if (!part.text.startsWith('(')) expect(text.startsWith(part.text, part.offset)).toBe(true);
  }
});
