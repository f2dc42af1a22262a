import { canon } from '../../model/canon.ts';
import { compareText } from '../../model/order.ts';
import type { Intent } from '../decide/types.ts';
import type { CompiledRule } from '../rule/types.ts';
import type { Part } from './entries.ts';

export type Ranked = { readonly rule: CompiledRule; readonly intent: Intent };

/**
 * Who acts when not all may: the higher priority, then the higher `order` (none is lowest), then who has been firing longer. Equal in all:
 * the key, so that the plan is the same each time. Names of rules and owners are not asked (rules.md section 4).
 */
export function compareRank(a: Ranked, b: Ranked): number {
  return (
    b.rule.rule.priority - a.rule.rule.priority ||
    compareNumbers(orderOf(b), orderOf(a)) ||
    compareNumbers(a.intent.sinceNs, b.intent.sinceNs) ||
    compareText(a.intent.keyText, b.intent.keyText)
  );
}

/** Best first, as compareRank; equal in all that too: what they do, before who they are. */
export function sortParts<T>(items: readonly T[], partOf: (item: T) => Part): readonly T[] {
  return items
    .map((item) => ({ item, part: partOf(item), text: '' }))
    .sort((a, b) => {
      const rank = compareRank(a.part, b.part);
      if (rank !== 0) return rank;
      a.text ||= doing(a.part);
      b.text ||= doing(b.part);
      return compareText(a.text, b.text) || compareIntents(a.part.intent, b.part.intent) || a.part.part - b.part.part;
    })
    .map(({ item }) => item);
}

const doing = ({ entries }: Part): string => canon(entries.map(({ match, action }) => [match, action]));

/** One fixed order of intents, so that the order in which they come changes nothing. */
export const compareIntents = (a: Intent, b: Intent): number =>
  compareText(a.rule, b.rule) || a.revision - b.revision || compareText(a.keyText, b.keyText);

/** NaN cannot be ordered and counts as none. */
const orderOf = ({ intent: { order } }: Ranked): number => (order === null || Number.isNaN(order) ? -Infinity : order);

const compareNumbers = <T extends number | bigint>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);
