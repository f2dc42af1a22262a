import type { Peer } from './record.ts';
import { attributeAt, type AttributeType } from './schema.ts';
import type { Scalar } from './table.ts';

/** What an engine knows of a request or packet before the fact. Absence is a value, as in records; the four roots are always there. */
export type Facts = {
  readonly source: Peer;
  /** `service` is what the caller asked for; what steering picks is not known yet. */
  readonly destination: Peer;
  readonly request?: {
    readonly protocol?: string;
    readonly method?: string;
    readonly host?: string;
    readonly path?: string;
    readonly route?: string;
    readonly id?: string;
    readonly attempt?: number;
    /** Names in lower case, as HTTP/2 has them. */
    readonly headers?: ReadonlyMap<string, string>;
  };
  readonly flow?: {
    readonly protocol?: number;
    readonly dscp?: number;
    readonly tcp_flags?: readonly string[];
  };
};

export type AttributeKind = 'string' | 'int' | 'bool' | 'map' | 'list';

/**
 * One attribute that a match may test. A member of a map or list is an attribute of its own: `request.headers["x-tenant"]` has the text
 * as value; `flow.tcp_flags["SYN"]` is `true` when the list holds it, else absent.
 */
export type Attribute = {
  readonly path: string;
  readonly kind: AttributeKind;
  /** The map or list that this is a member of; null for a plain attribute. */
  readonly of: string | null;
  /** undefined: absent. A map or list itself reads as `true` when present. */
  readonly read: (facts: Facts) => Scalar | undefined;
};

/** The attribute of a path as Match writes it; undefined when no engine knows it before the fact. */
export function attributeOf(path: string): Attribute | undefined {
  const plain = kindOf(path);
  if (plain !== undefined) return { path, kind: plain, of: null, read: readPlain(path, plain) };
  const bracket = path.indexOf('[');
  const of = path.slice(0, bracket);
  const name = bracket < 0 ? undefined : parseName(path.slice(bracket + 1, -1));
  const kind = kindOf(of);
  if (name === undefined || (kind !== 'map' && kind !== 'list') || memberPath(of, name) !== path) return undefined;
  return kind === 'map' ? { path, kind: 'string', of, read: readMember(of, name) } : { path, kind: 'bool', of, read: readItem(of, name) };
}

/** `request.headers["x-tenant"]`: the one way to write a member. */
export const memberPath = (of: string, name: string): string => `${of}[${JSON.stringify(name)}]`;

/** The field a capability names: members of maps and lists are covered by the map or list. */
export const fieldOf = (path: string): string => (path.includes('[') ? path.slice(0, path.indexOf('[')) : path);

function kindOf(path: string): AttributeKind | undefined {
  const attribute = attributeAt(path);
  return attribute === undefined || attribute.before.length === 0 ? undefined : kinds.get(attribute.type);
}

/** Durations and instants are known only after the fact. */
const kinds: ReadonlyMap<AttributeType, AttributeKind> = new Map([
  ['string', 'string'],
  ['int', 'int'],
  ['bool', 'bool'],
  ['list(string)', 'list'],
  ['map(string, string)', 'map'],
]);

/** How to read a plain attribute; request and flow that are not there read as empty. */
function valueOf(path: string): (facts: Facts) => unknown {
  const [root = '', name = ''] = path.split('.');
  return (facts) => {
    const { source, destination, request = {}, flow = {} } = facts;
    const roots: Readonly<Record<string, Readonly<Record<string, unknown>>>> = { source, destination, request, flow };
    return roots[root]?.[name];
  };
}

function readPlain(path: string, kind: AttributeKind): Attribute['read'] {
  const valueAt = valueOf(path);
  return (facts) => {
    const value = valueAt(facts);
    if (kind === 'map' || kind === 'list') return value === undefined ? undefined : true;
    return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : undefined;
  };
}

function readMember(of: string, name: string): Attribute['read'] {
  const mapAt = valueOf(of);
  return (facts) => {
    const map = mapAt(facts);
    const value: unknown = map instanceof Map ? map.get(name) : undefined;
    return typeof value === 'string' ? value : undefined;
  };
}

function readItem(of: string, name: string): Attribute['read'] {
  const listAt = valueOf(of);
  return (facts) => {
    const list = listAt(facts);
    return Array.isArray(list) && list.includes(name) ? true : undefined;
  };
}

function parseName(json: string): string | undefined {
  try {
    const name: unknown = JSON.parse(json);
    return typeof name === 'string' ? name : undefined;
  } catch {
    return undefined;
  }
}
