import type { CelText, Place } from '../../model/rule.ts';
import type { Problem, Result } from '../../model/problem.ts';
import { readDuration, showDuration } from '../../model/units.ts';
import type { UnitProblem } from '../../model/units.ts';
import { ticked } from '../cel/problem.ts';
import { didYouMean } from '../cel/suggest.ts';
import { problemAt } from './place.ts';
import type { Source } from './place.ts';
import type { ScalarNode } from './scalar.ts';
import type { MapEntry, YamlNode } from './yaml.ts';

/** Reads the fields of one map; every problem is noted, and a field that cannot be read is undefined. */
export type Fields = {
  readonly source: Source;
  readonly problems: Problem[];
  /** What the map is, for messages: "rule", "avoid". */
  readonly of: string;
  readonly place: Place;
  readonly entries: ReadonlyMap<string, MapEntry>;
  /** Some field was left out because it is unknown. */
  readonly hasUnknown: boolean;
};

type Words = Pick<Problem, 'what' | 'todo'>;

/** The fields of a map. Unknown ones are E-RULE-FIELD, and left out. */
export function fieldsOf(
  node: YamlNode | null,
  { of, known, place, source, problems }: Pick<Fields, 'of' | 'place' | 'source' | 'problems'> & Names,
): Fields {
  const entries = new Map<string, MapEntry>();
  const own = node?.kind === 'map' ? node.entries : [];
  const hasUnknown = own.some(({ key }) => !known.includes(key.text));
  const fields: Fields = { source, problems, of, place: node?.place ?? place, entries, hasUnknown };
  if (node === null) return fields;
  if (node.kind !== 'map') {
    wrong(fields, node.place, {
      what: `\`${of}\` is a ${node.kind === 'list' ? 'list' : 'single value'}`,
      todo: `write ${of}: {field: value}`,
    });
    return fields;
  }
  for (const entry of node.entries) {
    const name = entry.key.text;
    if (known.includes(name)) entries.set(name, entry);
    else {
      const todo = didYouMean(name, known, `\`${of}\` has ${known.join(', ')}`);
      problems.push(problemAt(source, entry.key.place, { code: 'E-RULE-FIELD', what: `\`${of}\` has no field ${ticked(name)}`, todo }));
    }
  }
  return fields;
}

type Names = { readonly known: readonly string[] };

export const wrong = ({ source, problems }: Pick<Fields, 'source' | 'problems'>, place: Place, words: Words): undefined =>
  void problems.push(problemAt(source, place, { code: 'E-RULE-VALUE', ...words }));

export const notYet = ({ source, problems }: Pick<Fields, 'source' | 'problems'>, place: Place, what: string): undefined =>
  void problems.push(problemAt(source, place, { code: 'E-NOT-YET', what: `${what} is not built in this version`, todo: '' }));

/** E-RULE-NEEDS where the map begins. */
export const missing = ({ source, problems, place }: Fields, words: Words): undefined =>
  void problems.push(problemAt(source, place, { code: 'E-RULE-NEEDS', ...words }));

/** The scalar of a field; undefined when the field is not there or holds something else. */
export function scalarAt(fields: Fields, name: string): ScalarNode | undefined {
  const entry = fields.entries.get(name);
  return entry === undefined ? undefined : scalarIn(fields, entry.value, { name, place: entry.key.place });
}

/** A node that must be a scalar. */
export function scalarIn(
  fields: Fields,
  node: YamlNode | null,
  at: { readonly name: string; readonly place: Place },
): ScalarNode | undefined {
  if (node === null) return wrong(fields, at.place, { what: `\`${at.name}\` has no value`, todo: 'write one, or remove the field' });
  if (node.kind === 'scalar') return node;
  return wrong(fields, node.place, {
    what: `\`${at.name}\` is a ${node.kind}, not a single value`,
    todo: 'quote it if it is an expression',
  });
}

/** A scalar read by `read`, its problem placed at it. */
export function valueAt<T>(fields: Fields, name: string, read: (text: string) => Result<T, UnitProblem>): T | undefined {
  const scalar = scalarAt(fields, name);
  if (scalar === undefined) return undefined;
  const value = read(scalar.text);
  return value.ok ? value.value : wrong(fields, scalar.place, { what: `\`${name}\`: ${value.problem.what}`, todo: value.problem.todo });
}

