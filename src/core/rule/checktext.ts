import type { Problem } from '../../model/problem.ts';
import { checkRule } from './check.ts';
import type { CompiledRule } from './types.ts';

export type CheckedText = {
  /** null: refused; `problems` then holds the errors, else the warnings. */
  readonly compiled: CompiledRule | null;
  readonly problems: readonly Problem[];
};

/** All that saving a rule checks, in one: YAML, fields, expressions, matches. The same for `rule lint`, `rule apply` and the engine. */
export function checkRuleText(text: string, file: string, revision = 0): CheckedText {
  const checked = checkRule(text, { file, revision });
  return checked.ok
    ? { compiled: checked.value.compiled, problems: checked.value.warnings }
    : { compiled: null, problems: checked.problem };
}
