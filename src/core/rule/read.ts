import { fail, ok } from '../../model/problem.ts';
import type { Problem, Result } from '../../model/problem.ts';
import type { Stream } from '../../model/record.ts';
import type { Guard, Rule } from '../../model/rule.ts';
import { readDuration, readPercent, showDuration } from '../../model/units.ts';
import { windowInstantsMax } from '../cel/windowed.ts';
import { readActions } from './actions.ts';
import {
  everyNsMin,
  guardKeysMax,
  leaseNsMin,
  nameText,
  ownerCharsMax,
  problemsMax,
  ruleBytesMax,
  targetsMax,
  whyCharsMax,
} from './bounds.ts';
import { readColumns } from './columns.ts';
import {
  celAt,
  choiceAt,
  durationAt,
  fieldsOf,
  integerAt,
  listAt,
  missing,
  notYet,
  placeOf,
  scalarAt,
  textAt,
  valueAt,
  wrong,
} from './fields.ts';
import type { Fields } from './fields.ts';
import { readParams } from './params.ts';
import { readExpectation, readNotify, readSlo, readVariables } from './parts.ts';
import { inFileOrder, problemAt, sourceOf } from './place.ts';
import { readMinimum, readSets } from './select.ts';
import { readTime } from './time.ts';
import { readYaml } from './yaml.ts';

const known = [
  'rule why owner params over where by keys window every minimum select slo variables when for until keep_firing_for',
  'lease lease_max cooldown latch expires warmup priority targets then guard expect notify mode',
].flatMap((names) => names.split(' '));

const second = 1_000_000_000n;

/** What could be read. `rule` is null when what its expressions mean is not known, so that checking them would only mislead. */
export type Draft = { readonly rule: Rule | null; readonly problems: readonly Problem[] };

/**
 * Reads a rule.yaml (rules.md section 2): typed scalars, defaults filled in, CEL left as text with its place. `file` is its path, whose
 * folder the rule is named after. Problems in file order, at most problemsMax. Never throws.
 */
export function readRule(text: string, file: string): Result<Rule, readonly Problem[]> {
  const { rule, problems } = readDraft(text, file);
  return rule !== null && problems.length === 0 ? ok(rule) : fail(problems);
}

/** The same, for checking the expressions of a rule that has other problems too. */
export function readDraft(text: string, file: string): Draft {
  if (isTooLong(text)) {
    const what = `the file is greater than ${ruleBytesMax / 1024} KiB`;
    return { rule: null, problems: [{ code: 'E-RULE-SIZE', what, at: `${file}:1:1`, todo: 'split it into several rules' }] };
  }
  const source = sourceOf(file, text);
  const yaml = readYaml(source);
  if (!yaml.ok) return { rule: null, problems: inFileOrder(yaml.problem) };
  const problems: Problem[] = [...yaml.value.problems];
  const place = { line: 1, column: 1 };
  if (yaml.value.root === null) {
    problems.push(problemAt(source, place, { code: 'E-RULE-NEEDS', what: 'the file holds no rule', todo: 'begin with `rule: NAME`' }));
    return { rule: null, problems };
  }
  const fields = fieldsOf(yaml.value.root, { of: 'rule', known: [...known, 'template'], place, source, problems });
  const rule = yaml.value.root.kind === 'map' ? ruleOf(fields, file) : null;
  return { rule, problems: inFileOrder(problems).slice(0, problemsMax) };
}

/** UTF-8 takes one to three bytes for each code unit. */
function isTooLong(text: string): boolean {
  if (text.length > ruleBytesMax) return true;
  if (text.length * 3 <= ruleBytesMax) return false;
  return new TextEncoder().encode(text).length > ruleBytesMax;
}

