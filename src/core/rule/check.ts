import { fail, ok } from '../../model/problem.ts';
import type { Problem, Result } from '../../model/problem.ts';
import { problemsMax } from './bounds.ts';
import { compileRule } from './compile.ts';
import { lintRule } from './lint.ts';
import { inFileOrder, sourceOf, withSourceLine } from './place.ts';
import { readDraft } from './read.ts';
import type { CompiledRule } from './types.ts';

/**
 * What saving a rule asks: reads the file, checks every expression even when fields are wrong too, and shows each problem with its line
 * of the file. With a rule come its warnings (W-…), which do not refuse it.
 */
export function checkRule(
  text: string,
  { file, revision }: { readonly file: string; readonly revision: number },
): Result<{ readonly compiled: CompiledRule; readonly warnings: readonly Problem[] }, readonly Problem[]> {
  const { rule, problems } = readDraft(text, file);
  const compiled = rule === null ? null : compileRule(rule, revision, file);
  const all = [...problems, ...(compiled === null || compiled.ok ? [] : compiled.problem)];
  if (compiled?.ok && all.length === 0) {
    const source = sourceOf(file, text);
    return ok({ compiled: compiled.value, warnings: lintRule(compiled.value, file).map((problem) => withSourceLine(source, problem)) });
  }
  if (problems[0]?.code === 'E-RULE-SIZE') return fail(problems);
  const source = sourceOf(file, text);
  return fail(
    inFileOrder(all)
      .slice(0, problemsMax)
      .map((problem) => withSourceLine(source, problem)),
  );
}

/** The same name in two files: which of them a save would mean is not known. One problem for each file after the first. */
export function duplicateNames(rules: readonly { readonly name: string; readonly file: string }[]): readonly Problem[] {
  const first = new Map<string, string>();
  return rules.flatMap(({ name, file }): readonly Problem[] => {
    const before = first.get(name);
    if (before === undefined) first.set(name, file);
    return before === undefined
      ? []
      : [{ code: 'E-RULE-NAME', what: `\`${name}\` is also the name of ${before}`, at: `${file}:1:1`, todo: 'rename one' }];
  });
}
