import { fail, ok } from '../../model/problem.ts';
import { framingHeaders } from '../../model/framing.ts';
import type { Result } from '../../model/problem.ts';
import type { Stream } from '../../model/record.ts';
import type { Num, RuleAction } from '../../model/rule.ts';
import { grpcCodes } from '../../model/schema.ts';
import { readPercent, readRate, readSize } from '../../model/units.ts';
import type { UnitProblem } from '../../model/units.ts';
import { ticked } from '../cel/problem.ts';
import { didYouMean } from '../cel/suggest.ts';
import { attributePaths, readAttribute } from './attr.ts';
import { actionsMax, bodyCharsMax, headersMax, headerValueMax, perMax, weightsMax } from './bounds.ts';
import { celAt, choiceAt, fieldsOf, integerAt, listAt, missing, scalarAt, scalarIn, wrong } from './fields.ts';
import type { Fields } from './fields.ts';
import { numAt, numIn, percentAt } from './nums.ts';
import { problemAt } from './place.ts';
import type { ScalarNode } from './scalar.ts';
import type { YamlNode } from './yaml.ts';

type Kind = RuleAction['kind'];
type Base = Pick<RuleAction, 'place' | 'match'>;

const fieldNames: Readonly<Record<Kind, readonly string[]>> = {
  allow: ['match'],
  deny: ['match', 'percent', 'status', 'grpc_status'],
  respond: ['match', 'status', 'body', 'headers'],
  limit: ['match', 'rate', 'burst', 'per', 'scope'],
  split: ['match', 'on', 'weights', 'sticky'],
  avoid: ['match', 'instance', 'version', 'zone', 'region', 'node', 'percent'],
  route: ['match', 'to'],
  mirror: ['match', 'to', 'percent'],
  set: ['match', 'headers', 'dscp'],
};
const kinds = Object.keys(fieldNames) as readonly Kind[];
const splitsOn = ['version', 'zone', 'service'] as const;
const permissionDenied = 7;

/** Reads `then` (rules.md section 2, ACTION), with every default filled in; what cannot be read is noted and left out. */
export function readActions(fields: Fields, streams: readonly Stream[]): readonly RuleAction[] {
  const entry = fields.entries.get('then');
  if (entry === undefined) return [];
  const { value } = entry;
  if (value?.kind !== 'list') {
    wrong(fields, value?.place ?? entry.key.place, { what: '`then` is not a list', todo: 'write `- avoid: {..}`, or [] to only watch' });
    return [];
  }
  if (value.items.length > actionsMax) wrong(fields, value.place, { what: `more than ${actionsMax} actions`, todo: 'split the rule' });
  return value.items.slice(0, actionsMax).flatMap((item) => readAction(fields, item ?? value, streams) ?? []);
}

function readAction(outer: Fields, node: YamlNode, streams: readonly Stream[]): RuleAction | undefined {
  const [entry, second] = node.kind === 'map' ? node.entries : [];
  if (entry === undefined)
    return wrong(outer, node.place, { what: 'this is not an action', todo: 'write `- avoid: {instance: key.destination.instance}`' });
  if (second !== undefined)
    return wrong(outer, second.key.place, { what: 'a second action in one item', todo: `write \`- ${second.key.text}:\` on its own` });
  const kind = kinds.find((each) => each === entry.key.text);
  const { source, problems } = outer;
  const { place } = entry.key;
  if (kind === undefined) {
    const todo = didYouMean(entry.key.text, kinds, `actions are ${kinds.join(', ')}`);
    return void problems.push(
      problemAt(source, place, { code: 'E-RULE-FIELD', what: `there is no action ${ticked(entry.key.text)}`, todo }),
    );
  }
  const fields = fieldsOf(entry.value, { of: kind, known: fieldNames[kind], place, source, problems });
  const before = problems.length;
  const match = celAt(fields, 'match') ?? null;
  const action = readers[kind](fields, { place, match }, streams);
  return problems.length > before ? undefined : action;
}