function ruleOf(fields: Fields, file: string): Rule | null {
  const { entries, problems } = fields;
  const name = nameOf(fields, file);
  const why = requiredText(fields, 'why', whyCharsMax);
  const owner = requiredText(fields, 'owner', ownerCharsMax);
  const before = problems.length;
  const over = choiceAt(fields, 'over', ['rpc', 'flow']) ?? null;
  const when = celAt(fields, 'when') ?? null;
  const isTemplate = entries.has('template');
  if (isTemplate)
    problems.push(
      problemAt(fields.source, placeOf(fields, 'template'), {
        code: 'E-RULE-TEMPLATE',
        what: 'the template is not at hand here',
        todo: "put its folder beside the rule's, with a template.yaml, and use `flyball rule apply`",
      }),
    );
  if (entries.has('when') && !entries.has('over') && !isTemplate)
    missing(fields, { what: '`when` without `over`', todo: 'add over: rpc, or over: flow' });
  const by = readColumns(fields);
  const standing = !entries.has('when');
  if (standing && !isTemplate) refuseInStanding(fields);
  const isClear = problems.length === before && !isTemplate;
  const streams: readonly Stream[] = over === null ? ['rpc', 'flow'] : [over];
  const mode = choiceIfBuilt(fields, 'mode', { choices: ['shadow', 'canary', 'enforce'], later: 'canary' });
  const leaseNs = durationAt(fields, 'lease', { least: leaseNsMin }) ?? 60n * second;
  const where = celAt(fields, 'where') ?? null;
  const { windowNs, everyNs } = windowOf(fields);
  const minimum = readMinimum(fields);
  const rule: Rule = {
    name,
    why,
    owner,
    over,
    where,
    by,
    windowNs,
    everyNs,
    minimum,
    keys: choiceAt(fields, 'keys', ['seen', 'inventory']) ?? 'seen',
    select: readSets(fields, { over, where, by, windowNs, everyNs, minimum }),
    params: readParams(fields),
    slo: readSlo(fields),
    variables: readVariables(fields),
    when,
    forNs: durationAt(fields, 'for', { least: 0n }) ?? 0n,
    until: celAt(fields, 'until') ?? null,
    keepFiringForNs: durationAt(fields, 'keep_firing_for', { least: 0n }) ?? 0n,
    leaseNs,
    leaseMaxNs: durationAt(fields, 'lease_max', { least: leaseNs }) ?? (leaseNs > 600n * second ? leaseNs : 600n * second),
    cooldownNs: durationAt(fields, 'cooldown', { least: 0n }) ?? 0n,
    latch: choiceAt(fields, 'latch', ['false', 'true']) === 'true',
    expiresNs: valueAt(fields, 'expires', readTime) ?? null,
    warmup: choiceAt(fields, 'warmup', ['none', 'window']) ?? 'none',
    priority: integerAt(fields, 'priority', { least: 0, most: 1000 }) ?? 100,
    targets: targetsOf(fields),
    // oxlint-disable-next-line unicorn/no-thenable -- the field's name in rules.md
    then: readActions(fields, streams),
    guard: guardOf(fields),
    expect: readExpectation(fields),
    notify: readNotify(fields),
    mode: mode === 'enforce' ? 'enforce' : 'shadow',
  };
  return isClear ? rule : null;
}

function nameOf(fields: Fields, file: string): string {
  const scalar = scalarAt(fields, 'rule');
  if (scalar === undefined) {
    if (!fields.entries.has('rule')) missing(fields, { what: 'the rule has no name', todo: 'begin with `rule: NAME`' });
    return '';
  }
  const parts = file.split(/[\\/]/);
  const folder = parts.at(-1) === 'rule.yaml' ? parts.at(-2) : undefined;
  const at = { what: `\`rule\` is \`${scalar.text.slice(0, 64)}\``, place: scalar.place };
  if (!nameText.test(scalar.text)) wrong(fields, at.place, { what: at.what, todo: 'write a-z, 0-9 and -, at most 63' });
  else if (folder !== undefined && !['', '.', '..', scalar.text].includes(folder)) {
    wrong(fields, at.place, { what: `${at.what} in the folder \`${folder}\``, todo: 'name the rule as its folder' });
  }
  return scalar.text;
}

