import type { SimpleTest } from '@bufbuild/cel-spec/cel/expr/conformance/test/simple_pb.js';
import type { Type } from '@bufbuild/cel-spec/cel/expr/checked_pb.js';
import type { Value as ProtoValue } from '@bufbuild/cel-spec/cel/expr/value_pb.js';
import { getTestRegistry } from '@bufbuild/cel-spec/testdata/registry.js';
import { getConformanceSuite } from '@bufbuild/cel-spec/testdata/tests.js';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { mapOf } from '../../src/core/cel/dynamic/value.ts';
import type { Dyn } from '../../src/core/cel/dynamic/value.ts';

/** One test of the specification's suite. */
export type Case = { readonly section: string; readonly name: string; readonly test: SimpleTest };

type Section = { readonly name: string; readonly suites: readonly Section[]; readonly tests: readonly { readonly name: string; readonly original: SimpleTest }[] }; // prettier-ignore

/** The language itself; other sections are extensions, protobuf messages, or (fields, namespace, plumbing, type_deductions) counted apart. */
const coreSections = ['basic', 'comparisons', 'conversions', 'fp_math', 'integer_math', 'lists', 'logic', 'macros', 'parse', 'string', 'timestamps']; // prettier-ignore

/** Sections of the language in which an error may be found when the expression is checked rather than when it runs. */
const languageSections = [...coreSections, 'fields', 'namespace', 'plumbing', 'type_deductions'];

/** The 1,013 tests that `@bufbuild/cel` 0.6.1 is known by: the core sections without the tests that build a protobuf message. */
export const isCore = ({ section, test }: Case): boolean =>
  coreSections.includes(section) && !/TestAllTypes|google\.protobuf\.\w+\s*\{/.test(test.expr);

export const isLanguage = ({ section }: Case): boolean => languageSections.includes(section);

export function allCases(): readonly Case[] {
  const within = (section: string, suite: Section, path: string): readonly Case[] => [
    ...suite.tests.map(({ name, original }) => ({ section, name: `${path}/${name}`, test: original })),
    ...suite.suites.flatMap((inner) => within(section, inner, `${path}/${inner.name}`)),
  ];
  return getConformanceSuite().suites.flatMap((suite) => within(suite.name, suite, suite.name));
}

const primitive = ['?', 'bool', 'int', 'uint', 'double', 'string', 'bytes'];

/** A declared or deduced type as CEL writes it. */
export function typeText(type: Type | undefined): string {
  const kind = type?.typeKind;
  switch (kind?.case) {
    case 'primitive':
      return primitive[kind.value] ?? '?';
    case 'wrapper':
      return `wrapper(${primitive[kind.value] ?? '?'})`;
    case 'wellKnown':
      return ['?', 'any', 'timestamp', 'duration'][kind.value] ?? '?';
    case 'null':
      return 'null';
    case 'listType':
      return `list(${typeText(kind.value.elemType)})`;
    case 'mapType':
      return `map(${typeText(kind.value.keyType)}, ${typeText(kind.value.valueType)})`;
    case 'messageType':
      return wellKnown.get(kind.value) ?? kind.value;
    case 'abstractType':
      return `${kind.value.name}(${kind.value.parameterTypes.map(typeText).join(', ')})`;
    default:
      return kind?.case ?? 'dyn';
  }
}

const wellKnown = new Map([
  ['google.protobuf.Duration', 'duration'],
  ['google.protobuf.Timestamp', 'timestamp'],
]);

const registry = getTestRegistry();

/** undefined: a message or an enum, which we have not. */
export function dynOf({ kind }: ProtoValue): Dyn | undefined {
  switch (kind.case) {
    case 'nullValue':
      return null;
    case 'boolValue':
    case 'stringValue':
    case 'doubleValue':
    case 'int64Value':
    case 'bytesValue':
      return kind.value;
    case 'uint64Value':
      return { kind: 'uint', value: kind.value };
    case 'typeValue':
      return { kind: 'type', value: kind.value };
    case 'listValue': {
      const list = kind.value.values.map(dynOf);
      return list.includes(undefined) ? undefined : (list as readonly Dyn[]);
    }
    case 'mapValue': {
      const entries = kind.value.entries.map(({ key, value }) => [key && dynOf(key), value && dynOf(value)] as const);
      return entries.flat().includes(undefined) ? undefined : mapOf(entries as readonly (readonly [Dyn, Dyn])[]);
    }
    case 'objectValue': {
      const message = anyUnpack(kind.value, registry) as { $typeName: string; seconds: bigint; nanos: number } | undefined;
      const of = wellKnown.get(message?.$typeName ?? '');
      if (message === undefined || (of !== 'duration' && of !== 'timestamp')) return undefined;
      return { kind: of, value: message.seconds * 1_000_000_000n + BigInt(message.nanos) };
    }
    default:
      return undefined;
  }
}

/** One text for each value: its type is in it, the order of a map is not. */
export function shown(value: Dyn | undefined): string {
  if (value === undefined) return 'an error';
  if (typeof value === 'bigint') return `${value}`;
  if (typeof value === 'number') return Number.isInteger(value) ? `${value}.0` : `${value}`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (value instanceof Uint8Array) return `b${JSON.stringify([...value])}`;
  if (!('kind' in value)) return `[${value.map(shown).join(', ')}]`;
  if (value.kind !== 'map') return `${value.kind} ${value.value}`;
  const entries = [...value.value.values()].map(([key, one]) => `${shown(key)}: ${shown(one)}`);
  return `{${entries.toSorted().join(', ')}}`;
}