const readers: Readonly<Record<Kind, (fields: Fields, base: Base, streams: readonly Stream[]) => RuleAction | undefined>> = {
  allow: (_fields, base) => ({ ...base, kind: 'allow' }),
  deny: (fields, base) => {
    const status = integerAt(fields, 'status', { least: 400, most: 599 }) ?? 403;
    return { ...base, kind: 'deny', percent: percentAt(fields, 'percent') ?? literal(100), status, grpcStatus: grpcStatusAt(fields) };
  },
  respond: (fields, base) => {
    const status = required(fields, 'status', () => integerAt(fields, 'status', { least: 200, most: 599 }));
    const body = fields.entries.has('body') ? (scalarAt(fields, 'body')?.text ?? '') : '';
    if (body.length > bodyCharsMax)
      wrong(fields, fields.place, { what: `the body is longer than ${bodyCharsMax} characters`, todo: 'shorten it' });
    return status === undefined ? undefined : { ...base, kind: 'respond', status, body, headers: headersIn(fields, 'headers') };
  },
  limit: (fields, base, streams) => readLimit(fields, base, streams),
  split: (fields, base, streams) => readSplit(fields, base, streams),
  avoid: (fields, base) => readAvoid(fields, base),
  route: (fields, base) => {
    const to = required(fields, 'to', () => serviceAt(fields));
    return to === undefined ? undefined : { ...base, kind: 'route', to };
  },
  mirror: (fields, base) => {
    const to = required(fields, 'to', () => serviceAt(fields));
    const percent = required(fields, 'percent', () => percentAt(fields, 'percent'));
    return to === undefined || percent === undefined ? undefined : { ...base, kind: 'mirror', to, percent };
  },
  set: (fields, base) => readSet(fields, base),
};

function readLimit(fields: Fields, base: Base, streams: readonly Stream[]): RuleAction | undefined {
  let unit: 'requests' | 'bytes' = 'requests';
  const rate = required(fields, 'rate', () =>
    numAt(fields, 'rate', (text) => {
      const read = readRate(text);
      if (read.ok) unit = read.value.unit;
      return read.ok ? ok(read.value.perSecond) : plainNumber(text, read.problem);
    }),
  );
  const burst = numAt(fields, 'burst', (text) => burstOf(text, unit)) ?? null;
  if (rate?.kind === 'literal' && rate.value <= 0)
    wrong(fields, fields.place, { what: 'a limit of 0 lets nothing pass', todo: 'use deny' });
  const per = (listAt(fields, 'per', perMax) ?? []).flatMap((item) => attributeName(fields, item, streams) ?? []);
  const scope = choiceAt(fields, 'scope', ['local', 'global']) ?? 'local';
  return rate === undefined ? undefined : { ...base, kind: 'limit', rate, unit, burst, per, scope };
}

function burstOf(text: string, unit: 'requests' | 'bytes'): Result<number, UnitProblem> {
  const size = readSize(text);
  if (!size.ok)
    return plainNumber(text, {
      what: `${ticked(text)} is not a number of ${unit}`,
      todo: unit === 'bytes' ? 'write it as 64KB' : 'write a number',
    });
  return unit === 'bytes'
    ? size
    : fail({ what: `${ticked(text)} is a size, but the rate counts requests`, todo: 'write a number, or a rate as 10MB/s' });
}

function readSplit(fields: Fields, base: Base, streams: readonly Stream[]): RuleAction | undefined {
  const on = required(fields, 'on', () => choiceAt(fields, 'on', splitsOn));
  const sticky = fields.entries.has('sticky') ? scalarAt(fields, 'sticky') : undefined;
  const stickyName = sticky === undefined ? null : (attributeName(fields, sticky, streams) ?? null);
  const weights = required(fields, 'weights', () => weightsAt(fields));
  return on === undefined || weights === undefined ? undefined : { ...base, kind: 'split', on, weights, sticky: stickyName };
}

