import { expect, test } from 'vitest';
import type { Type } from '@bufbuild/cel-spec/cel/expr/checked_pb.js';
import type { Value as ProtoValue } from '@bufbuild/cel-spec/cel/expr/value_pb.js';
import { getTestRegistry } from '@bufbuild/cel-spec/testdata/registry.js';
import { getConformanceSuite } from '@bufbuild/cel-spec/testdata/tests.js';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { check } from '../../src/core/cel/check.ts';
import { compile, declaredNames, isInexact } from '../../src/core/cel/compile/program.ts';
import type { Raw } from '../../src/core/cel/compile/code.ts';
import { declaredEnvironment } from '../../src/core/cel/declare.ts';
import { typeFrom } from '../../src/core/cel/kinds.ts';
import type { CelType } from '../../src/core/cel/types.ts';

type Suite = ReturnType<typeof getConformanceSuite>;
type Case = Suite['suites'][number]['tests'][number];

const registry = getTestRegistry();

/** What came of one test. `refused` carries why; `wrong` is what must never be. */
type Outcome = { readonly state: 'passed' } | { readonly state: 'refused' | 'wrong'; readonly why: string };

function run({ original }: Case): Outcome {
  const { expr, typeEnv, bindings, resultMatcher, disableMacros } = original;
  const wantsError = resultMatcher.case === 'evalError' || resultMatcher.case === 'anyEvalErrors';
  const refuse = (why: string): Outcome => (wantsError ? { state: 'passed' } : { state: 'refused', why });
  if (disableMacros) return refuse('macros switched off');
  if (original.container !== '') return refuse('a container');
  const types = new Map<string, CelType>();
  for (const { name, declKind } of typeEnv) {
    const text = declKind.case === 'ident' ? typeText(declKind.value.type) : 'function';
    const type = typeFrom(text);
    if (type === undefined) return refuse(`a variable of type ${text}`);
    types.set(name, type);
  }
  const values: Record<string, unknown> = {};
  for (const [name, { kind }] of Object.entries(bindings)) {
    const raw = kind.case === 'value' ? rawOf(kind.value) : undefined;
    const type = kind.case === 'value' ? types.get(name) : undefined;
    if (raw === undefined || type === undefined) return refuse('a variable without a type of ours');
    put(values, name.split('.'), raw);
  }
  const checked = check(expr, declaredEnvironment(types));
  if (!checked.ok) return refuse(`${checked.problem[0]?.code ?? ''} ${checked.problem[0]?.what ?? ''}`);
  const program = compile<[unknown]>(checked.value, 'e', declaredNames(types));
  if (program === null) return refuse('an int beyond 2^53');
  let got: Raw | undefined;
  try {
    got = program(values);
  } catch (error) {
    if (isInexact(error)) return refuse('an int beyond 2^53');
    throw error;
  }
  if (wantsError) return got === undefined ? { state: 'passed' } : { state: 'wrong', why: `${expr}: ${shown(got)}, not an error` };
  const proto = resultMatcher.case === 'value' ? resultMatcher.value : resultMatcher.case === 'typedResult' ? resultMatcher.value.result : undefined; // prettier-ignore
  const wanted = resultMatcher.case === undefined ? true : proto === undefined ? undefined : rawOf(proto);
  if (wanted === undefined) return refuse('a result of another type');
  return same(got, wanted) ? { state: 'passed' } : { state: 'wrong', why: `${expr}: ${shown(got)}, not ${shown(wanted)}` };
}

function typeText(type: Type | undefined): string {
  const kind = type?.typeKind;
  const primitive = ['?', 'bool', 'int', 'uint', 'double', 'string', 'bytes'];
  switch (kind?.case) {
    case 'primitive':
      return primitive[kind.value] ?? '?';
    case 'wellKnown':
      return ['?', 'any', 'timestamp', 'duration'][kind.value] ?? '?';
    case 'null':
      return 'null';
    case 'listType':
      return `list(${typeText(kind.value.elemType)})`;
    case 'mapType':
      return `map(${typeText(kind.value.keyType)}, ${typeText(kind.value.valueType)})`;
    default:
      return kind?.case ?? 'dyn';
  }
}

