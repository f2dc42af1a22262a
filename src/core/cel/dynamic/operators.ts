import { compareText } from '../../../model/order.ts';
import { timed } from '../compile/operators.ts';
import { functionOf } from '../compile/program.ts';
import { isInt64 } from '../value.ts';
import { fromRaw, integerOf, keyOf, kindOf, toRaw } from './value.ts';
import type { Dyn } from './value.ts';

/** `left symbol right` of values; undefined is CEL's error, no overload among them. */
export function operateDyn(symbol: string, left: Dyn, right: Dyn): Dyn | undefined {
  switch (symbol) {
    case '==':
      return equalDyn(left, right);
    case '!=':
      return !equalDyn(left, right);
    case '<':
    case '<=':
    case '>':
    case '>=':
      return ordered(symbol, left, right);
    case 'in':
      return isIn(left, right);
    case '[]':
      return entryOf(left, right);
    default:
      return arithmetic(symbol, left, right);
  }
}

/** Values of different types differ, but for numbers: those are compared as on one line (CEL specification, equality). */
export function equalDyn(a: Dyn, b: Dyn): boolean {
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== null || y !== null) return x !== null && y !== null && orderOf(x, y) === 0;
  if (a === b) return true;
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false;
  if (a instanceof Uint8Array || b instanceof Uint8Array)
    return a instanceof Uint8Array && b instanceof Uint8Array && compareBytes(a, b) === 0;
  if (!('kind' in a) || !('kind' in b))
    return !('kind' in a) && !('kind' in b) && a.length === b.length && a.every((one, i) => equalDyn(one, b[i] ?? null));
  if (a.kind !== 'map' || b.kind !== 'map') return a.kind === b.kind && a.value === b.value;
  if (a.value.size !== b.value.size) return false;
  const others = b.value;
  return [...a.value].every(([key, [, value]]) => {
    const other = others.get(key);
    return other !== undefined && equalDyn(value, other[1]);
  });
}

/** What `of[by]` and, with a text, `of.by` hold; undefined: nothing there. */
export function entryOf(of: Dyn, by: Dyn): Dyn | undefined {
  if (of === null || typeof of !== 'object' || of instanceof Uint8Array) return undefined;
  if ('kind' in of) return of.kind === 'map' ? of.value.get(keyOf(by) ?? '')?.[1] : undefined;
  const at = integerOf(by);
  return at === null || at < 0n || at >= of.length ? undefined : of[Number(at)];
}

function isIn(value: Dyn, of: Dyn): boolean | undefined {
  if (of === null || typeof of !== 'object' || of instanceof Uint8Array) return undefined;
  if (!('kind' in of)) return of.some((one) => equalDyn(one, value));
  if (of.kind !== 'map' || !['string', 'bool', 'int', 'uint', 'double'].includes(kindOf(value))) return undefined;
  return of.value.has(keyOf(value) ?? '');
}

/** Two numbers to order; an int beside a double becomes one, as the conformance suite has it (`lossy`). Equality is exact. */
function numbersOf(a: Dyn, b: Dyn): readonly [number | bigint | null, number | bigint | null] {
  const [x, y] = [numberOf(a), numberOf(b)];
  return typeof x === typeof y || x === null || y === null ? [x, y] : [Number(x), Number(y)];
}

function numberOf(value: Dyn): number | bigint | null {
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  return value !== null && typeof value === 'object' && 'kind' in value && value.kind === 'uint' ? value.value : null;
}

function ordered(symbol: string, a: Dyn, b: Dyn): boolean | undefined {
  const [x, y] = numbersOf(a, b);
  if (x !== null && y !== null) return holds(symbol, orderOf(x, y));
  const order = kindOf(a) === kindOf(b) ? compared(a, b) : null;
  return order === null ? undefined : holds(symbol, order);
}

const holds = (symbol: string, order: number): boolean =>
  (symbol.startsWith('<') ? order < 0 : order > 0) || (symbol.endsWith('=') && order === 0);

/** NaN where a NaN is among them: it has no order, and equals nothing. JavaScript orders a bigint and a number exactly. */
const orderOf = (x: number | bigint, y: number | bigint): number =>
  x < y ? -1 : x > y ? 1 : Number.isNaN(x) || Number.isNaN(y) ? Number.NaN : 0;

function compared(a: Dyn, b: Dyn): number | null {
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  if (typeof a === 'boolean') return Number(a) - Number(b);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return compareBytes(a, b);
  const [x, y] = [timeOf(a), timeOf(b)];
  return x === null || y === null ? null : orderOf(x, y);
}

function timeOf(value: Dyn): bigint | null {
  if (value === null || typeof value !== 'object' || !('kind' in value)) return null;
  return value.kind === 'duration' || value.kind === 'timestamp' ? value.value : null;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return (a[i] ?? 0) - (b[i] ?? 0);
  return a.length - b.length;
}

function arithmetic(symbol: string, a: Dyn, b: Dyn): Dyn | undefined {
  const kinds = `${kindOf(a)} ${symbol} ${kindOf(b)}`;
  if (typeof a === 'bigint' && typeof b === 'bigint') return whole(symbol, a, b, isInt64);
  if (typeof a === 'number' && typeof b === 'number') return real(symbol, a, b);
  if (kinds === `uint ${symbol} uint`) {
    const value = whole(symbol, numberOf(a) as bigint, numberOf(b) as bigint, isUint64);
    return value === undefined ? undefined : { kind: 'uint', value };
  }
  if (typeof a === 'string' && typeof b === 'string') return symbol === '+' ? a + b : undefined;
  if (kinds === 'bytes + bytes') return new Uint8Array([...(a as Uint8Array), ...(b as Uint8Array)]);
  if (kinds === 'list + list') return [...(a as readonly Dyn[]), ...(b as readonly Dyn[])];
  const time = times.get(kinds);
  const raw = time?.run(toRaw(a) ?? null, toRaw(b) ?? null);
  return time === undefined || raw === undefined ? undefined : fromRaw(raw, time.type);
}

const isUint64 = (value: bigint): boolean => BigInt.asUintN(64, value) === value;

function whole(symbol: string, a: bigint, b: bigint, fits: (value: bigint) => boolean): bigint | undefined {
  if ((symbol === '/' || symbol === '%') && b === 0n) return undefined;
  const value = symbol === '+' ? a + b : symbol === '-' ? a - b : symbol === '*' ? a * b : symbol === '/' ? a / b : a % b;
  return fits(value) ? value : undefined;
}

function real(symbol: string, a: number, b: number): number | undefined {
  if (symbol === '%') return undefined;
  return symbol === '+' ? a + b : symbol === '-' ? a - b : symbol === '*' ? a * b : a / b;
}

/** The overloads of times and durations, as the code of checked types has them. */
const times = new Map([...timed].map(([kinds, [type, js]]) => [kinds, { type, run: functionOf('x, y', js('x', 'y')) }]));