function requiredText(fields: Fields, name: string, most: number): string {
  if (!fields.entries.has(name))
    missing(fields, {
      what: `the rule has no \`${name}\``,
      todo: name === 'why' ? 'say what it is for' : 'name the team that answers for it',
    });
  return textAt(fields, name, most) ?? '';
}

/** Fields that take a word, one of which is not built yet. */
function choiceIfBuilt(
  fields: Fields,
  name: string,
  { choices, later: notBuilt }: { readonly choices: readonly string[]; readonly later: string },
): string | undefined {
  const chosen = choiceAt(fields, name, choices);
  const place = fields.entries.get(name)?.key.place ?? fields.place;
  return chosen === notBuilt ? notYet(fields, place, `\`${name}: ${notBuilt}\``) : chosen;
}

function refuseInStanding(fields: Fields): void {
  for (const name of ['by', 'until']) {
    const entry = fields.entries.get(name);
    if (entry !== undefined)
      wrong(fields, entry.key.place, { what: `a standing rule has no \`${name}\``, todo: 'add `when`, or remove it' });
  }
  const actions = fields.entries.get('then')?.value;
  if (actions?.kind === 'list' && actions.items.length > 0) return;
  if (!fields.entries.has('then') || actions?.kind === 'list')
    missing(fields, { what: 'a rule without `when` and without actions does nothing', todo: 'add `when` or `then`' });
}

function windowOf(fields: Fields): Pick<Rule, 'windowNs' | 'everyNs'> {
  const everyNs = durationAt(fields, 'every', { least: everyNsMin }) ?? 100_000_000n;
  const windowNs = durationAt(fields, 'window', { least: 1n }) ?? 10n * second;
  if (windowNs <= windowInstantsMax * everyNs) return { windowNs, everyNs };
  const what = `\`window\` ${showDuration(windowNs)} is longer than 10,000 × every`;
  wrong(fields, placeOf(fields, fields.entries.has('window') ? 'window' : 'every'), {
    what,
    todo: `at most ${showDuration(windowInstantsMax * everyNs)}, or a greater \`every\``,
  });
  return { windowNs, everyNs };
}

function guardOf(outer: Fields): Guard {
  const entry = outer.entries.get('guard');
  const { source, problems } = outer;
  const place = entry?.key.place ?? outer.place;
  const fields = fieldsOf(entry?.value ?? null, { of: 'guard', known: ['floor', 'transitions', 'keys', 'order'], place, source, problems });
  return {
    floor: (valueAt(fields, 'floor', readPercent) ?? 60) / 100,
    transitions: transitionsOf(fields),
    keys: integerAt(fields, 'keys', { least: 1, most: guardKeysMax }) ?? 100,
    order: celAt(fields, 'order') ?? null,
  };
}

/** N/DURATION. */
function transitionsOf(fields: Fields): Guard['transitions'] {
  const scalar = scalarAt(fields, 'transitions');
  if (scalar === undefined) return null;
  const [, count = '', per = ''] = /^(\d{1,6})\/(.+)$/.exec(scalar.text) ?? [];
  const perNs = readDuration(per);
  if (Number(count) >= 1 && perNs.ok && perNs.value > 0n) return { count: Number(count), perNs: perNs.value };
  wrong(fields, scalar.place, { what: `\`transitions\` is \`${scalar.text.slice(0, 40)}\``, todo: 'write it as 4/10m' });
  return null;
}

function targetsOf(fields: Fields): readonly string[] | null {
  const items = listAt(fields, 'targets', targetsMax);
  if (items === undefined) return null;
  if (items.length === 0)
    wrong(fields, placeOf(fields, 'targets'), {
      what: '`targets` is empty: nothing could enforce the rule',
      todo: 'name a kind, or remove it',
    });
  for (const { text, place } of items)
    if (!nameText.test(text)) wrong(fields, place, { what: `\`${text.slice(0, 64)}\` is no kind of target`, todo: 'write one as builtin' });
  return items.map(({ text }) => text);
}
