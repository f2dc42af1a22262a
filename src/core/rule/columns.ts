import type { Column } from '../../model/rule.ts';
import { ticked } from '../cel/problem.ts';
import { didYouMean } from '../cel/suggest.ts';
import { attributePaths, readAttribute } from './attr.ts';
import { columnsMax } from './bounds.ts';
import { celIn, scalarIn, wrong } from './fields.ts';
import type { Fields } from './fields.ts';
import { problemAt } from './place.ts';
import type { ScalarNode } from './scalar.ts';

const columnName = /^[a-z_][a-zA-Z0-9_]{0,62}$/;
/** Names that CEL cannot select a field by, or that mean something else to a reader. */
export const reservedNames: ReadonlySet<string> = new Set(['in', 'true', 'false', 'null', '__proto__', 'constructor', 'prototype']);

/** Reads `by`: a list of attributes, or a map of columns; `known`: names that a map may use though no rule could give them to a column. */
export function readColumns(fields: Fields, known: readonly string[] = []): readonly Column[] {
  const entry = fields.entries.get('by');
  if (entry === undefined) return [];
  const { value } = entry;
  const place = value?.place ?? entry.key.place;
  if (value === null || value.kind === 'scalar') {
    wrong(fields, place, { what: '`by` is not a list', todo: 'write by: [destination.instance], or by: {column: expression}' });
    return [];
  }
  const columns =
    value.kind === 'list'
      ? value.items.flatMap((item) => listed(fields, scalarIn(fields, item, { name: 'by', place })) ?? [])
      : mapped(fields, known);
  if (columns.length > columnsMax) wrong(fields, place, { what: `more than ${columnsMax} columns`, todo: 'use fewer' });
  const names = columns.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) wrong(fields, place, { what: `${ticked(twice)} is given twice`, todo: 'keep one' });
  return columns;
}

function listed(fields: Fields, scalar: ScalarNode | undefined): Column | undefined {
  if (scalar === undefined) return undefined;
  const found = readAttribute(scalar.text);
  // A comment may follow: what it could have cut off an attribute would not read as one.
  const cel = celIn(fields, { ...scalar, commented: false });
  if (found !== null && cel !== undefined) return { name: found.name, cel, attribute: true };
  const todo = didYouMean(scalar.text, attributePaths, 'for an expression write by: {column: expression}');
  if (found !== null) return undefined;
  const { source, problems } = fields;
  return void problems.push(problemAt(source, scalar.place, { code: 'E-CEL-NAME', what: `${ticked(scalar.text)} is no attribute`, todo }));
}

function mapped(fields: Fields, known: readonly string[]): readonly Column[] {
  const value = fields.entries.get('by')?.value;
  if (value?.kind !== 'map') return [];
  return value.entries.flatMap(({ key, value: node }): readonly Column[] => {
    if (!known.includes(key.text) && (!columnName.test(key.text) || reservedNames.has(key.text))) {
      wrong(fields, key.place, { what: `${ticked(key.text)} cannot be a column`, todo: 'name it as a CEL field, e.g. tenant' });
      return [];
    }
    const scalar = scalarIn(fields, node, { name: key.text, place: key.place });
    const cel = scalar === undefined ? undefined : celIn(fields, scalar);
    return cel === undefined ? [] : [{ name: key.text, cel, attribute: false }];
  });
}
