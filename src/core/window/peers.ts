import type { Value } from '../../model/rule.ts';
import { divideRounded } from '../../model/duration.ts';
import { compareScalars } from '../cel/value.ts';
import type { Scalar } from '../cel/value.ts';
import { ratio } from './exact.ts';
import { search } from './sorted.ts';

/** The values of `a` over a group of siblings (keys equal in all columns but the last), in order. */
export type Siblings = readonly Scalar[];

export const orderSiblings = (values: readonly Scalar[]): Siblings => [...values].sort(compareScalars);

export type PeersOf = {
  /** The key's own value, which stands among the siblings; null where it has none. */
  readonly own: Scalar | null;
  /** `minimum.peers`. */
  readonly least: number;
  /** The type of peers(a). */
  readonly kind: 'duration' | 'double';
};

/**
 * peers(a) for one key (rules.md section 3.7): the median over the others, the mean of the middle two where they are even in number.
 * null: fewer than `least` others, or none.
 */
export function peersValue(siblings: Siblings, { own, least, kind }: PeersOf): Value | null {
  const others = siblings.length - (own === null ? 0 : 1);
  if (others < Math.max(1, least)) return null;
  const skipped = own === null ? siblings.length : search(siblings.length, (i) => compareScalars(siblings[i] ?? own, own) >= 0);
  const other = (index: number): Scalar | undefined => siblings[index < skipped ? index : index + 1];
  return meanOf(other((others - 1) >> 1), other(others >> 1), kind);
}

function meanOf(a: Scalar | undefined, b: Scalar | undefined, kind: PeersOf['kind']): Value | null {
  if (typeof a === 'bigint' && typeof b === 'bigint')
    return kind === 'duration' ? { durationNs: divideRounded(a + b, 2n) } : ratio(a + b, 2n);
  if (typeof a !== 'number' || typeof b !== 'number') return null;
  const mean = a === b ? a : (a + b) / 2;
  return Number.isNaN(mean) ? null : mean;
}
