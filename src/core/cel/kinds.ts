import type { Value } from '../../model/rule.ts';
import type { CelType } from './types.ts';

export type Kind = CelType['kind'];
type Plain = Exclude<Kind, 'list' | 'map' | 'struct'>;

const plain = (kind: Plain): CelType => ({ kind });
export const bool = plain('bool');
export const int = plain('int');
export const uint = plain('uint');
export const double = plain('double');
export const string = plain('string');
export const nothing = plain('null');
export const duration = plain('duration');
export const timestamp = plain('timestamp');
export const ip = plain('ip');
export const cidr = plain('cidr');
export const list = (of: CelType): CelType => ({ kind: 'list', of });
export const map = (key: CelType, value: CelType): CelType => ({ kind: 'map', key, value });
export const struct = (name: string): CelType => ({ kind: 'struct', name });

/** The types of `[]` and `{}` until what they are compared with says more; told apart from others by identity. */
export const emptyList = list(nothing);
export const emptyMap = map(nothing, nothing);

/** As CEL writes it: "list(string)", "map(string, string)"; a struct by its name. */
export function show(type: CelType): string {
  if (type.kind === 'list') return `list(${show(type.of)})`;
  if (type.kind === 'map') return `map(${show(type.key)}, ${show(type.value)})`;
  return type.kind === 'struct' ? type.name : type.kind;
}

export const showAll = (types: readonly CelType[]): string => `(${types.map(show).join(', ')})`;

export function same(a: CelType, b: CelType): boolean {
  if (a === b) return true;
  if (a.kind === 'list' && b.kind === 'list') return same(a.of, b.of);
  if (a.kind === 'map' && b.kind === 'map') return same(a.key, b.key) && same(a.value, b.value);
  if (a.kind === 'struct' && b.kind === 'struct') return a.name === b.name;
  return a.kind === b.kind && a.kind !== 'list' && a.kind !== 'map' && a.kind !== 'struct';
}

const named: ReadonlyMap<string, CelType> = new Map([
  ...[bool, int, uint, double, string, nothing, duration, timestamp, ip, cidr].map((type): [string, CelType] => [type.kind, type]),
  ['bytes', plain('bytes')],
  ['list(string)', list(string)],
  ['map(string, string)', map(string, string)],
]);

/** The type that attribute tables and signatures name. */
export const typeNamed = (name: string): CelType | undefined => named.get(name);

/** A type as CEL writes it: "int", "list(map(string, double))"; undefined where it is none of ours (dyn, wrappers, messages). */
export function typeFrom(text: string): CelType | undefined {
  const known = named.get(text);
  if (known !== undefined) return known;
  const inner = /^(list|map)\((.*)\)$/.exec(text);
  if (inner?.[1] === 'list') {
    const of = typeFrom(inner[2] ?? '');
    return of === undefined ? undefined : list(of);
  }
  const [, , parts = ''] = inner ?? [];
  const comma = parts.indexOf(', ');
  const [key, value] = comma < 0 ? [] : [typeFrom(parts.slice(0, comma)), typeFrom(parts.slice(comma + 2))];
  return key === undefined || value === undefined ? undefined : map(key, value);
}

/** What a key column can be: a value with an order and a text. */
export const isScalar = (type: CelType): boolean => ['bool', 'int', 'double', 'string', 'duration', 'timestamp'].includes(type.kind);

/** The type of a value that a rule writes. */
export function kindOf(value: Value): Kind {
  if (typeof value === 'bigint') return 'int';
  if (typeof value === 'number') return 'double';
  if (typeof value === 'object') return 'durationNs' in value ? 'duration' : 'timestamp';
  return typeof value === 'boolean' ? 'bool' : 'string';
}

export const typeOfValue = (value: Value): CelType => typeNamed(kindOf(value)) ?? string;
