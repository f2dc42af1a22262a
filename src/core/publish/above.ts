import { coversTarget } from '../../model/override.ts';
import type { Override } from '../../model/override.ts';
import { liftedMax, overridesMax } from '../limits.ts';
import type { Lead } from './types.ts';

/** What heads and snapshots of this target carry. */
export function aboveOf(
  { overrides, lifted }: Lead,
  target: string,
): { readonly overrides: readonly Override[]; readonly lifted: readonly string[] } {
  const here = [...overrides.values()].filter((one) => coversTarget(one, target));
  return { overrides: here.toSorted((a, b) => b.until - a.until).slice(0, overridesMax), lifted: [...lifted.keys()].slice(-liftedMax) };
}

/** Whether nothing may be committed for this target. */
export const isOverridden = ({ overrides }: Lead, target: string, wallMs: number): boolean =>
  [...overrides.values()].some((one) => one.until > wallMs && coversTarget(one, target));
