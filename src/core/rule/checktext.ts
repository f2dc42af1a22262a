import type { Problem } from '../../model/problem.ts';
import { toMatches } from '../plan/dnf.ts';
import { checkRule } from './check.ts';
import { placeIn, sourceOf, withSourceLine } from './place.ts';
import type { CompiledRule } from './types.ts';

export type CheckedText = {
  /** null: refused; `problems` then holds the errors, else the warnings. */
  readonly compiled: CompiledRule | null;
  readonly problems: readonly Problem[];
};

/**
 * All that saving a rule checks, in one: YAML, fields, expressions, and whether each match can become entries. The same for `rule lint`,
 * `rule apply`, `replay` and the engine.
 */
export function checkRuleText(text: string, file: string, revision = 0): CheckedText {
  const checked = checkRule(text, { file, revision });
  if (!checked.ok) return { compiled: null, problems: checked.problem };
  const { compiled, warnings } = checked.value;
  const unfit = inexpressible(compiled, file).map((p) => withSourceLine(sourceOf(file, text), p));
  return unfit.length > 0 ? { compiled: null, problems: unfit } : { compiled, problems: warnings };
}

/** Matches that no engine could hold, whatever the key. */
function inexpressible({ actions }: CompiledRule, file: string): readonly Problem[] {
  return actions.flatMap(({ action, match }) => {
    const at = (offset: number): string => {
      const { line, column } = action.match === null ? action.place : placeIn(action.match, offset);
      return `${file}:${line}:${column}`;
    };
    const matches = toMatches(match, null, at);
    return matches.ok ? [] : [matches.problem];
  });
}
