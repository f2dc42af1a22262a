import type { Raw } from '../compile/code.ts';
import type { Kind } from '../kinds.ts';
import type { CelType } from '../types.ts';

/** A value that says at run time what it is: ints are bigint, doubles number; what JavaScript has no type for is tagged. Times are ns. */
export type Dyn = null | boolean | string | number | bigint | Uint8Array | readonly Dyn[] | Tagged;

export type Tagged =
  | { readonly kind: 'uint' | 'duration' | 'timestamp'; readonly value: bigint }
  | { readonly kind: 'ip' | 'cidr' | 'type'; readonly value: string }
  | { readonly kind: 'map'; readonly value: ReadonlyMap<string, Entry> };

/** Of a map, by keyOf its key. */
export type Entry = readonly [key: Dyn, value: Dyn];

export function kindOf(value: Dyn): Kind {
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'string':
      return 'string';
    case 'number':
      return 'double';
    case 'bigint':
      return 'int';
    default:
      if (value === null) return 'null';
      return value instanceof Uint8Array ? 'bytes' : 'kind' in value ? value.kind : 'list';
  }
}

/** Equal keys have one text: 1, 1u and 1.0 find the same entry. null: it is no key. */
export function keyOf(key: Dyn): string | null {
  if (typeof key === 'string') return `s${key}`;
  if (typeof key === 'boolean') return `b${key}`;
  const number = integerOf(key);
  return number === null ? null : `n${number}`;
}

/** A whole number of whatever type, else null. */
export function integerOf(value: Dyn): bigint | null {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : null;
  return value !== null && typeof value === 'object' && 'kind' in value && value.kind === 'uint' ? value.value : null;
}

/** A map of entries; undefined where a key is none, or there twice. */
export function mapOf(entries: Iterable<Entry>): Dyn | undefined {
  const value = new Map<string, Entry>();
  for (const entry of entries) {
    const key = typeof entry[0] === 'number' ? null : keyOf(entry[0]);
    if (key === null || value.has(key)) return undefined;
    value.set(key, entry);
  }
  return { kind: 'map', value };
}

/** What the code of checked types holds, with its type said. */
export function fromRaw(raw: Raw, type: CelType): Dyn {
  if (raw === null) return null;
  if (Array.isArray(raw)) return raw.map((one: Raw) => fromRaw(one, type.kind === 'list' ? type.of : type));
  if (raw instanceof Map) {
    if (type.kind !== 'map') return null;
    return mapOf([...(raw as ReadonlyMap<Raw, Raw>)].map(([key, value]) => [fromRaw(key, type.key), fromRaw(value, type.value)])) ?? null;
  }
  if (typeof raw === 'bigint') return { kind: type.kind === 'duration' ? 'duration' : 'timestamp', value: raw };
  if (type.kind === 'int') return BigInt(raw as number);
  return typeof raw === 'string' && (type.kind === 'ip' || type.kind === 'cidr') ? { kind: type.kind, value: raw } : (raw as Dyn);
}

/** The other way; undefined where checked code has no form for it (an int beyond 2^53, a uint, bytes). */
export function toRaw(value: Dyn): Raw | undefined {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : undefined;
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof Uint8Array) return undefined;
  if (!('kind' in value)) {
    const list = value.map(toRaw);
    return list.includes(undefined) ? undefined : (list as readonly Raw[]);
  }
  if (value.kind !== 'map') return value.kind === 'uint' || value.kind === 'type' ? undefined : value.value;
  const entries = [...value.value.values()].map((entry) => entry.map(toRaw));
  return entries.flat().includes(undefined) ? undefined : new Map(entries as unknown as readonly (readonly [Raw, Raw])[]);
}