/** A DURATION within bounds. */
export function durationAt(
  fields: Fields,
  name: string,
  { least, most }: { readonly least: bigint; readonly most?: bigint },
): bigint | undefined {
  const ns = valueAt(fields, name, readDuration);
  if (ns === undefined || (ns >= least && ns <= (most ?? ns))) return ns;
  const limit = ns < least ? `at least ${showDuration(least)}` : `at most ${showDuration(most ?? ns)}`;
  return wrong(fields, placeOf(fields, name), { what: `\`${name}\` is ${showDuration(ns)}`, todo: `write ${limit}` });
}

export function integerAt(
  fields: Fields,
  name: string,
  { least, most }: { readonly least: number; readonly most: number },
): number | undefined {
  const scalar = scalarAt(fields, name);
  if (scalar === undefined) return undefined;
  const value = /^-?\d{1,15}$/.test(scalar.text) ? Number(scalar.text) : NaN;
  if (value >= least && value <= most) return value;
  return wrong(fields, scalar.place, { what: `\`${name}\` is ${ticked(scalar.text)}`, todo: `write an integer from ${least} to ${most}` });
}

export function choiceAt<T extends string>(fields: Fields, name: string, choices: readonly T[]): T | undefined {
  const scalar = scalarAt(fields, name);
  if (scalar === undefined) return undefined;
  const chosen = choices.find((choice) => choice === scalar.text);
  const otherwise = `write ${choices.join(' or ')}`;
  return (
    chosen ??
    wrong(fields, scalar.place, { what: `\`${name}\` is ${ticked(scalar.text)}`, todo: didYouMean(scalar.text, choices, otherwise) })
  );
}

/** Text of 1 to `most` characters without control characters. */
export function textAt(fields: Fields, name: string, most: number): string | undefined {
  const scalar = scalarAt(fields, name);
  if (scalar === undefined) return undefined;
  const text = scalar.text.trim();
  if (text === '') return wrong(fields, scalar.place, { what: `\`${name}\` is empty`, todo: 'write something' });
  if (text.length > most) return wrong(fields, scalar.place, { what: `\`${name}\` is longer than ${most} characters`, todo: 'shorten it' });
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u0009\u000b-\u001f\u007f]/.test(text))
    return wrong(fields, scalar.place, { what: `\`${name}\` has a control character`, todo: 'remove it' });
  return text;
}

export const placeOf = (fields: Fields, name: string): Place => {
  const entry = fields.entries.get(name);
  return entry?.value?.place ?? entry?.key.place ?? fields.place;
};

/** A CEL text; a comment after an unquoted one is refused, for YAML may have cut the expression there. */
export function celAt(fields: Fields, name: string): CelText | undefined {
  const scalar = scalarAt(fields, name);
  return scalar === undefined ? undefined : celIn(fields, scalar);
}

export function celIn(fields: Pick<Fields, 'source' | 'problems'>, scalar: ScalarNode): CelText | undefined {
  const { text, place, exact, runs } = scalar;
  if (!scalar.quoted && scalar.commented) {
    const what = 'YAML ends this expression at ` #` and takes the rest for a comment';
    return void fields.problems.push(
      problemAt(fields.source, place, { code: 'E-YAML-QUOTE', what, todo: 'quote the expression, or move the comment to its own line' }),
    );
  }
  return { text: text.trimEnd(), ...place, exact, ...(runs === undefined ? {} : { runs }) };
}

/** The items of a list field, scalars only. */
export function listAt(fields: Fields, name: string, most: number): readonly ScalarNode[] | undefined {
  const entry = fields.entries.get(name);
  if (entry === undefined) return undefined;
  const { value } = entry;
  if (value?.kind !== 'list')
    return wrong(fields, value?.place ?? entry.key.place, { what: `\`${name}\` is not a list`, todo: `write ${name}: [a, b]` });
  if (value.items.length > most) return wrong(fields, value.place, { what: `\`${name}\` has more than ${most} items`, todo: 'use fewer' });
  const items = value.items.map((item) => scalarIn(fields, item, { name, place: value.place }));
  return items.flatMap((item) => item ?? []);
}
