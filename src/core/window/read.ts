import type { Value } from '../../model/rule.ts';
import { rawOf } from '../cel/compile/program.ts';
import type { Raw } from '../cel/compile/code.ts';
import { isInt64 } from '../cel/value.ts';
import { divideRounded } from '../../model/duration.ts';
import { placedIn } from './attach.ts';
import { nearestRank, ratio, rootOver } from './exact.ts';
import type { Keepers, KeeperKind } from './keep/kinds.ts';
import { grownInts } from './keep/keeper.ts';
import type { Life } from './liveness.ts';
import type { Selection } from './selection.ts';
import { wrapped } from './slot.ts';
import type { Slot } from './slot.ts';

/** More than 5 % of the records erred: one in twenty. */
const errorShare = 20;
const second = 1_000_000_000n;

/**
 * The value of an aggregate for a key; null: without value, which CEL sees as unknown. Read once a turn, and only if something changed.
 * `id` −1: a key without records.
 */
export function valueAt(selection: Selection, slot: Slot, id: number, life: Life): Value | null {
  if (id < 0) return readNow(selection, slot, id, life);
  const { keys, turn, readsFrom } = selection;
  if (id >= slot.at.length) slot.at = grownInts(slot.at, keys.room);
  const readAt = slot.at[id]! - 1;
  if (readAt >= keys.touched[id]! && readAt >= readsFrom) return slot.seen[id]!;
  const value = readNow(selection, slot, id, life);
  slot.seen[id] = value;
  slot.raws[id] = value === null ? undefined : rawOf(value);
  slot.at[id] = turn + 1;
  return value;
}

/** The same for compiled code: undefined without value, null: an int beyond 2^53. */
export function rawAt(selection: Selection, slot: Slot, id: number, life: Life): Raw | undefined {
  if (id < 0) return rawFrom(valueAt(selection, slot, id, life));
  valueAt(selection, slot, id, life);
  return slot.raws[id];
}

/**
 * A raw that comparisons with the slot's cuts cannot tell from `rawAt`'s, found sooner where that is a quantile.
 */
export function sideAt(selection: Selection, slot: Slot, id: number, life: Life): Raw | undefined {
  if (slot.name !== 'quantile' || slot.q === null) return rawAt(selection, slot, id, life);
  const { keys, turn, readsFrom } = selection;
  if (id >= slot.sidedAt.length) slot.sidedAt = grownInts(slot.sidedAt, keys.room);
  const readAt = slot.sidedAt[id]! - 1;
  if (readAt >= keys.touched[id]! && readAt >= readsFrom) return slot.sides[id];
  const good = goodAt(selection, slot, id, life);
  const side = good === 0 ? undefined : keeper(selection, slot, 'quantiles').sideAt(slot.window, id, nearestRank(slot.q, good));
  if (side === null) return rawAt(selection, slot, id, life);
  slot.sides[id] = side;
  slot.sidedAt[id] = turn + 1;
  return side;
}

export const rawFrom = (value: Value | null): Raw | undefined => (value === null ? undefined : rawOf(value));

/** How many records of the key the slot's window holds. */
export const countAt = ({ windows }: Selection, { window }: Slot, id: number): number => (id < 0 ? 0 : windows[window]!.counts[id]!);

/** The value as it is now, which is not kept. */
export function readNow(selection: Selection, slot: Slot, id: number, life: Life): Value | null {
  const { name, window, series } = slot;
  const at = life[window];
  if (at === undefined || at.status === 'stale') return null;
  const n = countAt(selection, slot, id);
  if (name === 'absent') return n > 0 ? false : at.liveThroughout ? true : null;
  const errors = series < 0 || id < 0 ? 0 : selection.series[series]!.errors[window]![id]!;
  if (errors * errorShare > n) return null;
  const good = n - errors;
  if (name === 'count' || name === 'rate' || name === 'sum' || name === 'distinct') {
    if (at.status !== 'live' || at.isStaleIn) return null;
    return id < 0 ? nothingOf(slot) : readTotal(selection, slot, id, good);
  }
  return n < slot.least || good === 0 ? null : readShape(selection, slot, id, good);
}