/** undefined: a value that compiled code has no form for. */
function rawOf({ kind }: ProtoValue): Raw | undefined {
  switch (kind.case) {
    case 'nullValue':
      return null;
    case 'boolValue':
    case 'stringValue':
    case 'doubleValue':
      return kind.value;
    case 'int64Value':
      return Number.isSafeInteger(Number(kind.value)) ? Number(kind.value) : undefined;
    case 'listValue': {
      const list = kind.value.values.map(rawOf);
      return list.includes(undefined) ? undefined : (list as readonly Raw[]);
    }
    case 'mapValue': {
      const entries = kind.value.entries.map(({ key, value }) => [key && rawOf(key), value && rawOf(value)] as const);
      return entries.flat().includes(undefined) ? undefined : new Map(entries as readonly (readonly [Raw, Raw])[]);
    }
    case 'objectValue': {
      const message = anyUnpack(kind.value, registry) as { $typeName: string; seconds: bigint; nanos: number } | undefined;
      const isTime = message?.$typeName === 'google.protobuf.Duration' || message?.$typeName === 'google.protobuf.Timestamp';
      return isTime ? message.seconds * 1_000_000_000n + BigInt(message.nanos) : undefined;
    }
    default:
      return undefined;
  }
}

function put(into: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [name = '', ...rest] = path;
  if (rest.length === 0) into[name] = value;
  else put((into[name] ??= {}) as Record<string, unknown>, rest, value);
}

function same(a: Raw | undefined, b: Raw | undefined): boolean {
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((x: Raw, i) => same(x, b[i] as Raw));
  if (!(a instanceof Map) || !(b instanceof Map) || a.size !== b.size) return false;
  return [...(a as Map<Raw, Raw>)].every(([key, value]) => same(value, (b as Map<Raw, Raw>).get(key)));
}

const shown = (raw: Raw | undefined): string =>
  JSON.stringify(raw, (_, v: unknown) => (typeof v === 'bigint' ? `${v}n` : v instanceof Map ? [...v] : v)) ?? 'an error';

/** Every test of the suite that is about values, by section. */
function casesOf(suite: Suite['suites'][number]): readonly Case[] {
  return [...suite.tests.filter(({ original }) => !original.checkOnly), ...suite.suites.flatMap(casesOf)];
}

test('over the whole conformance suite no value is wrong; what is not built is refused', () => {
  const lines: string[] = [];
  const wrong: string[] = [];
  const reasons = new Map<string, number>();
  let [passed, all] = [0, 0];
  for (const section of getConformanceSuite().suites) {
    const cases = casesOf(section);
    const outcomes = cases.map((one) => ({ one, outcome: run(one) }));
    const ok = outcomes.filter(({ outcome }) => outcome.state === 'passed').length;
    passed += ok;
    all += cases.length;
    lines.push(`${section.name} ${ok}/${cases.length}`);
    for (const { one, outcome } of outcomes) {
      if (outcome.state === 'wrong') wrong.push(`${section.name}/${one.name}: ${outcome.why}`);
      if (outcome.state !== 'refused') continue;
      const reason = outcome.why.replace(/`[^`]*`/g, '…').slice(0, 60);
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    }
  }
  if (process.env['FLYBALL_CEL_REPORT'] !== undefined) {
    const most = [...reasons].toSorted(([, a], [, b]) => b - a).slice(0, 40);
    process.stdout.write(`${lines.join('\n')}\n${passed}/${all}\n${most.map(([why, n]) => `${n} ${why}`).join('\n')}\n`);
  }
  expect(wrong).toEqual([]);
  // What passed once goes on passing; 2,319 in all (FLYBALL_CEL_REPORT=1 lists sections and reasons).
  expect(passed).toBeGreaterThanOrEqual(780);
});
