import type { Num } from '../../model/rule.ts';
import type { Judged } from './run.ts';

/** A number of an action that moves while its intent is in force. */
export type Moving = {
  readonly value: number;
  /** When it is read again, or may take its next step, ns since the epoch. */
  readonly dueNs: bigint;
};

/** What a part of an action says now; null: unknown. */
export type Read = (part: Judged) => number | boolean | null;

type MovingNum = Extract<Num, { readonly kind: 'value' | 'ramp' }>;
export const isMoving = (num: Num | undefined): num is MovingNum => num?.kind === 'value' || num?.kind === 'ramp';

/** Where a number begins; null: it cannot be read yet. A ramp begins at its beginning, whatever is known. */
export function startOf(num: MovingNum, part: Judged, read: Read, t: bigint): Moving | null {
  if (num.kind === 'ramp') return { value: num.from, dueNs: t + num.everyNs };
  const value = within(num, read(part));
  return value === null ? null : { value, dueNs: t + num.everyNs };
}

/** The number at `t`: what is unknown leaves it where it is, a ramp waits with its step until its condition is true. */
export function moved(now: Moving, num: MovingNum, part: Judged, read: Read, t: bigint): Moving {
  if (t < now.dueNs) return now;
  const dueNs = t + num.everyNs;
  if (num.kind === 'value') return { value: within(num, read(part)) ?? now.value, dueNs };
  if (now.value === num.to || read(part) !== true) return now;
  const left = num.to - now.value;
  const value = Math.abs(left) <= num.step ? num.to : now.value + Math.sign(left) * num.step;
  return { value, dueNs };
}

function within({ min, max }: Extract<Num, { readonly kind: 'value' }>, value: number | boolean | null): number | null {
  if (typeof value !== 'number' || !Number.isFinite(value)) return null;
  return Math.min(max ?? Infinity, Math.max(min ?? -Infinity, value));
}
