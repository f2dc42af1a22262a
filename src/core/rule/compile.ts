import { fail, ok } from '../../model/problem.ts';
import type { Problem, Result } from '../../model/problem.ts';
import type { Stream } from '../../model/record.ts';
import type { CelText, Num, Rule, RuleAction, SelectSet } from '../../model/rule.ts';
import { check } from '../cel/check.ts';
import { aggregateEnvironment, matchEnvironment, recordEnvironment } from '../cel/declare.ts';
import type { Environment, KeyColumn } from '../cel/declare.ts';
import { isScalar, show, string, typeOfValue } from '../cel/kinds.ts';
import type { Kind } from '../cel/kinds.ts';
import type { Checked } from '../cel/types.ts';
import { absentProblems } from './absent.ts';
import { problemsMax, ruleCostMax } from './bounds.ts';
import { numbersOf } from './numbers.ts';
import { defaultMatch, originOf } from './match.ts';
import type { DefaultMatch } from './match.ts';
import { inFileOrder, problemIn } from './place.ts';
import { showDuration } from '../../model/units.ts';
import { aggregatesIn, looksAtRecords, ruleCost } from './expressions.ts';
import type { CompiledAction, CompiledColumn, CompiledRule, CompiledSet } from './types.ts';

/**
 * Type-checks every expression of a rule in its dialect, and spells out the default match of each action. All problems at once, in file
 * order, at most problemsMax; the excerpt shows the expression, for the file's text is not at hand. Never throws.
 */
export function compileRule(rule: Rule, revision: number, file: string): Result<CompiledRule, readonly Problem[]> {
  const problems: Problem[] = [];
  const measured: readonly Stream[] = rule.over === null ? [] : [rule.over];
  const streams: readonly Stream[] = rule.over === null ? ['rpc', 'flow'] : measured;
  const texts: Texts = { file, problems };
  const records = recordEnvironment(streams);
  const where = checkText(rule.where, { env: records, wants: ['bool'], name: 'where' }, texts);
  const columns = rule.by.map((column) => ({ column, compiled: compileColumn(column, records, texts) }));
  const keys = columns.map(({ column, compiled }) => ({ name: column.name, type: compiled?.type ?? string }));
  const sets = rule.select.flatMap((set) => compileSet(set, keys, texts) ?? []);
  const given = compileGiven(rule, { streams: measured, columns: keys }, texts);
  const { aggregates } = given;
  const when = checkText(rule.when, { env: aggregates, wants: ['bool'], name: 'when' }, texts);
  const until = checkText(rule.until, { env: aggregates, wants: ['bool'], name: 'until' }, texts);
  const order = checkText(rule.guard.order, { env: aggregates, wants: ['double', 'int'], name: 'order' }, texts);
  const that = checkText(rule.expect?.that ?? null, { env: aggregates, wants: ['bool'], name: 'that' }, texts);
  const summary = (rule.notify?.summary ?? []).map((part) =>
    typeof part === 'string' ? part : checkText(part, { env: aggregates, wants: scalars, name: 'summary' }, texts),
  );
  const sound = columns.flatMap(({ column, compiled }) => (compiled === null ? [] : [{ column, compiled }]));
  const whereSound = rule.where === null || where === null ? null : { cel: rule.where, checked: where };
  const isDefaultKnown = sound.length === columns.length && (where !== null || rule.where === null);
  const matches = matchEnvironment({ streams, columns: keys });
  const context: Context = {
    ...texts,
    env: matches,
    variables: given.variables,
    aggregates,
    spelled: isDefaultKnown ? once(() => spell({ file, streams, where: whereSound, columns: sound }, matches)) : null,
  };
  const actions = rule.then.map((action) => compileAction(action, context));
  if (problems.length > 0) return fail(inFileOrder(problems).slice(0, problemsMax));
  const compiled: CompiledRule = {
    rule,
    revision,
    stream: rule.over,
    where,
    columns: sound.map((column) => column.compiled),
    sets,
    objective: given.objective,
    variables: given.variables,
    when,
    until,
    order,
    actions: actions.flatMap((action) => action ?? []),
    that,
    summary: summary.flatMap((part) => part ?? []),
  };
  const cost = ruleCost(compiled);
  if (cost > ruleCostMax) {
    const what = `its expressions may cost ${cost.toLocaleString('en-US')} at worst, more than ${ruleCostMax.toLocaleString('en-US')}`;
    return fail([{ code: 'E-CEL-COST', what, at: `${file}:1:1`, todo: 'split the rule' }]);
  }
  // A standing rule looks at records only where an expression asks for some.
  return ok(rule.when !== null || looksAtRecords(compiled) ? compiled : { ...compiled, stream: null });
}

