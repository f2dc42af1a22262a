import type { Value } from '../../model/rule.ts';
import { sameValue, scalarOf } from '../cel/value.ts';
import type { Scalar } from '../cel/value.ts';
import { countIn } from '../window/keep.ts';
import type { Slot } from '../window/layout.ts';
import type { Life } from '../window/liveness.ts';
import { orderSiblings, peersValue } from '../window/peers.ts';
import type { Siblings } from '../window/peers.ts';
import { readAggregate } from '../window/read.ts';
import { usesNow } from './now.ts';
import type { Judged, KeyRun, RuleRun } from './run.ts';

/** What all keys of a rule share at one instant. */
export type Instant = {
  readonly run: RuleRun;
  readonly t: bigint;
  readonly life: Life;
  /** Siblings' values by slot and minimum, then by group: made once for all keys. */
  readonly siblings: Map<string, ReadonlyMap<string, Siblings>>;
};

export function createInstant(run: RuleRun, t: bigint, life: Life): Instant {
  return { run, t, life, siblings: new Map() };
}

/** Records that an aggregate needs: `minimum.until` where `until` judges, else `minimum.count`. */
export const minimumOf = ({ compiled }: RuleRun, byUntil: boolean): number =>
  byUntil ? compiled.rule.minimum.until : compiled.rule.minimum.count;

/** The value of a CEL<a> for a key; null: unknown. Judged anew only when an aggregate of it has changed, or `now` may. */
export function evaluate(instant: Instant, key: KeyRun, of: Judged, minimum: number): Value | null {
  const values = of.slots.map((slot) => aggregateValue(instant, key, slot, minimum));
  const memo = key.memo;
  if (memo?.of === of && !usesNow(instant.run.now) && values.every((value, i) => sameValue(value, memo.values[i] ?? null)))
    return memo.result;
  const result = of.run(values, key.bound, instant.t);
  key.memo = { of, values, result };
  return result;
}

/** A CEL<a> that is read and not judged by: a part of an action, guard.order. It uses `minimum.count`. */
export function readFor(instant: Instant, key: KeyRun, of: Judged): Value | null {
  const values = of.slots.map((slot) => aggregateValue(instant, key, slot, minimumOf(instant.run, false)));
  return of.run(values, key.bound, instant.t);
}

export function aggregateValue(instant: Instant, key: KeyRun, slot: Slot, minimum: number): Value | null {
  const { life, run } = instant;
  const { inner } = slot;
  if (inner === null) return readAggregate(slot, key.windows, { life, least: minimum });
  const siblings = siblingsOf(instant, inner, minimum).get(key.group) ?? [];
  const own = siblingValue(instant, key, inner, minimum);
  const kind = slot.type.kind === 'duration' ? 'duration' : 'double';
  return peersValue(siblings, { own, least: run.compiled.rule.minimum.peers, kind });
}

function siblingsOf(instant: Instant, inner: Slot, minimum: number): ReadonlyMap<string, Siblings> {
  const name = `${inner.id}|${minimum}`;
  const known = instant.siblings.get(name);
  if (known !== undefined) return known;
  const groups = new Map<string, Scalar[]>();
  for (const key of instant.run.keys.values()) {
    const value = siblingValue(instant, key, inner, minimum);
    if (value === null) continue;
    const group = groups.get(key.group);
    if (group === undefined) groups.set(key.group, [value]);
    else group.push(value);
  }
  const ordered = new Map([...groups].map(([group, values]) => [group, orderSiblings(values)]));
  instant.siblings.set(name, ordered);
  return ordered;
}

/** A sibling needs a record in a's window (settled point 7). */
function siblingValue({ life }: Instant, { windows }: KeyRun, inner: Slot, minimum: number): Scalar | null {
  const value = countIn(windows, inner.window) === 0 ? null : readAggregate(inner, windows, { life, least: minimum });
  return value === null ? null : scalarOf(value);
}
