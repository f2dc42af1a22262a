import type { Value } from '../../model/rule.ts';
import { divideRounded } from '../../model/duration.ts';
import { floorDivide } from '../../model/time.ts';
import { scalarOf } from '../cel/value.ts';
import type { Scalar } from '../cel/value.ts';
import { ratio } from '../window/exact.ts';
import { countAt, readNow, valueAt } from '../window/read.ts';
import type { Slot } from '../window/slot.ts';
import type { PastInput, SlotInput } from './inputs.ts';
import { idIn } from './lens.ts';
import type { RuleRun } from './run.ts';

/** Earlier windows with a value that a baseline needs (rules.md section 3.8). */
const windowsMin = 3;

/** When each key was in force: first and last instant; null: it still is. Kept as long as a baseline looks back. */
export type Stretch = { readonly fromNs: bigint; toNs: bigint | null };
export type Firings = { readonly heldNs: bigint; readonly byKey: Map<string, Stretch[]> };

/** A key enters or leaves force at `t`. */
export function noteForce(
  { heldNs, byKey }: Firings,
  key: string,
  { t, lastNs, isInForce }: { readonly t: bigint; readonly lastNs: bigint; readonly isInForce: boolean },
): void {
  const all = byKey.get(key) ?? [];
  const open = all.at(-1);
  if (isInForce && (open === undefined || open.toNs !== null)) all.push({ fromNs: t, toNs: null });
  if (!isInForce && open?.toNs === null) open.toNs = lastNs;
  const kept = all.filter(({ toNs }) => toNs === null || toNs >= t - heldNs);
  if (kept.length > 0) byKey.set(key, kept);
  else byKey.delete(key);
  // Keys that fired once and are gone since.
  if (byKey.size % 1_024 === 0)
    for (const [other, stretches] of byKey) if (stretches.every(({ toNs }) => toNs !== null && toNs < t - heldNs)) byKey.delete(other);
}

type At = { readonly run: RuleRun; readonly t: bigint };

/** baseline(a, span) or zscore(a, span) of a key; null: without value. */
export function pastValue({ run, t }: At, id: number, { how, of, earlier, type }: PastInput, byUntil: boolean): Value | null {
  const { lens } = of;
  const at = idIn(lens, run, id);
  const { selection, life } = lens.shared;
  const pick = (input: SlotInput): Slot => (byUntil ? input.until : input.count);
  const fired = run.source === null ? [] : (run.firings?.byKey.get(run.keyText(id)) ?? []);
  const { everyNs } = run.compiled.rule;
  const values: Scalar[] = [];
  for (const input of earlier) {
    const slot = pick(input);
    if (countAt(selection, slot, at) === 0) continue;
    const { lengthNs, lagNs } = selection.windows[slot.window]!;
    const to = t - lagNs;
    if (fired.some((stretch) => firedWithin(stretch, { from: to - lengthNs, to, everyNs }))) continue;
    const value = readNow(selection, slot, at, life);
    if (value !== null) values.push(scalarOf(value));
  }
  if (values.length < windowsMin) return null;
  // Then the mean is that value and the deviation 0, whatever doubles make of their sum.
  if (values.every((value) => value === values[0])) return how === 'baseline' ? meanOf(values.slice(0, 1), type.kind === 'duration') : null;
  if (how === 'baseline') return meanOf(values, type.kind === 'duration');
  const own = valueAt(selection, pick(of), at, life);
  return own === null ? null : scoreOf(scalarOf(own), values);
}

/** Whether an instant after `from` and not after `to` lies in the stretch (settled point 6): a short window may hold none. */
function firedWithin(
  { fromNs, toNs }: Stretch,
  { from, to, everyNs }: { readonly from: bigint; readonly to: bigint; readonly everyNs: bigint },
): boolean {
  const next = (floorDivide(from, everyNs) + 1n) * everyNs;
  const first = fromNs > next ? fromNs : next;
  return first <= to && (toNs === null || first <= toNs);
}

function meanOf(values: readonly Scalar[], isDuration: boolean): Value | null {
  const [sum, n] = [wholeSum(values), BigInt(values.length)];
  if (sum !== null) return isDuration ? { durationNs: divideRounded(sum, n) } : ratio(sum, n);
  return known(doubleSum(values) / values.length);
}

/** How many deviations of the earlier values from their mean. */
function scoreOf(own: Scalar, values: readonly Scalar[]): Value | null {
  const numbers = values.map(Number);
  const whole = wholeSum(values);
  const n = values.length;
  // Exact where numbers are whole: what is near the mean is not lost beside it.
  const away = whole === null || typeof own !== 'bigint' ? Number(own) - doubleSum(values) / n : ratio(own * BigInt(n) - whole, BigInt(n));
  const mean = whole === null ? doubleSum(values) / n : ratio(whole, BigInt(n));
  const deviation = Math.sqrt(numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0) / n);
  return deviation === 0 ? null : known(away / deviation);
}

const wholeSum = (values: readonly Scalar[]): bigint | null =>
  typeof values[0] === 'bigint' ? values.reduce<bigint>((sum, value) => sum + (typeof value === 'bigint' ? value : 0n), 0n) : null;

const doubleSum = (values: readonly Scalar[]): number => values.reduce<number>((sum, value) => sum + Number(value), 0);

const known = (value: number): number | null => (Number.isNaN(value) ? null : value);
