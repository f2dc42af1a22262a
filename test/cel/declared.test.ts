import { CelScalar, celEnv, celFunc, celList, celMap, celUint, isCelError, isCelList, isCelMap, isCelType, isCelUint, objectType, plan } from '@bufbuild/cel'; // prettier-ignore
import type { CelInput, CelResult } from '@bufbuild/cel';
import { DurationSchema } from '@bufbuild/protobuf/wkt';
import { expect, test } from 'vitest';
import { check } from '../../src/core/cel/check.ts';
import { declaredEnvironment } from '../../src/core/cel/declare.ts';
import { declaredProgram, unchecked } from '../../src/core/cel/declared.ts';
import { planDyn } from '../../src/core/cel/dynamic/plan.ts';
import { mapOf } from '../../src/core/cel/dynamic/value.ts';
import type { Dyn } from '../../src/core/cel/dynamic/value.ts';
import { ruleFunctions } from '../../src/core/cel/functions.ts';
import { typeFrom } from '../../src/core/cel/kinds.ts';
import type { CelType } from '../../src/core/cel/types.ts';
import { celDuration, celTimestamp, valueOf } from '../../src/core/cel/value.ts';
import { generator } from '../replay/seeded.ts';
import type { Random } from '../replay/seeded.ts';
import { randomText } from './hostile.ts';
import { shown } from './suite.ts';

const expressions = Number(process.env['FLYBALL_CEL_EXPRESSIONS'] ?? 1_500) * 4;
/** The library also converts ints to durations and back, and takes uint("") for 0, which the specification does not. */
const fails = (): never => {
  throw new Error('no such overload');
};
const spanType = objectType(DurationSchema);
const stricter = [
  celFunc('duration', [CelScalar.INT], spanType, fails),
  celFunc('int', [spanType], CelScalar.INT, fails),
  celFunc('uint', [CelScalar.STRING], CelScalar.UINT, (digits) => (/^\d{1,20}$/.test(digits) ? celUint(BigInt(digits)) : fails())),
];
const env = celEnv({ funcs: [...ruleFunctions(), ...stricter] });

const variables: readonly (readonly [name: string, type: string, value: Dyn])[] = [
  ['i', 'int', 7n],
  ['big', 'int', 2n ** 62n],
  ['u', 'uint', { kind: 'uint', value: 3n }],
  ['x', 'double', 1.5],
  ['s', 'string', 'é😀'],
  ['d', 'dyn', 3n],
  ['is', 'list(int)', [1n, 2n, 3n]],
  ['m', 'map(string, int)', mapOf([['a', 1n]]) ?? null],
  ['any', 'dyn', ['a', 1n, 2.5]],
  ['span', 'duration', { kind: 'duration', value: 90_000_000_000n }],
  ['at', 'timestamp', { kind: 'timestamp', value: 1_767_225_600_000_000_000n }],
];
const environment = declaredEnvironment(new Map(variables.map(([name, type]): [string, CelType] => [name, typeFrom(type)!])));
const values = new Map(variables.map(([name, , value]) => [name, value]));
const bindings = Object.fromEntries(variables.map(([name, , value]) => [name, input(value)]));

function input(value: Dyn): CelInput {
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value;
  if (!('kind' in value)) return celList(value.map(input));
  if (value.kind === 'map') return celMap(new Map([...value.value.values()].map(([key, one]) => [key as string, input(one)])));
  if (value.kind === 'uint') return celUint(value.value);
  return value.kind === 'duration' ? celDuration(value.value) : celTimestamp(value.value as bigint);
}

function output(result: CelResult): Dyn | undefined {
  if (isCelError(result)) return undefined;
  if (result === null || typeof result !== 'object' || result instanceof Uint8Array) return result;
  if (isCelUint(result)) return { kind: 'uint', value: result.value };
  if (isCelType(result)) return { kind: 'type', value: result.name };
  if (isCelList(result)) return [...result].map((one) => output(one) ?? null);
  if (isCelMap(result)) return mapOf([...result].map(([key, one]) => [output(key) ?? null, output(one) ?? null])) ?? null;
  const value = valueOf(result);
  if (value === null || typeof value !== 'object') return undefined;
  return 'durationNs' in value ? { kind: 'duration', value: value.durationNs } : { kind: 'timestamp', value: value.timeNs };
}

const leaves = ['0', '1', '-3', '9007199254740993', '9223372036854775807', '2u', '18446744073709551615u', '0.0', '1.0', '-2.5', '1e19', '""', '"a"', '"7"', 'b"a"', 'b"\\xff"', 'true', 'false', 'null', '[]', '[1, 2.0, "a"]', '{}', '{"a": 1, 2u: 3}', 'int', 'type(1u)', 'duration("90s")', 'timestamp(1)', ...variables.map(([name]) => name)]; // prettier-ignore
const infix = ['+', '-', '*', '/', '%', '==', '!=', '<', '<=', '>', '>=', 'in', '&&', '||'];
const functions = ['int', 'uint', 'double', 'string', 'bytes', 'type', 'dyn', 'size', 'bool', 'duration', 'timestamp'];

