import { typeNamed } from './kinds.ts';
import type { CelType, Dialect } from './types.ts';

/** One overload. `receiver` null: called by name; else as x.name(..). "list" and "map" take any of their kind. */
export type Signature = {
  readonly name: string;
  readonly receiver: string | null;
  readonly args: readonly string[];
  readonly result: CelType;
};

/** CEL's standard functions and those of rules.md section 2 (containsIP, containsCIDR: Kubernetes' names and meaning). */
const texts: readonly string[] = [
  ...sized(['string', 'list', 'map']),
  'string.contains(string) bool',
  'string.startsWith(string) bool',
  'string.endsWith(string) bool',
  'string.matches(string) bool',
  'matches(string, string) bool',
  ...conversions('int', ['int', 'double', 'string', 'timestamp']),
  ...conversions('double', ['double', 'int', 'string']),
  ...conversions('string', ['string', 'int', 'double', 'bool', 'timestamp', 'duration', 'ip', 'cidr']),
  ...conversions('timestamp', ['timestamp', 'string', 'int']),
  ...conversions('duration', ['duration', 'string']),
  ...conversions('bool', ['bool', 'string']),
  ...getters([
    'getFullYear',
    'getMonth',
    'getDate',
    'getDayOfMonth',
    'getDayOfWeek',
    'getDayOfYear',
    'getHours',
    'getMinutes',
    'getSeconds',
    'getMilliseconds',
  ]),
  ...['getHours', 'getMinutes', 'getSeconds', 'getMilliseconds'].map((name) => `duration.${name}() int`),
  'd(string) duration',
  'ip(string) ip',
  'cidr(string) cidr',
  'cidr.containsIP(ip) bool',
  'cidr.containsIP(string) bool',
  'cidr.containsCIDR(cidr) bool',
  'cidr.containsCIDR(string) bool',
  'subnet(string, int, int) string',
  'clamp(int, int, int) int',
  'clamp(double, double, double) double',
  'clamp(duration, duration, duration) duration',
];

/** What only the `declared` dialect has: `any` takes every type. */
const declaredTexts: readonly string[] = [
  ...sized(['bytes']),
  ...conversions('uint', ['uint', 'int', 'double', 'string']),
  ...conversions('int', ['uint']),
  ...conversions('double', ['uint']),
  ...conversions('string', ['uint', 'bytes']),
  ...conversions('bytes', ['bytes', 'string']),
  'type(any) type',
  'dyn(any) dyn',
];

export const signatures: readonly Signature[] = texts.map(readSignature);
const declaredSignatures: readonly Signature[] = [...signatures, ...declaredTexts.map(readSignature)];

export const overloadsOf = (name: string, dialect?: Dialect): readonly Signature[] =>
  (dialect === 'declared' ? declaredSignatures : signatures).filter((signature) => signature.name === name);

export const functionNames: readonly string[] = [...new Set(signatures.map((signature) => signature.name))];

/** Functions that CEL has and a rule has not, with the reason. */
export const refusedFunctions: ReadonlyMap<string, readonly [what: string, todo: string]> = new Map([
  ['type', ['types are no values in a rule', 'every expression has one type: leave the test out']],
  ['dyn', ['`dyn` is refused: every expression has one type', 'remove it']],
  ['uint', ['uint is not used in rules: attributes are int', 'use int()']],
  ['bytes', ['bytes are not used in rules', 'use string values']],
]);

/** Whether a value of this type fits the parameter; a dyn fits all. */
export const fits = (parameter: string, type: CelType): boolean => parameter === type.kind || type.kind === 'dyn' || parameter === 'any';

export const shown = ({ name, receiver, args }: Signature): string =>
  `${receiver === null ? '' : `${receiver}.`}${name}(${args.join(', ')})`;

function sized(kinds: readonly string[]): readonly string[] {
  return kinds.flatMap((kind) => [`size(${kind}) int`, `${kind}.size() int`]);
}

function conversions(to: string, from: readonly string[]): readonly string[] {
  return from.map((kind) => `${to}(${kind}) ${to}`);
}

function getters(names: readonly string[]): readonly string[] {
  return names.flatMap((name) => [`timestamp.${name}() int`, `timestamp.${name}(string) int`]);
}

function readSignature(text: string): Signature {
  const [, receiver, name = '', args = '', result = ''] = /^(?:(\w+)\.)?(\w+)\(([\w, ]*)\) (\w+)$/.exec(text) ?? [];
  const type = typeNamed(result);
  if (type === undefined) throw new Error(`flyball: broken invariant: signature ${text}`);
  return { name, receiver: receiver ?? null, args: args === '' ? [] : args.split(', '), result: type };
}