function weightsAt(fields: Fields): Readonly<Record<string, Num | 'rest'>> | undefined {
  const entry = fields.entries.get('weights');
  if (entry?.value?.kind !== 'map' || entry.value.entries.length === 0) {
    return wrong(fields, entry?.value?.place ?? fields.place, {
      what: '`weights` is not a map of shares',
      todo: 'write weights: {v1: 90, v2: 10}',
    });
  }
  const { place, entries } = entry.value;
  if (entries.length > weightsMax) return wrong(fields, place, { what: `more than ${weightsMax} weights`, todo: 'use fewer' });
  const weights = entries.flatMap(({ key, value }): readonly (readonly [string, Num | 'rest'])[] => {
    if (value?.kind === 'scalar' && value.text === 'rest') return [[key.text, 'rest']];
    const num = numIn(fields, value, { name: key.text, place: key.place, literal: weightOf });
    return num === undefined ? [] : [[key.text, num]];
  });
  if (weights.length < entries.length) return undefined;
  const rests = weights.filter(([, weight]) => weight === 'rest').length;
  const literals = weights.flatMap(([, weight]) => (weight !== 'rest' && weight.kind === 'literal' ? [weight.value] : []));
  const sum = literals.reduce((total, value) => total + value, 0);
  if (rests > 1) return wrong(fields, place, { what: '`rest` is given twice', todo: 'give it once' });
  if (rests === 1 && sum > 100) return wrong(fields, place, { what: `the weights beside \`rest\` are ${sum}%`, todo: 'at most 100' });
  if (rests === 0 && literals.length === weights.length && sum <= 0)
    return wrong(fields, place, { what: 'all weights are 0', todo: 'give one a share' });
  // fromEntries makes own properties of any name, also of __proto__.
  return Object.fromEntries(weights);
}

function readAvoid(fields: Fields, base: Base): RuleAction | undefined {
  const choices = (['instance', 'version', 'zone', 'region', 'node'] as const).filter((name) => fields.entries.has(name));
  const [on] = choices;
  if (on === undefined || choices.length > 1) {
    // An unknown field was meant to be the one, and is reported already.
    if (on === undefined && fields.hasUnknown) return undefined;
    const what = on === undefined ? '`avoid` does not say what' : `\`avoid\` names ${choices.join(' and ')}`;
    return wrong(fields, fields.place, { what, todo: 'name one: instance, version, zone, region or node' });
  }
  const value = celAt(fields, on);
  const percent = percentAt(fields, 'percent') ?? literal(99);
  return value === undefined ? undefined : { ...base, kind: 'avoid', on, value, percent };
}

function readSet(fields: Fields, base: Base): RuleAction | undefined {
  const dscp = integerAt(fields, 'dscp', { least: 0, most: 63 }) ?? null;
  const entry = fields.entries.get('headers');
  const { source, problems } = fields;
  const headers = fieldsOf(entry?.value ?? null, { of: 'headers', known: ['set', 'remove'], place: fields.place, source, problems });
  const set = headersIn(headers, 'set');
  const remove = (listAt(headers, 'remove', headersMax) ?? []).flatMap((item) => headerName(fields, item) ?? []);
  if (dscp === null && Object.keys(set).length === 0 && remove.length === 0) {
    return missing(fields, { what: '`set` changes nothing', todo: 'give it headers or dscp' });
  }
  return { ...base, kind: 'set', set, remove, dscp };
}