/** Left out: what the library does and the specification does not (a bool or a fraction as index, a double as key, has() of null is false). */
const indices = ['0', '1', '1u', '1.0', '-1', '"a"', 'null', 'dyn(2u)', 'i', 'd', 'big'];
const keys = ['0', '1', '"a"', 'true', 'i', 'dyn(2u)', 's'];

/** Mostly of types that do not fit; so much of it errs, and what absorbs errors is tried. */
function text(random: Random, depth: number): string {
  if (depth <= 0 || random.chance(0.2)) return random.pick(leaves);
  const part = (): string => text(random, depth - 1);
  const variable = `v${depth}`;
  return random.pick([
    () => `(${part()} ${random.pick(infix)} ${part()})`,
    () => `(${part()} ${random.pick(infix)} ${part()})`,
    () => `(dyn(${part()}) ${random.pick(infix)} ${part()})`,
    () => `${random.pick(functions)}(${part()})`,
    () => `(${part()} ? ${part()} : ${part()})`,
    () => `[${part()}, ${part()}][${random.pick(indices)}]`,
    () => `{${random.pick(keys)}: ${part()}, ${random.pick(['9u', '"b"', 'false'])}: ${part()}}[${random.pick(indices)}]`,
    () =>
      `${random.pick(['is', 'any', 'm', '[1, 2u, "a"]'])}.${random.pick(['all', 'exists', 'exists_one', 'map', 'filter'])}(${variable}, ${random.pick([part(), `${variable} == ${part()}`, `${variable} < ${part()}`])})`,
    () => `!${part()}`,
    () => `(-(${part()}))`,
    () => `has({"a": [${part()}]}.${random.pick(['a', 'b'])})`,
  ])();
}

test('expressions of any types, unchecked, give what the plain evaluator gives', () => {
  const random = generator(11);
  const differences: string[] = [];
  let valued = 0;
  for (let i = 0; i < expressions; i++) {
    const expression = text(random, 1 + random.below(4));
    const parsed = unchecked(expression);
    if (!parsed.ok) continue;
    const got = shown(planDyn(parsed.value, environment.declared!)(values));
    const wanted = shown(output(plan(env, parsed.value.expr)(bindings)));
    if (wanted !== 'an error') valued++;
    if (got !== wanted) differences.push(`${expression}\n  plain ${wanted}, ours ${got}`);
  }
  expect(differences.slice(0, 12)).toEqual([]);
  expect(valued).toBeGreaterThan(expressions / 10);
});

test('what is checked gives the same as code of its types and as values that carry theirs', () => {
  const random = generator(12);
  const differences: string[] = [];
  let forms = { checked: 0, dynamic: 0 };
  for (let i = 0; i < expressions; i++) {
    const expression = text(random, 1 + random.below(3));
    const checked = check(expression, environment);
    if (!checked.ok) continue;
    const program = declaredProgram(checked.value, environment.declared!);
    forms = { ...forms, [program.form]: forms[program.form] + 1 };
    const [got, wanted] = [program.run(values), planDyn(checked.value, environment.declared!)(values)].map(shown);
    if (got !== wanted) differences.push(`${expression}\n  dynamic ${wanted}, ${program.form} ${got}`);
  }
  expect(differences.slice(0, 12)).toEqual([]);
  expect(Math.min(forms.checked, forms.dynamic)).toBeGreaterThan(expressions / 50);
});

test('any text is a declared expression, or is refused with a place, and runs without throwing', () => {
  const random = generator(13);
  let sound = 0;
  for (let i = 0; i < expressions; i++) {
    const any = random.chance(0.5) ? randomText(random) : damaged(random, text(random, 1 + random.below(3)));
    const checked = check(any, environment);
    const parsed = unchecked(any);
    if (checked.ok) declaredProgram(checked.value, environment.declared!).run(values);
    if (!parsed.ok) expect(parsed.problem[0]?.offset).toBeLessThanOrEqual(any.length);
    else sound++;
    if (parsed.ok) planDyn(parsed.value, environment.declared!)(values);
  }
  expect(sound).toBeGreaterThan(expressions / 50);
});

test('a pattern that is only known when it runs is bounded as others are', () => {
  const run = (expression: string): string => {
    const parsed = unchecked(expression);
    return parsed.ok ? shown(planDyn(parsed.value, environment.declared!)(values)) : (parsed.problem[0]?.code ?? '');
  };
  expect(run('"aab".matches(dyn("a+b$"))')).toBe('true');
  expect(run('"aab".matches(dyn("["))')).toBe('an error');
  expect(run('"aab".matches(dyn("(a{60}){60}"))')).toBe('an error');
  expect(run('any.exists(x, any.exists(y, s.matches(x + y)))')).toBe('E-CEL-COST');
});

function damaged(random: Random, expression: string): string {
  const at = random.below(expression.length + 1);
  return expression.slice(0, at) + random.pick(['', '.', '(', 'u', '1', '"', 'dyn(', '{', '?']) + expression.slice(at + random.below(3));
}
