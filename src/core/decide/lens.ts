import type { Scalar } from '../cel/value.ts';
import { findKey } from '../window/index.ts';
import type { Lens } from './inputs.ts';
import type { RuleRun } from './run.ts';

const none: readonly Scalar[] = [];

/** The number of a key of the rule in the records of a lens; −1: they have none of it. */
export function idIn({ shared, columns }: Lens, { source }: RuleRun, id: number): number {
  if (columns === null) return id;
  const { index } = shared.selection.keys;
  if (columns.length === 0) return findKey(index, none);
  const values = source?.shared.selection.keys.values[id] ?? none;
  return findKey(index, columns.map((column) => values[column]!)); // prettier-ignore
}
