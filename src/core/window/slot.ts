import type { Raw } from '../cel/compile/code.ts';
import type { Scalar } from '../cel/value.ts';
import type { Value } from '../../model/rule.ts';
import type { CelType, PlainName } from '../cel/types.ts';
import type { Decimal } from './exact.ts';

/** One aggregate over a window of a selection, with what it needs there; shared by all rules that write it alike. */
export type Slot = {
  readonly id: string;
  readonly name: PlainName;
  readonly type: CelType;
  /** Of the argument; null where there is none. */
  readonly argumentKind: CelType['kind'] | null;
  /** Places in the selection; −1: none. */
  readonly window: number;
  readonly windowNs: bigint;
  readonly series: number;
  readonly keepers: readonly number[];
  readonly q: Decimal | null;
  /** `minimum.count` or `minimum.until`. */
  readonly least: number;
  /** Constants that a quantile is compared with, once for each rule that does: ns for durations. */
  readonly cuts: number[];
  /** Values by key, and the turn after the one in which each was read; 0: never. */
  readonly seen: (Value | null)[];
  /** The same for compiled code: undefined without value, null an int beyond 2^53. */
  readonly raws: (Raw | undefined)[];
  at: Int32Array;
  /** The same of a quantile for comparisons with the cuts alone (read.ts). */
  readonly sides: (number | undefined)[];
  sidedAt: Int32Array;
  users: number;
};

/** Gives a scalar its type back. */
export function wrapped(value: Scalar, kind: CelType['kind'] | null): Value {
  if (typeof value !== 'bigint' && typeof value !== 'number') return value;
  switch (kind) {
    case 'int':
      return BigInt(value);
    case 'duration':
      return { durationNs: BigInt(value) };
    case 'timestamp':
      return { timeNs: BigInt(value) };
    default:
      return value;
  }
}
