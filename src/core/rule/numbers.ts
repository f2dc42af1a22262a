import type { Num, RuleAction } from '../../model/rule.ts';

/** The Num fields of an action by their paths. */
export function numbersOf(action: RuleAction): readonly (readonly [path: string, num: Num])[] {
  switch (action.kind) {
    case 'deny':
    case 'avoid':
    case 'mirror':
      return [['percent', action.percent]];
    case 'limit':
      return [['rate', action.rate], ...(action.burst === null ? [] : [['burst', action.burst] as const])];
    case 'split':
      return Object.entries(action.weights).flatMap(([name, num]) => (num === 'rest' ? [] : [[`weights.${name}`, num] as const]));
    default:
      return [];
  }
}