const scalars = ['bool', 'int', 'double', 'string', 'duration', 'timestamp'] as const;

type Texts = { readonly file: string; readonly problems: Problem[] };
type Wanted = { readonly env: Environment; readonly wants: readonly Kind[]; readonly name: string };

/** Checks one text and its type; null when there is none or it is wrong. */
function checkText(cel: CelText | null, { env, wants, name }: Wanted, { file, problems }: Texts): Checked | null {
  if (cel === null) return null;
  const checked = check(cel.text, env);
  if (!checked.ok) {
    problems.push(...checked.problem.map((problem) => problemIn(file, cel, problem)));
    return null;
  }
  const { type } = checked.value;
  if (wants.includes(type.kind)) return checked.value;
  const offset = checked.value.positions.get(checked.value.expr.id) ?? 0;
  const wanted = wants.length > 2 ? 'a single value' : wants.join(' or ');
  const todo =
    type.kind === 'struct' ? `name one of its attributes` : (conversions.get(`${type.kind} ${wants[0]}`) ?? `write one that is ${wanted}`);
  problems.push(problemIn(file, cel, { code: 'E-CEL-TYPE', offset, what: `\`${name}\` is ${wanted}, not ${show(type)}`, todo }));
  return null;
}

const conversions: ReadonlyMap<string, string> = new Map([
  ['int bool', 'compare it, e.g. … > 0'],
  ['double bool', 'compare it, e.g. … > 0.5'],
  ['duration bool', 'compare it, e.g. … > d("250ms")'],
  ['string bool', 'compare it, e.g. … == "x"'],
  ['duration double', 'divide it by a duration, e.g. … / d("1s")'],
]);

function compileSet(set: SelectSet, keys: readonly KeyColumn[], texts: Texts): CompiledSet | null {
  if (set.over === null) return null;
  const before = texts.problems.length;
  const env = recordEnvironment([set.over]);
  const where = checkText(set.where, { env, wants: ['bool'], name: 'where' }, texts);
  const columns = set.by.flatMap((column) => {
    const compiled = compileColumn(column, env, texts);
    const own = keys.find(({ name }) => name === column.name);
    if (compiled === null || own === undefined || show(own.type) === show(compiled.type)) return compiled ?? [];
    const what = `the column \`${column.name}\` is ${show(own.type)} in the rule and ${show(compiled.type)} in \`${set.name}\``;
    texts.problems.push(problemIn(texts.file, column.cel, { code: 'E-CEL-TYPE', offset: 0, what, todo: 'give both one type' }));
    return [];
  });
  return texts.problems.length > before ? null : { set, stream: set.over, where, columns };
}

type Given = { readonly aggregates: Environment; readonly objective: Checked | null; readonly variables: CompiledRule['variables'] };

/** What every CEL<a> of the rule is given: sets, params, slo and, one after the other, variables. */
function compileGiven(rule: Rule, of: Pick<Environment, 'streams' | 'columns'>, texts: Texts): Given {
  const { windowNs, everyNs, slo } = rule;
  const sets = new Map(rule.select.map((set) => [set.name, { streams: set.over === null ? [] : [set.over], windowNs: set.windowNs }]));
  const params = new Map(rule.params.map((param) => [param.name, typeOfValue(param.default)]));
  const good = checkText(slo?.good ?? null, { env: recordEnvironment(of.streams), wants: ['bool'], name: 'good' }, texts);
  const base = aggregateEnvironment({ ...of, everyNs, windowNs, sets, params });
  const objectiveText = typeof slo?.objective === 'object' ? slo.objective : null;
  const objective = checkText(objectiveText, { env: base, wants: ['double'], name: 'objective' }, texts);
  const variables: { readonly name: string; readonly checked: Checked }[] = [];
  let aggregates = aggregateEnvironment({ ...base, good });
  for (const { name, cel } of rule.variables) {
    const checked = checkText(cel, { env: aggregates, wants: scalars, name }, texts);
    if (checked === null) continue;
    variables.push({ name, checked });
    aggregates = aggregateEnvironment({ ...aggregates, variables: new Map(variables.map((one) => [one.name, one.checked.type])) });
  }
  return { aggregates, objective, variables };
}