/** Of how many records a quantile is; 0: it is without value. */
function goodAt(selection: Selection, { window, series, least }: Slot, id: number, life: Life): number {
  const at = life[window];
  const n = selection.windows[window]!.counts[id]!;
  const errors = selection.series[series]!.errors[window]![id]!;
  return at === undefined || at.status === 'stale' || errors * errorShare > n || n < least ? 0 : n - errors;
}

/** A total over no records. */
function nothingOf({ name, argumentKind }: Slot): Value {
  if (name === 'count' || name === 'distinct') return 0n;
  return name === 'rate' || argumentKind === 'double' ? 0 : wrapped(0, argumentKind);
}

/** Those that are 0 over no records. */
function readTotal(selection: Selection, slot: Slot, id: number, good: number): Value | null {
  const { name, argumentKind, window, windowNs } = slot;
  if (name === 'distinct') return BigInt(keeper(selection, slot, 'distinct').at(window, id));
  if (name === 'count') return BigInt(slot.series < 0 ? good : keeper(selection, slot, 'trues').at(window, id));
  if (argumentKind === 'double') {
    const sum = keeper(selection, slot, 'doubles').sumAt(window, id);
    return name === 'sum' ? number(sum) : number(sum / (Number(windowNs) / 1e9));
  }
  if (name === 'rate' && slot.series < 0) return good / (Number(windowNs) / 1e9);
  const sum = keeper(selection, slot, 'sums').at(window, id);
  if (name === 'sum') return isInt64(sum) ? wrapped(sum, argumentKind) : null;
  // A rate of durations is seconds a second: the ns of both cancel.
  return argumentKind === 'duration' ? ratio(sum, windowNs) : ratio(sum * second, windowNs);
}

/** Those that need records. */
function readShape(selection: Selection, slot: Slot, id: number, good: number): Value | null {
  const { name, argumentKind, window } = slot;
  const count = BigInt(good);
  switch (name) {
    case 'ratio':
      return keeper(selection, slot, 'trues').at(window, id) / good;
    case 'min':
      return wrapped(keeper(selection, slot, 'extremes').least(window, id)!, argumentKind);
    case 'max':
      return wrapped(keeper(selection, slot, 'extremes').greatest(window, id)!, argumentKind);
    case 'quantile':
      return slot.q === null ? null : wrapped(quantileOf(selection, slot, { id, rank: nearestRank(slot.q, good), n: good }), argumentKind);
    case 'mean': {
      if (argumentKind === 'double') return number(keeper(selection, slot, 'doubles').sumAt(window, id) / good);
      const sum = keeper(selection, slot, 'sums').at(window, id);
      return argumentKind === 'int' ? ratio(sum, count) : wrapped(divideRounded(sum, count), argumentKind);
    }
    case 'stddev': {
      if (argumentKind === 'double') return number(keeper(selection, slot, 'spread').deviationAt(window, id, good));
      const sum = keeper(selection, slot, 'sums').at(window, id);
      // Exact: the variance of n whole numbers is (n Σx² − (Σx)²) / n².
      const scaled = count * keeper(selection, slot, 'squares').at(window, id) - sum * sum;
      return argumentKind === 'int' ? Math.sqrt(ratio(scaled, count * count)) : { durationNs: rootOver(scaled, count) };
    }
    default:
      return null;
  }
}

function quantileOf(
  selection: Selection,
  slot: Slot,
  { id, ...rank }: { readonly id: number; readonly rank: number; readonly n: number },
): number {
  const { window, keepers: [place = -1] } = slot; // prettier-ignore
  return keeper(selection, slot, 'quantiles').at(window, id, rank, () => placedIn(selection, place, window));
}

function keeper<K extends KeeperKind>({ keepers }: Selection, slot: Slot, kind: K): Keepers[K] {
  for (const place of slot.keepers) if (keepers[place]!.kind === kind) return keepers[place]!.keeper as unknown as Keepers[K];
  throw new Error(`flyball: broken invariant: a slot of ${slot.name} without its ${kind}`);
}

const number = (value: number): number | null => (Number.isNaN(value) ? null : value);
