import { bool, double, duration, emptyList, emptyMap, int, same, show, timestamp } from './kinds.ts';
import type { Kind } from './kinds.ts';
import type { CelType } from './types.ts';

/** Operators as the parser names them, and as a person writes them. */
const symbols: ReadonlyMap<string, string> = new Map([
  ...['+', '-', '*', '/', '%', '==', '!=', '<', '<=', '>', '>='].map((symbol): [string, string] => [`_${symbol}_`, symbol]),
  ['@in', 'in'],
  ['_[_]', '[]'],
]);

/** The symbol of a two-sided operator, or undefined for any other function. */
export const symbolOf = (name: string): string | undefined => symbols.get(name);

const numbers: readonly Kind[] = ['int', 'uint', 'double'];
const ordered: readonly Kind[] = ['bool', 'int', 'uint', 'double', 'string', 'bytes', 'timestamp', 'duration'];

/** `left symbol right → result` besides those on two operands of one type; rules.md section 2 adds the ones with double. */
const mixed: ReadonlyMap<string, CelType> = new Map([
  ['timestamp + duration', timestamp],
  ['duration + timestamp', timestamp],
  ['duration + duration', duration],
  ['timestamp - timestamp', duration],
  ['timestamp - duration', timestamp],
  ['duration - duration', duration],
  ['double * duration', duration],
  ['duration * double', duration],
  ['duration / double', duration],
  ['duration / duration', double],
]);

/** The type of `left symbol right` by CEL's standard overloads and ours, or null: there is none. */
export function resultOf(symbol: string, left: CelType, right: CelType): CelType | null {
  switch (symbol) {
    case '==':
    case '!=':
      return comparable(left, right) ? bool : null;
    case '<':
    case '<=':
    case '>':
    case '>=':
      return left.kind === right.kind && ordered.includes(left.kind) ? bool : null;
    case 'in':
      if (right.kind === 'list') return right === emptyList || comparable(left, right.of) ? bool : null;
      return right.kind === 'map' && (right === emptyMap || same(left, right.key)) ? bool : null;
    case '[]':
      if (left.kind === 'list') return right.kind === 'int' && left !== emptyList ? left.of : null;
      return left.kind === 'map' && same(left.key, right) ? left.value : null;
    default:
      return mixed.get(`${left.kind} ${symbol} ${right.kind}`) ?? arithmetic(symbol, left, right);
  }
}

/** The type that two values of one place (branches, elements, sides of ==) share; `[]` and `{}` take the other's. Null: none. */
export function shared(left: CelType, right: CelType): CelType | null {
  if (left === emptyList && right.kind === 'list') return right;
  if (right === emptyList && left.kind === 'list') return left;
  if (left === emptyMap && right.kind === 'map') return right;
  if (right === emptyMap && left.kind === 'map') return left;
  return same(left, right) ? left : null;
}

/** What takes the operand instead, e.g. int where `*` wants double: the first type for which the operator exists. */
export function wanted(symbol: string, side: 'left' | 'right', left: CelType, right: CelType): CelType | null {
  const candidates = [double, duration, int];
  return candidates.find((type) => resultOf(symbol, side === 'left' ? type : left, side === 'right' ? type : right) !== null) ?? null;
}

const comparable = (left: CelType, right: CelType): boolean => left.kind !== 'struct' && shared(left, right) !== null;

function arithmetic(symbol: string, left: CelType, right: CelType): CelType | null {
  const kind = left.kind;
  if (symbol === '+' && kind === 'list') return shared(left, right);
  if (kind !== right.kind || show(left) !== show(right)) return null;
  if (symbol === '%') return kind === 'int' || kind === 'uint' ? left : null;
  const joins = symbol === '+' && (kind === 'string' || kind === 'bytes');
  return joins || numbers.includes(kind) ? left : null;
}
