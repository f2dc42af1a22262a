import { expect, test } from 'vitest';
import { check } from '../../src/core/cel/check.ts';
import { declaredEnvironment } from '../../src/core/cel/declare.ts';
import { declaredProgram, unchecked } from '../../src/core/cel/declared.ts';
import type { Dyn } from '../../src/core/cel/dynamic/value.ts';
import { show, typeFrom } from '../../src/core/cel/kinds.ts';
import type { CelType } from '../../src/core/cel/types.ts';
import { allCases, dynOf, isCore, isLanguage, shown, typeText } from './suite.ts';
import type { Case } from './suite.ts';

/** What came of one test. `refused` carries why; `wrong` is what must never be. */
type Outcome = { readonly state: 'passed' } | { readonly state: 'refused' | 'wrong'; readonly why: string };

/** What a rule's author would be told; in the language's own sections that is how an error may show. */
const errorCodes = ['E-CEL-TYPE', 'E-CEL-VALUE', 'E-CEL-SYNTAX'];

function run(one: Case): Outcome {
  const { expr, typeEnv, bindings, resultMatcher, container, disableMacros, disableCheck, checkOnly } = one.test;
  const refuse = (why: string): Outcome => ({ state: 'refused', why });
  if (disableMacros) return refuse('macros switched off');
  const types = new Map<string, CelType>();
  for (const { name, declKind } of typeEnv) {
    const text = declKind.case === 'ident' ? typeText(declKind.value.type) : 'function';
    const type = typeFrom(text);
    if (type === undefined) return refuse(`a variable of type ${text}`);
    types.set(name, type);
  }
  const variables = new Map<string, Dyn>();
  for (const [name, { kind }] of Object.entries(bindings)) {
    const value = kind.case === 'value' ? dynOf(kind.value) : undefined;
    if (value === undefined) return refuse('a variable that is a message');
    variables.set(name, value);
  }
  const wantsError = resultMatcher.case === 'evalError' || resultMatcher.case === 'anyEvalErrors';
  const environment = declaredEnvironment(types, container);
  const checked = disableCheck ? unchecked(expr) : check(expr, environment);
  if (!checked.ok) {
    const [{ code, what } = { code: '', what: '' }] = checked.problem;
    if (!wantsError || !isLanguage(one) || !errorCodes.includes(code)) return refuse(`${code} ${what}`);
    // An error that shows when it is checked must be one when it runs, too.
    const anyway = unchecked(expr);
    const value = anyway.ok ? declaredProgram(anyway.value, environment.declared!).run(variables) : undefined;
    return value === undefined ? { state: 'passed' } : { state: 'wrong', why: `${expr}: ${shown(value)}, not an error` };
  }
  if (resultMatcher.case === 'typedResult') {
    const [deduced, wanted] = [show(checked.value.type), typeText(resultMatcher.value.deducedType)];
    if (deduced !== wanted) return { state: 'wrong', why: `${expr}: of type ${deduced}, not ${wanted}` };
    if (checkOnly) return { state: 'passed' };
  }
  const got = declaredProgram(checked.value, environment.declared!).run(variables);
  if (wantsError) {
    if (got !== undefined) return { state: 'wrong', why: `${expr}: ${shown(got)}, not an error` };
    return isLanguage(one) ? { state: 'passed' } : refuse('an error in a part of CEL that is not built');
  }
  const proto = resultMatcher.case === 'value' ? resultMatcher.value : resultMatcher.case === 'typedResult' ? resultMatcher.value.result : undefined; // prettier-ignore
  const wanted = resultMatcher.case === undefined ? true : proto === undefined ? undefined : dynOf(proto);
  if (wanted === undefined) return refuse('a result that is a message');
  return shown(got) === shown(wanted) ? { state: 'passed' } : { state: 'wrong', why: `${expr}: ${shown(got)}, not ${shown(wanted)}` };
}

type Count = { passed: number; all: number; refused: Record<string, number> };

test('over the whole conformance suite no value and no type is wrong; what is not built is refused, for a reason that stays', async () => {
  const wrong: string[] = [];
  const sections: Record<string, Count> = {};
  const count = (name: string, outcome: Outcome): void => {
    const section = (sections[name] ??= { passed: 0, all: 0, refused: {} });
    section.all++;
    if (outcome.state === 'passed') section.passed++;
    if (outcome.state !== 'refused') return;
    const reason = outcome.why.replace(/`[^`]*`/g, '…').slice(0, 72);
    section.refused[reason] = (section.refused[reason] ?? 0) + 1;
  };
  for (const one of allCases()) {
    const outcome = run(one);
    if (outcome.state === 'wrong') wrong.push(`${one.name}: ${outcome.why}`);
    count(one.section, outcome);
    count('all', outcome);
    if (isCore(one)) count('core', outcome);
    if (one.test.resultMatcher.case === 'typedResult') count('deduced types', outcome);
  }
  if (process.env['FLYBALL_CEL_REPORT'] !== undefined) {
    for (const [name, { passed, all, refused }] of Object.entries(sections)) {
      const reasons = Object.entries(refused).toSorted(([, a], [, b]) => b - a);
      process.stdout.write(`${name} ${passed}/${all}\n${reasons.map(([why, n]) => `    ${n} ${why}\n`).join('')}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(sections['core']?.all).toBe(1_013);
  await expect(`${JSON.stringify(sections, null, 2)}\n`).toMatchFileSnapshot('conformance.json');
});
