import type { Expr, Expr_Call } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { readDuration, showDuration } from '../../model/units.ts';
import { recordEnvironment } from './declare.ts';
import { bool, double, duration, int, isScalar, show } from './kinds.ts';
import { ticked } from './problem.ts';
import { callSpan, spanText } from './span.ts';
import type { CallSpan, Span } from './span.ts';
import { constantString, childrenOf } from './tree.ts';
import type { Aggregate, Checked, CelType, PlainName } from './types.ts';
import { report, startOf } from './walk.ts';
import type { Walk } from './walk.ts';

/** A window of an aggregate or a rule holds at most so many instants (rules.md sections 2 and 3, settled point 16). */
export const windowInstantsMax = 10_000n;

export type Form = {
  readonly name: PlainName;
  /** What it takes: nothing, perhaps one record expression, or exactly one. */
  readonly takes: 'none' | 'optional' | 'one';
  readonly wants: 'bool' | 'number' | 'measure' | 'scalar';
  readonly result: (argument: CelType) => CelType;
  /** The quantile, when the name says it. */
  readonly q?: string;
};

/** An aggregate call as it stands in the text: `canary.ratio(response.failed)` has the set `canary`. */
export type AggregateCall = { readonly expr: Expr; readonly call: Expr_Call; readonly set: string | null };

const asArgument = (type: CelType): CelType => type;
export const asMean = (type: CelType): CelType => (type.kind === 'duration' ? duration : double);
const quantile = { name: 'quantile', takes: 'one', wants: 'measure', result: asArgument } as const;

/** The plain aggregates of rules.md section 2, and the types of section 3.5. */
export const plainForms: ReadonlyMap<string, Form> = new Map<string, Form>([
  ['count', { name: 'count', takes: 'optional', wants: 'bool', result: () => int }],
  ['rate', { name: 'rate', takes: 'optional', wants: 'number', result: () => double }],
  ['sum', { name: 'sum', takes: 'one', wants: 'measure', result: asArgument }],
  ['distinct', { name: 'distinct', takes: 'one', wants: 'scalar', result: () => int }],
  ['absent', { name: 'absent', takes: 'none', wants: 'bool', result: () => bool }],
  ['ratio', { name: 'ratio', takes: 'one', wants: 'bool', result: () => double }],
  ['mean', { name: 'mean', takes: 'one', wants: 'measure', result: asMean }],
  ['min', { name: 'min', takes: 'one', wants: 'measure', result: asArgument }],
  ['max', { name: 'max', takes: 'one', wants: 'measure', result: asArgument }],
  ['stddev', { name: 'stddev', takes: 'one', wants: 'measure', result: asMean }],
  ['p50', { ...quantile, q: '0.5' }],
  ['p90', { ...quantile, q: '0.9' }],
  ['p95', { ...quantile, q: '0.95' }],
  ['p99', { ...quantile, q: '0.99' }],
  ['quantile', quantile],
]);

/** The streams that an aggregate of this set looks at. */
export const streamsOf = ({ env }: Walk, set: string | null): Walk['env']['streams'] =>
  set === null ? env.streams : (env.sets.get(set)?.streams ?? []);

/** Why an aggregate cannot stand here; null: it can. */
export function misplacedReason(name: string, walk: Walk, set: string | null): { readonly what: string; readonly todo: string } | null {
  const { env, inside } = walk;
  if (inside !== null)
    return { what: `\`${name}\` inside \`${inside}\`: an aggregate looks at records`, todo: 'put an expression over one record there' };
  if (env.dialect === 'record') return { what: `\`${name}\` looks at a window, but this sees one record`, todo: 'move it to `when`' };
  if (env.dialect === 'match')
    return { what: `\`${name}\` looks at a window; an engine sees one request or packet`, todo: 'move it to `when`' };
  return streamsOf(walk, set).length === 0
    ? { what: `\`${name}\` has no records: the rule has no \`over\``, todo: 'give it `over`' }
    : null;
}

/** A plain aggregate; null: it is wrong, and reported. */
export function plainAggregate({ expr, call, set }: AggregateCall, form: Form, walk: Walk): Aggregate | null {
  const { function: name, args } = call;
  const span = spanOf({ expr, set }, walk);
  const required = name === 'quantile' ? 2 : form.takes === 'one' ? 1 : 0;
  const most = form.takes === 'optional' ? 1 : required;
  const windowed = args.length > required && args.length <= most + 1 && constantString(args.at(-1)) !== null;
  const own = windowed ? args.slice(0, -1) : args;
  if (span === null || own.length < required || own.length > most) return wrongCount(name, walk, startOf(walk, expr));
  const [subject, q] = own;
  const argument = subject === undefined ? undefined : argumentOf(subject, span.args[0], { form, name, set }, walk);
  const windowNs = windowed ? windowOf(args.at(-1)!, walk) : null;
  const quantileText = name === 'quantile' ? qOf(q, span.args[1], walk) : (form.q ?? null);
  if (argument === null || windowNs === undefined || quantileText === undefined) return null;
  return {
    id: expr.id,
    text: spanText(walk.parsed.tokens, span),
    name: form.name,
    set,
    argument: argument ?? null,
    inner: null,
    q: quantileText,
    windowNs,
    spanNs: null,
    of: null,
    byKey: false,
    type: form.result(argument?.type ?? int),
  };
}

