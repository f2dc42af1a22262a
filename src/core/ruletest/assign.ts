import { attributeAt, attributes } from '../../model/schema.ts';
import type { Place } from '../../model/rule.ts';
import { didYouMean } from '../cel/suggest.ts';
import { ticked } from '../cel/problem.ts';
import { wrong } from '../rule/fields.ts';
import type { Fields } from '../rule/fields.ts';
import type { YamlNode } from '../rule/yaml.ts';
import type { Assign } from './types.ts';

/** Fields of records as a test writes them: `destination: {service: a}`, `destination.service: a`, `request.headers: {x-user: [u1, u2]}`. */
export function assignsOf(fields: Pick<Fields, 'source' | 'problems'>, node: YamlNode | null): readonly Assign[] {
  return node?.kind === 'map' ? within(fields, node, '') : [];
}

function within(fields: Pick<Fields, 'source' | 'problems'>, node: Extract<YamlNode, { kind: 'map' }>, prefix: string): readonly Assign[] {
  return node.entries.flatMap(({ key, value }): readonly Assign[] => {
    const path = prefix === '' ? key.text : `${prefix}.${key.text}`;
    if (value?.kind === 'map') return within(fields, value, path);
    const texts = value === null ? [] : value.kind === 'scalar' ? [value.text] : value.items.flatMap((i) => (i?.kind === 'scalar' ? [i.text] : [])); // prettier-ignore
    const type = typeOf(path);
    if (type === undefined) return unknown(fields, path, key.place);
    if (type === 'list(string)') return [{ path, values: [texts], place: key.place }];
    return [{ path, values: texts.map((text) => jsonFrom(type, text)), place: key.place }];
  });
}

/** The type of a field of a record's JSON; an entry of a map is text. */
function typeOf(path: string): string | undefined {
  if (path === 'stream') return 'string';
  const plain = attributeAt(path)?.type;
  if (plain !== undefined) return plain;
  return mapOf(path) === undefined ? undefined : 'string';
}

/** request.headers of "request.headers.x-user". */
export const mapOf = (path: string): string | undefined =>
  attributes.find((attribute) => attribute.type.startsWith('map(') && path.startsWith(`${attribute.path}.`))?.path;

/** As text where the type does not fit: the record's own reader then says what is wrong. */
function jsonFrom(type: string, text: string): unknown {
  if (type === 'int') return /^-?\d{1,16}$/.test(text) ? Number(text) : text;
  return type === 'bool' && (text === 'true' || text === 'false') ? text === 'true' : text;
}

function unknown(fields: Pick<Fields, 'source' | 'problems'>, path: string, place: Place): readonly Assign[] {
  const paths = attributes.map((attribute) => attribute.path);
  wrong(fields, place, {
    what: `${ticked(path)} is no attribute of a record`,
    todo: didYouMean(path, paths, 'see `flyball explain`'),
  });
  return [];
}