function headersIn(fields: Fields, name: string): Readonly<Record<string, string>> {
  const entry = fields.entries.get(name);
  if (entry === undefined) return {};
  if (entry.value?.kind !== 'map' || entry.value.entries.length > headersMax) {
    wrong(fields, entry.value?.place ?? entry.key.place, {
      what: `\`${name}\` is not a map of at most ${headersMax} headers`,
      todo: 'write {x-name: "value"}',
    });
    return {};
  }
  const pairs = entry.value.entries.flatMap(({ key, value }): readonly (readonly [string, string])[] => {
    const header = headerName(fields, key);
    const scalar = scalarIn(fields, value, { name: key.text, place: key.place });
    if (header === undefined || scalar === undefined) return [];
    if (scalar.text.length <= headerValueMax && /^[\t\x20-\x7e]*$/.test(scalar.text)) return [[header, scalar.text]];
    return (
      wrong(fields, scalar.place, {
        what: 'this cannot be a header value',
        todo: `printable ASCII, at most ${headerValueMax} characters`,
      }) ?? []
    );
  });
  return Object.fromEntries(pairs);
}

/** RFC 9110 section 5.6.2 (token), in lower case as HTTP/2 has it. */
function headerName(fields: Fields, { text, place }: ScalarNode): string | undefined {
  const name = text.toLowerCase();
  if (framingHeaders.has(name)) return wrong(fields, place, { what: `${ticked(text)} frames the message and is not a rule's to say`, todo: 'leave it to the engine' }); // prettier-ignore
  return /^[!#$%&'*+.^_`|~0-9a-z-]{1,64}$/.test(name)
    ? name
    : wrong(fields, place, { what: `${ticked(text)} is no header name`, todo: 'write it as x-name' });
}

/** `per` and `sticky`: what an engine knows before it steers. */
function attributeName(fields: Fields, { text, place }: ScalarNode, streams: readonly Stream[]): string | undefined {
  const found = readAttribute(text);
  const { source, problems } = fields;
  if (found === null) {
    const todo = didYouMean(text, attributePaths, 'write one, as request.headers["x-tenant"]');
    return void problems.push(problemAt(source, place, { code: 'E-CEL-NAME', what: `${ticked(text)} is no attribute`, todo }));
  }
  if (found.attribute.before.some((stream) => streams.includes(stream)) && found.attribute.type !== 'list(string)') return found.name;
  const what = `${ticked(found.name)} is not known before the request is steered`;
  return void problems.push(problemAt(source, place, { code: 'E-MATCH-AFTER', what, todo: 'use an attribute of source or request' }));
}

function serviceAt(fields: Fields): string | undefined {
  const scalar = scalarAt(fields, 'to');
  if (scalar === undefined) return undefined;
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/.test(scalar.text)
    ? scalar.text
    : wrong(fields, scalar.place, { what: `${ticked(scalar.text)} is no service name`, todo: 'name a service' });
}

function grpcStatusAt(fields: Fields): number {
  const scalar = scalarAt(fields, 'grpc_status');
  if (scalar === undefined) return permissionDenied;
  const code = /^\d{1,2}$/.test(scalar.text) ? Number(scalar.text) : grpcCodes.get(scalar.text.replace(/^grpc\./, ''));
  if (code !== undefined && code > 0 && code < grpcCodes.size) return code;
  const names = [...grpcCodes.keys()].slice(1);
  wrong(fields, scalar.place, {
    what: `${ticked(scalar.text)} is no gRPC error status`,
    todo: didYouMean(scalar.text, names, 'write UNAVAILABLE, or 1 to 16'),
  });
  return permissionDenied;
}

/** A required field: E-RULE-NEEDS when it is not there. */
function required<T>(fields: Fields, name: string, read: () => T | undefined): T | undefined {
  return fields.entries.has(name) ? read() : missing(fields, { what: `\`${fields.of}\` has no \`${name}\``, todo: 'add it' });
}

const literal = (value: number): Num => ({ kind: 'literal', value });

const plainNumber = (text: string, otherwise: UnitProblem): Result<number, UnitProblem> =>
  /^\d{1,15}(?:\.\d{1,12})?$/.test(text) ? ok(Number(text)) : fail(otherwise);

const weightOf = (text: string): Result<number, UnitProblem> => {
  const percent = readPercent(text);
  return percent.ok
    ? percent
    : plainNumber(text, { what: `${ticked(text)} is not a weight`, todo: 'write a number, a percentage or rest' });
};
