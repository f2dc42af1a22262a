import type { Value } from '../../model/rule.ts';
import { divideRounded } from '../../model/duration.ts';
import { compareScalars, scalarOf } from '../cel/value.ts';
import type { Scalar } from '../cel/value.ts';
import { ratio } from './exact.ts';
import type { Life } from './liveness.ts';
import { countAt, valueAt } from './read.ts';
import type { Selection } from './selection.ts';
import type { Slot } from './slot.ts';
import { search } from './sorted.ts';
import type { Members } from './view.ts';

/** The values of `a` over a group of siblings (keys equal in all columns but the last), in order. */
export type Siblings = readonly Scalar[];

/** An aggregate that compares a key with its siblings. */
export function siblingValue(selection: Selection, slot: Slot, id: number, life: Life): Value | null {
  const { inner } = slot;
  if (inner === null) throw new Error(`flyball: broken invariant: ${slot.name} compares nothing`);
  const siblings = siblingsOf(selection, slot, selection.keys.siblings[id]!, life);
  const kind = slot.type.kind === 'duration' ? 'duration' : 'double';
  return peersValue(siblings, { own: ownValue(selection, inner, id, life), least: slot.leastPeers, kind });
}

function siblingsOf(selection: Selection, slot: Slot, group: Members, life: Life): Siblings {
  if (slot.siblingsAt !== selection.turn) slot.siblings.clear();
  slot.siblingsAt = selection.turn;
  const known = slot.siblings.get(group);
  if (known !== undefined) return known;
  const values: Scalar[] = [];
  for (let i = 0; i < group.size; i++) {
    const value = ownValue(selection, slot.inner!, group.ids[i]!, life);
    if (value !== null) values.push(value);
  }
  values.sort(compareScalars);
  slot.siblings.set(group, values);
  return values;
}

/** A sibling needs a record in a's window (settled point 7). */
function ownValue(selection: Selection, inner: Slot, id: number, life: Life): Scalar | null {
  const value = countAt(selection, inner, id) === 0 ? null : valueAt(selection, inner, id, life);
  return value === null ? null : scalarOf(value);
}

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
function peersValue(siblings: Siblings, { own, least, kind }: PeersOf): Value | null {
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