/** Where a call and its arguments stand, the name of its set before it included. */
export function spanOf({ expr, set }: Pick<AggregateCall, 'expr' | 'set'>, walk: Walk): CallSpan | null {
  const { tokens } = walk.parsed;
  const start = startOf(walk, expr);
  if (set === null) return callSpan(tokens, start);
  // The set's name, a dot, the aggregate's name.
  const name = tokens[tokens.findIndex((token) => token.start === start) + 2];
  const span = name === undefined ? null : callSpan(tokens, name.start);
  return span === null ? null : { ...span, start };
}

function wrongCount(name: string, walk: Walk, offset: number): null {
  const form = new Map([
    ['count', 'count() or count(condition)'],
    ['rate', 'rate() or rate(number)'],
    ['absent', 'absent()'],
    ['quantile', 'quantile(x, 0.99)'],
    ['ratio', 'ratio(condition)'],
  ]).get(name);
  return report(walk, offset, {
    code: 'E-CEL-TYPE',
    what: `\`${name}\` does not take these arguments`,
    todo: `write ${form ?? `${name}(x)`}; a last argument "1h" is another window`,
  });
}

type ArgumentOf = { readonly form: Form; readonly name: string; readonly set: string | null };

/** The record expression inside, checked as CEL<r>; null when it is wrong. */
function argumentOf(subject: Expr, span: Span | undefined, { form, name, set }: ArgumentOf, walk: Walk): Checked | null {
  const inner: Walk = { ...walk, env: recordEnvironment(streamsOf(walk, set)), variables: [], inside: name };
  const type = inner.visit(subject, inner);
  if (type === null || span === undefined) return null;
  if (!accepts(form.wants, type)) {
    const todo =
      type.kind === 'bool' ? `write ratio(…) or count(…)` : type.kind === 'struct' ? 'name one attribute' : takes.get(form.wants);
    return report(walk, startOf(walk, subject), { code: 'E-CEL-TYPE', what: `\`${name}\` does not take ${show(type)}`, todo: todo ?? '' });
  }
  const positions = new Map<bigint, number>();
  shiftStarts(subject, { walk, positions, by: span.start });
  const text = Array.from(walk.parsed.text).slice(span.start, span.end).join('');
  return { text, dialect: 'record', expr: subject, type, types: walk.types, positions, macros: walk.parsed.macros, aggregates: [] };
}

const takes: ReadonlyMap<Form['wants'], string> = new Map([
  ['bool', 'it takes a condition'],
  ['number', 'it takes an int or a double'],
  ['measure', 'it takes an int, a double or a duration'],
  ['scalar', 'it takes a single value'],
]);

function accepts(wants: Form['wants'], type: CelType): boolean {
  if (wants === 'bool') return type.kind === 'bool';
  if (wants === 'scalar') return isScalar(type);
  return type.kind === 'int' || type.kind === 'double' || (wants === 'measure' && type.kind === 'duration');
}

function shiftStarts(expr: Expr, to: { readonly walk: Walk; readonly positions: Map<bigint, number>; readonly by: number }): void {
  to.positions.set(expr.id, startOf(to.walk, expr) - to.by);
  for (const child of childrenOf(expr)) shiftStarts(child, to);
}

/** A last argument as a window; undefined when it is wrong. */
export function windowOf(arg: Expr, walk: Walk): bigint | undefined {
  const { everyNs } = walk.env;
  const read = lengthOf(arg, walk, 'the window');
  if (read === undefined) return undefined;
  if (everyNs === 0n || read <= windowInstantsMax * everyNs) return read;
  const longest = showDuration(windowInstantsMax * everyNs);
  return void report(walk, startOf(walk, arg), {
    code: 'E-CEL-VALUE',
    what: `the window ${ticked(showDuration(read))} is longer than 10,000 × every`,
    todo: `at most ${longest}, or a greater \`every\``,
  });
}

/** A constant DURATION over 0; undefined when it is wrong. */
export function lengthOf(arg: Expr, walk: Walk, what: string): bigint | undefined {
  const read = readDuration(constantString(arg) ?? '');
  const wrong = (why: string, todo: string): undefined => void report(walk, startOf(walk, arg), { code: 'E-CEL-VALUE', what: why, todo });
  if (!read.ok) return wrong(`${what} ${read.problem.what}`, read.problem.todo);
  if (read.value === 0n) return wrong(`${what} is empty`, 'write a duration over 0s');
  walk.types.set(arg.id, { kind: 'string' });
  return read.value;
}

const decimalQ = /^(?:0?\.\d{1,12}|1(?:\.0{1,12})?)$/;

/** q as the decimal that was written; undefined when it is none in (0, 1]. */
function qOf(arg: Expr | undefined, span: Span | undefined, walk: Walk): string | undefined {
  const tokens = walk.parsed.tokens.filter(({ start, end }) => span !== undefined && start >= span.start && end <= span.end);
  const text = tokens.length === 1 ? (tokens[0]?.text ?? '') : '';
  if (arg !== undefined && decimalQ.test(text) && Number(text) > 0) {
    walk.types.set(arg.id, text.includes('.') ? double : int);
    return text.startsWith('.') ? `0${text}` : text;
  }
  return void report(walk, span?.start ?? 0, {
    code: 'E-CEL-VALUE',
    what: 'the quantile is not a constant over 0 and up to 1',
    todo: 'write 0.99',
  });
}
