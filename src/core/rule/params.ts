import type { Param, Value } from '../../model/rule.ts';
import { readLiteral } from '../../model/units.ts';
import { ticked } from '../cel/problem.ts';
import { kindOf } from '../cel/kinds.ts';
import { paramKeysMax, paramsMax } from './bounds.ts';
import { scalarIn, wrong } from './fields.ts';
import type { Fields } from './fields.ts';
import { namedEntries } from './select.ts';
import type { MapEntry, YamlNode } from './yaml.ts';

/** Reads `params`: literals, or one for each value of the first key column and a default (settled point 15). */
export const readParams = (fields: Fields): readonly Param[] =>
  namedEntries(fields, 'params', paramsMax).flatMap((entry) => paramOf(fields, entry) ?? []);

function paramOf(fields: Fields, { key, value }: MapEntry): Param | undefined {
  const name = key.text;
  if (value?.kind !== 'map') {
    const only = literalOf(fields, value, { name, place: key.place });
    return only === undefined ? undefined : { name, default: only, byKey: new Map() };
  }
  if (value.entries.length > paramKeysMax)
    return wrong(fields, value.place, { what: `${ticked(name)} names more than ${paramKeysMax} keys`, todo: 'use fewer' });
  const read = value.entries.map((entry) => [entry.key.text, literalOf(fields, entry.value, { name, place: entry.key.place })] as const);
  const values = new Map(read.flatMap(([text, one]) => (one === undefined ? [] : [[text, one] as const])));
  if (values.size < read.length) return undefined;
  const byDefault = values.get('default');
  if (byDefault === undefined)
    return wrong(fields, value.place, {
      what: `${ticked(name)} has no \`default\``,
      todo: 'add default: …, for keys that it does not name',
    });
  values.delete('default');
  const other = [...values].find(([, one]) => kindOf(one) !== kindOf(byDefault));
  if (other === undefined) return { name, default: byDefault, byKey: values };
  const what = `${ticked(name)}: ${ticked(other[0])} is ${kindOf(other[1])}, the default ${kindOf(byDefault)}`;
  wrong(fields, value.place, { what, todo: 'give all one type: 5 is an int, 5.0 a double' });
  // What is said of the expressions then is about them.
  return { name, default: byDefault, byKey: new Map() };
}

function literalOf(fields: Fields, node: YamlNode | null, at: Parameters<typeof scalarIn>[2]): Value | undefined {
  const scalar = scalarIn(fields, node, at);
  return scalar === undefined ? undefined : readLiteral(scalar.text, scalar.quoted);
}
