import type { Result } from '../../model/problem.ts';
import type { Num, Place } from '../../model/rule.ts';
import { readPercent } from '../../model/units.ts';
import type { UnitProblem } from '../../model/units.ts';
import { movingEveryNsMin } from './bounds.ts';
import { celAt, celIn, durationAt, fieldsOf, missing, scalarIn, valueAt, wrong } from './fields.ts';
import type { Fields } from './fields.ts';
import type { MapEntry, YamlNode } from './yaml.ts';

type Read = (text: string) => Result<number, UnitProblem>;
type At = { readonly name: string; readonly place: Place; readonly literal: Read };

/** How often a number that moves is read again unless said. */
const everyDefaultNs = 10_000_000_000n;

/** NUM (rules.md section 2): a literal that `literal` reads, a CEL<a>, {value: …} or {ramp: …}. */
export function numIn(fields: Fields, node: YamlNode | null, at: At): Num | undefined {
  const moving = node?.kind === 'map' ? node.entries.find(({ key }) => key.text === 'value' || key.text === 'ramp') : undefined;
  if (node?.kind === 'map' && moving !== undefined)
    return moving.key.text === 'value' ? valueOf(fields, node, at) : rampOf(fields, node, moving, at);
  const scalar = scalarIn(fields, node, at);
  if (scalar === undefined) return undefined;
  const read = at.literal(scalar.text);
  if (read.ok) return { kind: 'literal', value: read.value };
  if (/^[-+]?[\d.]/.test(scalar.text) && !/[\s()*/+]/.test(scalar.text.slice(1).replace(/\/[smhd]$/, ''))) {
    return wrong(fields, scalar.place, { what: `\`${at.name}\`: ${read.problem.what}`, todo: read.problem.todo });
  }
  const cel = celIn(fields, scalar);
  return cel === undefined ? undefined : { kind: 'cel', cel };
}

export function numAt(fields: Fields, name: string, literal: Read): Num | undefined {
  const entry = fields.entries.get(name);
  return entry === undefined ? undefined : numIn(fields, entry.value, { name, place: entry.key.place, literal });
}

export const percentAt = (fields: Fields, name: string): Num | undefined => numAt(fields, name, readPercent);

type MapNode = Extract<YamlNode, { readonly kind: 'map' }>;

function valueOf({ source, problems }: Fields, node: MapNode, { name, place, literal }: At): Num | undefined {
  const fields = fieldsOf(node, { of: name, known: ['value', 'min', 'max', 'every'], place, source, problems });
  const before = problems.length;
  const cel = celAt(fields, 'value');
  const [min, max] = [valueAt(fields, 'min', literal) ?? null, valueAt(fields, 'max', literal) ?? null];
  const everyNs = durationAt(fields, 'every', { least: movingEveryNsMin }) ?? everyDefaultNs;
  if (min !== null && max !== null && min > max) wrong(fields, fields.place, { what: `\`min\` is over \`max\``, todo: 'exchange them' });
  return cel === undefined || problems.length > before ? undefined : { kind: 'value', cel, min, max, everyNs };
}

function rampOf({ source, problems }: Fields, node: MapNode, { key, value }: MapEntry, { name, place, literal }: At): Num | undefined {
  const before = problems.length;
  fieldsOf(node, { of: name, known: ['ramp'], place, source, problems });
  const needed = ['from', 'to', 'step', 'every', 'while'];
  const fields = fieldsOf(value ?? node, { of: 'ramp', known: needed, place: key.place, source, problems });
  for (const field of needed) if (!fields.entries.has(field)) missing(fields, { what: `\`ramp\` has no \`${field}\``, todo: 'add it' });
  const [from, to, step] = [valueAt(fields, 'from', literal), valueAt(fields, 'to', literal), valueAt(fields, 'step', literal)];
  const everyNs = durationAt(fields, 'every', { least: movingEveryNsMin });
  const cel = celAt(fields, 'while');
  if (step !== undefined && step <= 0)
    wrong(fields, fields.place, { what: '`step` is not over 0', todo: 'write its size; `to` gives the direction' });
  if (problems.length > before || from === undefined || to === undefined || step === undefined) return undefined;
  return everyNs === undefined || cel === undefined ? undefined : { kind: 'ramp', from, to, step, everyNs, while: cel };
}
