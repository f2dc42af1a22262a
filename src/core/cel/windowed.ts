import type { Expr, Expr_Call } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { readDuration, showDuration } from '../../model/units.ts';
import { recordEnvironment } from './declare.ts';
import { callSpan, spanText } from './span.ts';
import type { Span } from './span.ts';
import { bool, double, duration, int, isScalar, show } from './kinds.ts';
import { ticked } from './problem.ts';
import { constantString, childrenOf } from './tree.ts';
import type { Aggregate, AggregateName, Checked, CelType } from './types.ts';
import { report, startOf } from './walk.ts';
import type { Walk } from './walk.ts';

/** A window of an aggregate or a rule holds at most so many instants (rules.md sections 2 and 3, settled point 16). */
export const windowInstantsMax = 10_000n;

type Form = {
  readonly name: AggregateName;
  /** What it takes: nothing, perhaps one record expression, or exactly one. */
  readonly takes: 'none' | 'optional' | 'one';
  readonly wants: 'bool' | 'number' | 'measure' | 'scalar';
  readonly result: (argument: CelType) => CelType;
  /** The quantile, when the name says it. */
  readonly q?: string;
};

const asArgument = (type: CelType): CelType => type;
const asMean = (type: CelType): CelType => (type.kind === 'duration' ? duration : double);
const quantile = { name: 'quantile', takes: 'one', wants: 'measure', result: asArgument } as const;

/** The aggregates of rules.md section 2 that are built, and the types of section 3.5. */
export const aggregateNames: ReadonlyMap<string, Form> = new Map<string, Form>([
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
  ['peers', { name: 'peers', takes: 'one', wants: 'measure', result: asMean }],
]);

/** Aggregates that this version refuses. */
export const laterAggregates: ReadonlySet<string> = new Set(['baseline', 'zscore', 'share', 'rank', 'firing', 'burn_rate']);

/** The type of an aggregate call, noted in walk.aggregates unless it stands inside peers(). */
export function aggregateType(expr: Expr, call: Expr_Call, walk: Walk): CelType | null {
  const { function: name } = call;
  const offset = startOf(walk, expr);
  if (laterAggregates.has(name))
    return report(walk, offset, { code: 'E-NOT-YET', what: `\`${name}\` is not built in this version`, todo: '' });
  const form = aggregateNames.get(name);
  if (form === undefined) return null;
  const misplaced = misplacedReason(name, walk);
  if (misplaced !== null) return report(walk, offset, { code: 'E-CEL-SCOPE', ...misplaced });
  const aggregate = name === 'peers' ? peersOf(expr, call, walk) : plainAggregate(expr, call, form, walk);
  if (aggregate !== null) walk.aggregates.push(aggregate);
  return aggregate?.type ?? null;
}

function misplacedReason(name: string, { env, inside }: Walk): { readonly what: string; readonly todo: string } | null {
  if (inside !== null)
    return { what: `\`${name}\` inside \`${inside}\`: an aggregate looks at records`, todo: 'put an expression over one record there' };
  if (env.dialect === 'record') return { what: `\`${name}\` looks at a window, but this sees one record`, todo: 'move it to `when`' };
  if (env.dialect === 'match')
    return { what: `\`${name}\` looks at a window; an engine sees one request or packet`, todo: 'move it to `when`' };
  return env.streams.length === 0 ? { what: 'a standing rule measures nothing', todo: 'give the rule `over` and `when`' } : null;
}

function plainAggregate(expr: Expr, call: Expr_Call, form: Form, walk: Walk): Aggregate | null {
  const { function: name, args } = call;
  const span = callSpan(walk.parsed.tokens, startOf(walk, expr));
  const offset = startOf(walk, expr);
  const required = name === 'quantile' ? 2 : form.takes === 'one' ? 1 : 0;
  const most = form.takes === 'optional' ? 1 : required;
  const windowed = args.length > required && args.length <= most + 1 && constantString(args.at(-1)) !== null;
  const own = windowed ? args.slice(0, -1) : args;
  if (span === null || own.length < required || own.length > most) return count(name, walk, offset);
  const [subject, q] = own;
  const argument = subject === undefined ? undefined : argumentOf(subject, span.args[0], { form, name }, walk);
  const windowNs = windowed ? windowOf(args.at(-1)!, walk) : null;
  const quantileText = name === 'quantile' ? qOf(q, span.args[1], walk) : (form.q ?? null);
  if (argument === null || windowNs === undefined || quantileText === undefined) return null;
  const type = form.result(argument?.type ?? int);
  return {
    id: expr.id,
    text: spanText(walk.parsed.tokens, span),
    name: form.name,
    argument: argument ?? null,
    inner: null,
    q: quantileText,
    windowNs,
    type,
  };
}

function count(name: string, walk: Walk, offset: number): null {
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

/** The record expression inside, checked as CEL<r>; null when it is wrong. */
function argumentOf(
  subject: Expr,
  span: Span | undefined,
  { form, name }: { readonly form: Form; readonly name: string },
  walk: Walk,
): Checked | null {
  const inner: Walk = { ...walk, env: recordEnvironment(walk.env.streams), variables: [], inside: name };
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

/** The last argument as a window; undefined when it is wrong. */
function windowOf(arg: Expr, walk: Walk): bigint | undefined {
  const { everyNs } = walk.env;
  const read = readDuration(constantString(arg) ?? '');
  const wrong = (what: string, todo: string): undefined => void report(walk, startOf(walk, arg), { code: 'E-CEL-VALUE', what, todo });
  if (!read.ok) return wrong(`the window ${read.problem.what}`, read.problem.todo);
  if (read.value === 0n) return wrong('the window is empty', 'write a duration over 0s');
  if (everyNs > 0n && read.value > windowInstantsMax * everyNs) {
    const longest = showDuration(windowInstantsMax * everyNs);
    return wrong(
      `the window ${ticked(showDuration(read.value))} is longer than 10,000 × every`,
      `at most ${longest}, or a greater \`every\``,
    );
  }
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

/** peers(a): one plain aggregate, over the other keys. */
function peersOf(expr: Expr, { args }: Expr_Call, walk: Walk): Aggregate | null {
  const offset = startOf(walk, expr);
  const span = callSpan(walk.parsed.tokens, offset);
  const [subject] = args;
  const call = subject?.exprKind.case === 'callExpr' ? subject.exprKind.value : undefined;
  const form =
    call?.target === undefined && call !== undefined && call.function !== 'peers' ? aggregateNames.get(call.function) : undefined;
  if (subject !== undefined && (call?.target !== undefined || laterAggregates.has(call?.function ?? ''))) {
    const before = walk.problems.length;
    walk.visit(subject, { ...walk, aggregates: [] });
    if (walk.problems.length > before) return null;
  }
  if (subject === undefined || call === undefined || args.length !== 1 || form === undefined || form.name === 'absent' || span === null) {
    return report(walk, offset, {
      code: 'E-CEL-TYPE',
      what: '`peers` takes one plain aggregate',
      todo: 'write peers(p99(response.duration))',
    });
  }
  if (walk.env.columns.length === 0) {
    return report(walk, offset, {
      code: 'E-CEL-TYPE',
      what: '`peers` compares with other keys, but this rule has one key',
      todo: 'give it `by`',
    });
  }
  const inner = plainAggregate(subject, call, form, walk);
  if (inner === null) return null;
  walk.types.set(subject.id, inner.type);
  const text = spanText(walk.parsed.tokens, span);
  return { id: expr.id, text, name: 'peers', argument: null, inner, q: null, windowNs: null, type: asMean(inner.type) };
}
