import { showDuration } from '../../model/units.ts';
import { constantString } from './tree.ts';
import { double, duration, int } from './kinds.ts';
import { ticked } from './problem.ts';
import { spanText } from './span.ts';
import type { Aggregate, CelType, ComparedName } from './types.ts';
import { report, startOf } from './walk.ts';
import type { Walk } from './walk.ts';
import { asMean, lengthOf, plainAggregate, plainForms, spanOf } from './windowed.ts';
import type { AggregateCall } from './windowed.ts';
import { setNamed } from './sets.ts';

/** Earlier windows that one baseline looks at, at most: each is kept up to date at every instant. */
export const baselineWindowsMax = 2_500n;

/** What it compares with: the siblings of a key (rules.md section 3.7), or its own past (section 3.8). */
export const comparedForms: ReadonlyMap<string, { readonly name: ComparedName; readonly with: 'siblings' | 'past' }> = new Map([
  ['peers', { name: 'peers', with: 'siblings' }],
  ['share', { name: 'share', with: 'siblings' }],
  ['rank', { name: 'rank', with: 'siblings' }],
  ['baseline', { name: 'baseline', with: 'past' }],
  ['zscore', { name: 'zscore', with: 'past' }],
]);

const results: Readonly<Record<ComparedName, (inner: CelType) => CelType>> = {
  peers: asMean,
  share: () => double,
  rank: () => int,
  baseline: (inner) => (inner.kind === 'duration' ? duration : double),
  zscore: () => double,
};

/** peers(a), share(a), rank(a), baseline(a, span), zscore(a, span): one plain aggregate, perhaps of a set; null: it is wrong, and reported. */
export function comparedAggregate(at: AggregateCall, walk: Walk): Aggregate | null {
  const { expr, call } = at;
  const form = comparedForms.get(call.function);
  const span = spanOf(at, walk);
  if (form === undefined || span === null) return null;
  const [subject, past] = call.args;
  const example = `${form.name}(p99(response.duration)${form.with === 'past' ? ', "1h"' : ''})`;
  const wrong = (what: string, todo: string): null => report(walk, startOf(walk, expr), { code: 'E-CEL-TYPE', what, todo });
  const inner = subject?.exprKind.case === 'callExpr' ? subject.exprKind.value : undefined;
  const set = inner?.target === undefined ? null : setNamed(inner.target, walk);
  const plain = inner === undefined || (inner.target !== undefined && set === null) ? undefined : plainForms.get(inner.function);
  if (subject === undefined || inner === undefined || plain === undefined || plain.name === 'absent') {
    const before = walk.problems.length;
    // What is wrong inside, by itself, says more.
    if (subject !== undefined) walk.visit(subject, { ...walk, aggregates: [] });
    return walk.problems.length > before ? null : wrong(`\`${form.name}\` takes one plain aggregate`, `write ${example}`);
  }
  if (call.args.length !== (form.with === 'past' ? 2 : 1) || (past !== undefined && constantString(past) === null))
    return wrong(`\`${form.name}\` does not take these arguments`, `write ${example}`);
  if (form.with === 'siblings' && walk.env.columns.length === 0)
    return wrong(`\`${form.name}\` compares with other keys, but this rule has one key`, 'give it `by`');
  const compared = plainAggregate({ expr: subject, call: inner, set }, plain, walk);
  if (compared === null) return null;
  walk.types.set(subject.id, compared.type);
  const spanNs = past === undefined ? null : spanNsOf({ past, windowNs: windowNsOf(compared, walk) }, walk);
  if (spanNs === undefined) return null;
  return {
    id: expr.id,
    text: spanText(walk.parsed.tokens, span),
    name: form.name,
    set,
    argument: null,
    inner: compared,
    q: null,
    windowNs: null,
    spanNs,
    of: null,
    byKey: false,
    type: results[form.name](compared.type),
  };
}

const windowNsOf = ({ windowNs, set }: Aggregate, { env }: Walk): bigint =>
  windowNs ?? (set === null ? env.windowNs : (env.sets.get(set)?.windowNs ?? env.windowNs));

type Past = { readonly past: Parameters<typeof lengthOf>[0]; readonly windowNs: bigint };

/** How far back; undefined: too short for three windows, too long, or no duration. */
function spanNsOf({ past, windowNs }: Past, walk: Walk): bigint | undefined {
  const spanNs = lengthOf(past, walk, 'the span');
  if (spanNs === undefined) return undefined;
  const wrong = (what: string, todo: string): undefined =>
    void report(walk, startOf(walk, past), { code: 'E-CEL-VALUE', what: `the span ${ticked(showDuration(spanNs))} ${what}`, todo });
  const windows = spanNs / windowNs;
  if (windows < 3n) return wrong('is under three windows: the baseline can never be known', `at least ${showDuration(3n * windowNs)}`);
  if (windows <= baselineWindowsMax) return spanNs;
  return wrong('holds more than 2,500 windows', `at most ${showDuration(baselineWindowsMax * windowNs)}, or a longer window`);
}
