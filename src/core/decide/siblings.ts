import { divideRounded } from '../../model/duration.ts';
import type { Value } from '../../model/rule.ts';
import { compareScalars, scalarOf } from '../cel/value.ts';
import type { Scalar } from '../cel/value.ts';
import { ratio } from '../window/exact.ts';
import { countAt, valueAt } from '../window/read.ts';
import type { Slot } from '../window/slot.ts';
import { search } from '../window/sorted.ts';
import { isMember } from '../window/view.ts';
import type { Members } from '../window/view.ts';
import type { SiblingsInput } from './inputs.ts';
import { idIn } from './lens.ts';
import { holdsRecords, standing, standingOf } from './run.ts';
import type { RuleRun, Source } from './run.ts';

/** The values of one aggregate over keys that are equal in all columns but the last, in order, at one instant. */
type Siblings = { readonly values: readonly Scalar[]; /** Doubles added in order, whole numbers exactly. */ readonly sum: Scalar };

/** By slot, then by group: read once an instant, whatever the number of rules that compare. */
export type SiblingCache = { atNs: bigint | null; readonly bySlot: Map<Slot, Map<Members, Siblings>> };
export const createSiblingCache = (): SiblingCache => ({ atNs: null, bySlot: new Map() });

type At = { readonly run: RuleRun; readonly t: bigint };

/** peers(a), share(a) or rank(a) of a key (rules.md section 3.7, settled point 7); null: without value. */
export function siblingValue({ run, t }: At, id: number, input: SiblingsInput, slot: Slot): Value | null {
  const { source } = run;
  if (source === null) return null;
  const { lens } = input.of;
  const siblings = siblingsOf({ run, t }, source, source.shared.selection.keys.siblings[id]!, { input, slot });
  const at = idIn(lens, run, id);
  const value = valueAt(lens.shared.selection, slot, at, lens.shared.life);
  const own = value === null ? null : scalarOf(value);
  // A sibling needs a record in the window; the key itself does not.
  const isAmong = own !== null && countAt(lens.shared.selection, slot, at) > 0;
  if (input.how === 'peers') return peersValue(siblings, isAmong ? own : null, input);
  if (own === null) return null;
  return input.how === 'rank' ? rankOf(siblings, own) : shareOf(siblings, own, isAmong);
}

function siblingsOf(
  at: At,
  source: Source,
  group: Members,
  { input, slot }: { readonly input: SiblingsInput; readonly slot: Slot },
): Siblings {
  // The keys of a set are not the rule's: there the rule says which are siblings, so others do not share them.
  const cache = input.of.lens.columns === null ? source.shared.siblings : at.run.siblings;
  if (cache.atNs !== at.t) cache.bySlot.clear();
  cache.atNs = at.t;
  const groups = cache.bySlot.get(slot) ?? new Map<Members, Siblings>();
  cache.bySlot.set(slot, groups);
  const known = groups.get(group);
  if (known !== undefined) return known;
  const values: Scalar[] = [];
  for (let i = 0; i < group.size; i++) {
    const value = valueOf(at, source, group.ids[i]!, { input, slot });
    if (value !== null) values.push(value);
  }
  values.sort(compareScalars);
  const siblings = { values, sum: sumOf(values) };
  groups.set(group, siblings);
  return siblings;
}

function valueOf(
  { run }: At,
  source: Source,
  id: number,
  { input, slot }: { readonly input: SiblingsInput; readonly slot: Slot },
): Scalar | null {
  const { lens } = input.of;
  if (lens.columns !== null && !isOfRule(source, id)) return null;
  const { selection, life } = lens.shared;
  const at = idIn(lens, run, id);
  const value = countAt(selection, slot, at) === 0 ? null : valueAt(selection, slot, at, life);
  return value === null ? null : scalarOf(value);
}

const isOfRule = (source: Source, id: number): boolean =>
  isMember(source.view.members, id) && (standingOf(source, id) !== standing.none || holdsRecords(source, id));

function sumOf(values: readonly Scalar[]): Scalar {
  let whole = 0n;
  let double = 0;
  for (const value of values)
    if (typeof value === 'bigint') whole += value;
    else if (typeof value === 'number') double += value;
  return typeof values[0] === 'bigint' ? whole : double;
}

/** The median of the others, the mean of the middle two where they are even in number; null: fewer than `least` others, or none. */
function peersValue({ values }: Siblings, own: Scalar | null, { least, type }: SiblingsInput): Value | null {
  const others = values.length - (own === null ? 0 : 1);
  if (others < Math.max(1, least)) return null;
  const skipped = own === null ? values.length : search(values.length, (i) => compareScalars(values[i] ?? own, own) >= 0);
  const other = (index: number): Scalar | undefined => values[index < skipped ? index : index + 1];
  return meanOf(other((others - 1) >> 1), other(others >> 1), type.kind === 'duration');
}

function meanOf(a: Scalar | undefined, b: Scalar | undefined, isDuration: boolean): Value | null {
  if (typeof a === 'bigint' && typeof b === 'bigint') return isDuration ? { durationNs: divideRounded(a + b, 2n) } : ratio(a + b, 2n);
  if (typeof a !== 'number' || typeof b !== 'number') return null;
  const mean = a === b ? a : (a + b) / 2;
  return Number.isNaN(mean) ? null : mean;
}

/** 1 is the greatest; equals share the better rank. */
function rankOf({ values }: Siblings, own: Scalar): Value {
  const notGreater = search(values.length, (i) => compareScalars(values[i] ?? own, own) > 0);
  return BigInt(values.length - notGreater + 1);
}

/** Of the sum of the siblings and itself. */
function shareOf({ sum }: Siblings, own: Scalar, isAmong: boolean): Value | null {
  if (typeof own === 'bigint') {
    const all = (typeof sum === 'bigint' ? sum : 0n) + (isAmong ? 0n : own);
    return all === 0n ? null : ratio(own, all);
  }
  const all = Number(sum) + (isAmong ? 0 : Number(own));
  const share = Number(own) / all;
  return all === 0 || Number.isNaN(share) ? null : share;
}
