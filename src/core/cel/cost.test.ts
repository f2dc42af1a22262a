import { describe, expect, test } from 'vitest';
import { celCostMax } from './bounds.ts';
import { check } from './check.ts';
import { declaredEnvironment, recordEnvironment } from './declare.ts';

const record = recordEnvironment(['rpc']);

const costOf = (text: string, env = record): number | string => {
  const checked = check(text, env);
  return checked.ok ? (checked.value.cost ?? Number.NaN) : (checked.problem[0]?.code ?? '');
};

/** A name 2 (group, field), a comparison 1, a text of a record 1,024 code units, a list of it 64 elements. */
describe('what an expression costs at worst', () => {
  test.each([
    ['true', 0],
    ['response.code == 500', 3],
    ['response.code == 500 && response.failed', 6],
    ['response.failed ? response.code > 1 : true', 6],
    ['has(request.path)', 2],
    ['request.path == "/api/v1/users"', 5],
    ['request.path == request.method', 108],
    ['request.path.startsWith("/api/")', 4],
    ['request.path.contains(request.method)', 10_491],
    ['request.path.matches("^/api/v[0-9]+/")', 6_403],
    ['response.code in [200, 404, 500]', 7],
    ['"UF" in response.flags', 80],
    ['response.flags.exists(f, f == "UF")', 208],
    ['response.flags.all(a, applied.exists(b, a == "x" && b == "y"))', 24_771],
    ['response.flags.map(f, f + "x").exists(f, f == "UF")', 6_961],
  ])('%s', (text, cost) => {
    expect(costOf(text)).toBe(cost);
  });
});

describe('what costs too much is refused', () => {
  test.each([
    'response.flags.all(a, applied.exists(b, a.contains(b)))',
    'response.flags.exists(a, applied.exists(b, (a + b).matches("[a-z]{1,60}x")))',
    '(request.path + request.path + request.path + request.path + request.path + request.path).contains(request.path + request.path + request.path + request.path + request.path + request.path + request.path + request.path + request.path + request.path + request.path + request.path + request.path + request.path + request.path + request.path + request.path)',
  ])('%s', (text) => {
    expect(costOf(text)).toBe('E-CEL-COST');
  });

  test('more elements, longer text and deeper loops never cost less', () => {
    const lists = [1, 8, 64].map((n) => costOf(`[${Array.from({ length: n }, (_, i) => i).join(', ')}].exists(x, x == 3)`));
    const patterns = [1, 10, 100].map((n) => costOf(`request.path.matches("${'a'.repeat(n)}")`));
    const depths = ['s == "a"', 'list.exists(x, x == s)', 'list.exists(x, list.exists(y, x == y))'].map(
      (text) =>
      costOf(text, declaredEnvironment(new Map([['s', { kind: 'string' }], ['list', { kind: 'list', of: { kind: 'string' } }]]))), // prettier-ignore
    );
    for (const costs of [lists, patterns, depths]) {
      expect(costs).toEqual(costs.toSorted((a, b) => Number(a) - Number(b)));
      expect(Number(costs.at(-1))).toBeLessThanOrEqual(celCostMax);
    }
  });
});
