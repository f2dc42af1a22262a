import { attributeAt, attributes, grpcCodes } from '../../model/schema.ts';
import type { Attribute } from '../../model/schema.ts';
import type { Stream } from '../../model/record.ts';
import { int, show, string, struct, timestamp, typeNamed } from './kinds.ts';
import type { CelType, Checked, Dialect } from './types.ts';

/** A column of the rule's key as expressions see it: key.<name>. */
export type KeyColumn = { readonly name: string; readonly type: CelType };

/** What the names in an expression mean. */
export type Environment = {
  readonly dialect: Dialect;
  /** The streams whose attributes may be named; both in the match of a standing rule without `over`; none: nothing is measured. */
  readonly streams: readonly Stream[];
  readonly columns: readonly KeyColumn[];
  /** The rule's `every`, which bounds an aggregate's own window. */
  readonly everyNs: bigint;
  /** The rule's `window`. */
  readonly windowNs: bigint;
  /** `select`: further sets of records by name. */
  readonly sets: ReadonlyMap<string, { readonly streams: readonly Stream[]; readonly windowNs: bigint }>;
  /** params.p and variables.v by name. */
  readonly params: ReadonlyMap<string, CelType>;
  readonly variables: ReadonlyMap<string, CelType>;
  /** `slo.good`, a CEL<r>; null: burn_rate() is not known. */
  readonly good: Checked | null;
  readonly roots: ReadonlyMap<string, CelType>;
  /** The fields of each struct by its name. */
  readonly structs: ReadonlyMap<string, ReadonlyMap<string, CelType>>;
};

/** CEL<r>: one record. */
export const recordEnvironment = (streams: readonly Stream[]): Environment =>
  environment({ dialect: 'record', streams, columns: [], everyNs: 0n, ...noNames });

type Names = Pick<Environment, 'windowNs' | 'sets' | 'params' | 'variables' | 'good'>;
const noNames: Names = { windowNs: 1n, sets: new Map(), params: new Map(), variables: new Map(), good: null };

/** CEL<a>: aggregates over `streams` and the rule's sets, `key`, `params`, `variables` and `now`. */
export const aggregateEnvironment = (of: Pick<Environment, 'streams' | 'columns' | 'everyNs'> & Partial<Names>): Environment =>
  environment({ dialect: 'aggregate', ...noNames, ...of });

/** CEL<m>: what an engine knows before the fact, and `key`. */
export const matchEnvironment = (of: { readonly streams: readonly Stream[]; readonly columns: readonly KeyColumn[] }): Environment =>
  environment({ dialect: 'match', everyNs: 0n, ...noNames, ...of });

/** Plain CEL over the variables of `types`, by dotted path. */
export function declaredEnvironment(types: ReadonlyMap<string, CelType>): Environment {
  const names = { roots: new Map<string, CelType>(), structs: new Map<string, Map<string, CelType>>() };
  for (const [path, type] of types) addPath(path, { ...names, type });
  return { dialect: 'declared', streams: [], columns: [], everyNs: 0n, ...noNames, ...names };
}

/** Why an attribute cannot be matched, or null when it can: some engine of these streams knows it before the fact. */
export function afterTheFact(path: string, streams: readonly Stream[]): string | null {
  const attribute = attributeAt(path);
  if (attribute === undefined || attribute.before.some((stream) => streams.includes(stream))) return null;
  if (/^(?:time|applied|(?:reporter|rpc)\..*)$/.test(path)) return 'is about the observation, which no engine sees';
  if (path.startsWith('destination.')) return 'is chosen when the request is steered';
  return path.startsWith('flow.') ? 'is known only after the packet' : 'is known only after the request';
}

/** Whether `name` begins an attribute of some record. */
export const isRecordRoot = (name: string): boolean => attributes.some(({ path }) => path === name || path.startsWith(`${name}.`));

/** The attributes of these streams. */
export const attributesOf = (streams: readonly Stream[]): readonly Attribute[] =>
  attributes.filter((attribute) => attribute.streams.some((stream) => streams.includes(stream)));

type Wanted = Omit<Environment, 'roots' | 'structs'>;

function environment(wanted: Wanted): Environment {
  const roots = new Map<string, CelType>();
  const structs = new Map<string, Map<string, CelType>>();
  addPath('grpc', { roots, structs });
  structs.set('grpc', new Map([...grpcCodes.keys()].map((name) => [name, int])));
  if (wanted.dialect !== 'aggregate')
    for (const { path, type } of attributesOf(wanted.streams)) addPath(path, { roots, structs, type: typeNamed(type) ?? string });
  if (wanted.dialect === 'aggregate') roots.set('now', timestamp);
  for (const [name, type] of wanted.params) addPath(`params.${name}`, { roots, structs, type });
  for (const [name, type] of wanted.variables) addPath(`variables.${name}`, { roots, structs, type });
  if (wanted.dialect !== 'record') {
    addPath('key', { roots, structs });
    for (const { name, type } of wanted.columns) addColumn(name, { roots, structs, type });
  }
  return { ...wanted, roots, structs };
}

type Into = { readonly roots: Map<string, CelType>; readonly structs: Map<string, Map<string, CelType>>; readonly type?: CelType };

/** A column of a map's entry, `request.headers["x"]`, makes the map a field of the key. */
function addColumn(name: string, { roots, structs, type }: Into): void {
  const bracket = name.indexOf('[');
  const isEntry = bracket > 0 && attributeAt(name.slice(0, bracket)) !== undefined;
  const path = isEntry ? name.slice(0, bracket) : name;
  addPath(`key.${path}`, { roots, structs, type: isEntry ? (typeNamed('map(string, string)') ?? string) : (type ?? string) });
}

/** Declares a dotted path: each part before the last is a struct named by the path so far. */
function addPath(path: string, { roots, structs, type }: Into): void {
  const parts = path.split('.');
  let fields: Map<string, CelType> = roots;
  let name = '';
  for (const [i, part] of parts.entries()) {
    name = name === '' ? part : `${name}.${part}`;
    const own = i === parts.length - 1 && type !== undefined ? type : struct(name);
    if (!fields.has(part)) fields.set(part, own);
    if (own.kind !== 'struct') return;
    const next = structs.get(show(own)) ?? new Map<string, CelType>();
    structs.set(show(own), next);
    fields = next;
  }
}