function compileColumn({ name, cel }: Rule['by'][number], env: Environment, texts: Texts): CompiledColumn | null {
  const checked = checkText(cel, { env, wants: scalars, name }, texts);
  return checked !== null && isScalar(checked.type) ? { name, checked, type: checked.type } : null;
}

type Context = Texts & {
  readonly env: Environment;
  readonly variables: CompiledRule['variables'];
  readonly aggregates: Environment;
  /** null: `where` or `by` is wrong, so nothing can be said of the default match. */
  readonly spelled: (() => Spelled) | null;
};

/** The default match and its type check: the same for every action, so done once. */
type Spelled = { readonly text: Result<DefaultMatch, readonly Problem[]>; readonly match: ReturnType<typeof check> | null };

function spell(given: Parameters<typeof defaultMatch>[0], env: Environment): Spelled {
  const text = defaultMatch(given);
  return { text, match: text.ok ? check(text.value.text, env) : null };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}

function compileAction(action: RuleAction, context: Context): CompiledAction | null {
  const before = context.problems.length;
  const match = action.match === null ? spelledMatch(action, context) : ownMatch(action, action.match, context);
  const cel = new Map<string, Checked>();
  for (const [path, num] of numbersOf(action)) {
    if (num.kind === 'literal') continue;
    const isRamp = num.kind === 'ramp';
    const wants = isRamp ? (['bool'] as const) : (['double', 'int'] as const);
    const name = isRamp ? 'while' : path;
    const checked = checkText(isRamp ? num.while : num.cel, { env: context.aggregates, wants, name }, context);
    if (checked === null) continue;
    cel.set(path, checked);
    if (action.kind === 'limit') context.problems.push(...selfFed(num, checked, context));
  }
  if (action.kind === 'avoid') {
    const checked = checkText(action.value, { env: context.aggregates, wants: ['string'], name: action.on }, context);
    if (checked !== null) cel.set('value', checked);
  }
  return match === null || context.problems.length > before ? null : { action, match, cel };
}

/** A limit computed, again and again, from the traffic that it leaves over: without bounds it can only go down, or up. */
function selfFed(num: Num, checked: Checked, { file, variables }: Context): readonly Problem[] {
  if (num.kind !== 'value' || (num.min !== null && num.max !== null)) return [];
  const fed = aggregatesIn(checked, variables).find(({ name, inner }) => ['rate', 'count', 'sum'].includes((inner ?? { name }).name));
  if (fed === undefined) return [];
  const what = `rate is computed from ${fed.text} of the traffic it limits, read again every ${showDuration(num.everyNs)}`;
  return [problemIn(file, num.cel, { code: 'E-SELF', offset: 0, what, todo: 'give min and max' })];
}

function ownMatch(action: RuleAction, cel: CelText, { env, file, problems }: Context): Checked | null {
  const match = checkText(cel, { env, wants: ['bool'], name: 'match' }, { file, problems });
  if (match === null) return null;
  const absent = absentIn(action, match);
  problems.push(...absent.map((problem) => problemIn(file, cel, problem)));
  return absent.length > 0 ? null : match;
}

function spelledMatch(action: RuleAction, { file, problems, spelled }: Context): Checked | null {
  if (spelled === null) return null;
  const { text, match } = spelled();
  if (!text.ok || match === null) {
    problems.push(...(text.ok ? [] : text.problem));
    return null;
  }
  const found = match.ok ? absentIn(action, match.value) : match.problem;
  const atAction: CelText = { text: text.value.text, ...action.place, exact: false };
  for (const problem of found) {
    const origin = originOf(text.value, problem.offset);
    problems.push(
      origin === null ? problemIn(file, atAction, problem) : problemIn(file, origin.cel, { ...problem, offset: origin.offset }),
    );
  }
  return match.ok && found.length === 0 ? match.value : null;
}

const absentIn = ({ kind }: RuleAction, match: Checked): ReturnType<typeof absentProblems> =>
  kind === 'allow' || kind === 'deny' || kind === 'respond' ? absentProblems(match, kind) : [];
