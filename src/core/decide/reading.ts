import type { Value } from '../../model/rule.ts';
import type { BoundKey } from '../cel/programs.ts';
import { rawAt, valueAt } from '../window/read.ts';
import type { Slot } from '../window/slot.ts';
import { faceOf } from './shared.ts';
import type { Judged, KeyRun, RuleRun } from './run.ts';

/** A rule at one instant. */
export type Instant = { readonly run: RuleRun; readonly t: bigint };

/** The value of a CEL<a> for a key; null: unknown. `byUntil`: with `minimum.until`. */
export function evaluate({ run, t }: Instant, id: number, of: Judged, byUntil: boolean): Value | null {
  const slots = byUntil ? of.untilSlots : of.slots;
  return of.run(
    slots.map((slot) => slotValue(run, id, slot)),
    boundKey(run, id),
    t,
  );
}

/** Whether a condition holds for a key; undefined: unknown. */
export function holds({ run, t }: Instant, id: number, of: Judged, byUntil: boolean): boolean | undefined {
  const { source } = run;
  if (source === null) return undefined;
  const { selection, life } = source.shared;
  const slots = byUntil ? of.untilSlots : of.slots;
  const { raws } = of;
  let isExact = true;
  for (let i = 0; i < slots.length; i++) {
    const raw = rawAt(selection, slots[i]!, id, life);
    raws[i] = raw;
    if (raw === null) isExact = false;
  }
  const key = of.namesKey ? boundKey(run, id) : noKey;
  if (isExact && key.raw !== null) {
    const result = of.holds(raws, key.raw, t);
    if (result !== null) return result;
  }
  const result = of.run(slots.map((slot) => valueAt(selection, slot, id, life)), key, t); // prettier-ignore
  return typeof result === 'boolean' ? result : undefined;
}

/** A CEL<a> that is read and not judged by: a part of an action, guard.order. It uses `minimum.count`. */
export const readFor = (instant: Instant, key: KeyRun, of: Judged): Value | null => evaluate(instant, key.id, of, false);

/** The value of one aggregate; null: without value. */
export function slotValue({ source }: RuleRun, id: number, slot: Slot): Value | null {
  return source === null ? null : valueAt(source.shared.selection, slot, id, source.shared.life);
}

const noKey: BoundKey = { bound: () => new Map(), raw: [] };

const boundKey = ({ source, compiled }: RuleRun, id: number): BoundKey =>
  source === null ? noKey : faceOf(source.shared, id, compiled).bound;
