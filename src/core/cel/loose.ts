import { bool, bytes, double, duration, dyn, emptyList, emptyMap, int, list, map, string, timestamp, uint } from './kinds.ts';
import { resultOf, shared } from './operators.ts';
import type { CelType } from './types.ts';

/**
 * What the `declared` dialect allows beyond rules: `dyn` stands for any type, numbers of different types have an order, an empty list is one of
 * anything (CEL specification, gradual type checking). The type of `left symbol right`, or null: no overload can fit.
 */
export function looseResult(symbol: string, left: CelType, right: CelType): CelType | null {
  switch (symbol) {
    case '==':
    case '!=':
      return unified(left, right) === null ? null : bool;
    case 'in':
      if (right.kind === 'dyn') return bool;
      if (right.kind === 'list') return unified(left, right.of) === null ? null : bool;
      return right.kind === 'map' && unified(left, right.key) !== null ? bool : null;
    case '[]':
      return element(left, right);
    case '<':
    case '<=':
    case '>':
    case '>=':
      if (numbers.includes(left) && numbers.includes(right)) return bool;
      return oneOf(symbol, left, right);
    default:
      if (symbol === '+' && left.kind === 'list' && right.kind === 'list') return unified(left, right);
      return oneOf(symbol, left, right);
  }
}

/** The type that both can take, dyn where either is; null: they differ in a place where neither is. */
export function unified(left: CelType, right: CelType): CelType | null {
  const same = shared(left, right);
  if (same !== null) return same;
  if (left.kind === 'dyn' || right.kind === 'dyn') return dyn;
  if (left.kind === 'list' && right.kind === 'list') {
    const of = unified(left.of, right.of);
    return of === null ? null : list(of);
  }
  if (left.kind !== 'map' || right.kind !== 'map') return null;
  const [key, value] = [unified(left.key, right.key), unified(left.value, right.value)];
  return key === null || value === null ? null : map(key, value);
}

/** The type with dyn wherever nothing was ever said, as in `[]`. */
export function settled(type: CelType): CelType {
  if (type === emptyList) return list(dyn);
  if (type === emptyMap) return map(dyn, dyn);
  if (type.kind === 'list') return list(settled(type.of));
  return type.kind === 'map' ? map(settled(type.key), settled(type.value)) : type;
}

const numbers: readonly CelType[] = [int, uint, double];
const known: readonly CelType[] = [bool, int, uint, double, string, bytes, duration, timestamp];

function element(of: CelType, by: CelType): CelType | null {
  if (of.kind === 'dyn' || of === emptyList || of === emptyMap) return dyn;
  if (of.kind === 'list') return by.kind === 'int' || by.kind === 'dyn' ? of.of : null;
  return of.kind === 'map' && unified(of.key, by) !== null ? of.value : null;
}

/** With a dyn operand: what all overloads that fit agree on, or dyn. */
function oneOf(symbol: string, left: CelType, right: CelType): CelType | null {
  const each = (type: CelType, other: CelType): readonly CelType[] => (type.kind === 'dyn' ? [...known, other] : [type]);
  const results = each(left, right).flatMap((one) =>
    each(right, left).flatMap((other) => (one.kind === 'dyn' || other.kind === 'dyn' ? [] : (resultOf(symbol, one, other) ?? []))),
  );
  const first = results[0];
  if (first === undefined) return null;
  return results.every((result) => shared(result, first) !== null) ? first : dyn;
}
