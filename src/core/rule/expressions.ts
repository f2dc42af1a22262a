import type { Aggregate, Checked } from '../cel/types.ts';
import type { CompiledRule } from './types.ts';

/** Every CEL<a> of a rule that says something by itself: all but its variables and its objective, which others use. */
export const aggregateTexts = ({ when, until, order, actions, that, summary }: CompiledRule): readonly Checked[] =>
  [when, until, order, ...actions.flatMap((action) => [...action.cel.values()]), that, ...summary].filter(
    (checked): checked is Checked => checked !== null && typeof checked !== 'string',
  );

/** The aggregates that an expression is given: those of a variable stand where it is used; params are none. */
export function aggregatesIn(checked: Checked, variables: CompiledRule['variables']): readonly Aggregate[] {
  return checked.aggregates.flatMap((one) => {
    if (one.name === 'param') return [];
    const variable = one.name === 'variable' ? variables.find(({ name }) => name === one.of) : undefined;
    return variable === undefined ? [one] : aggregatesIn(variable.checked, variables);
  });
}

/** Whether some expression needs records of the rule's own or of a set. */
export const looksAtRecords = (compiled: CompiledRule): boolean =>
  aggregateTexts(compiled).some((checked) => aggregatesIn(checked, compiled.variables).some(({ name }) => name !== 'firing'));
