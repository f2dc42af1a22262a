import type { CelInput } from '@bufbuild/cel';
import type { FlyRecord } from '../../model/record.ts';
import type { Value } from '../../model/rule.ts';
import { baseBindings, bindRecord } from './bind.ts';
import type { Bindings } from './bind.ts';
import { aggregateNames, compile, compileAll, isInexact, rawOf, recordNames, valueFrom } from './compile/program.ts';
import type { Codes } from './compile/program.ts';
import type { Raw } from './compile/code.ts';
import { aggregateProgram, createCel, recordProgram } from './evaluate.ts';
import type { CelType, Checked } from './types.ts';
import { celTimestamp, scalarOf } from './value.ts';
import type { Scalar } from './value.ts';

/**
 * What a CEL<r> measures of a record; undefined: CEL's error, which is absence. Whole numbers (ints, durations and times in ns) are numbers
 * while a double holds them exactly, else bigints, so that equal values are always equal here.
 */
export type Measure = (record: FlyRecord) => Scalar | undefined;

/** A key as expressions see it. */
export type BoundKey = {
  /** `key` for the plain evaluator. */
  readonly bound: () => CelInput;
  /** Its columns for compiled code; null: one is an int beyond 2^53. */
  readonly raw: readonly Raw[] | null;
};

/** Several measures of one record, put into a list. */
export type Measures = (record: FlyRecord, out: (Scalar | undefined)[]) => void;

/** The value of a CEL<a> with its outermost aggregates handed in by position (null: without value); null: unknown. */
export type AggregateRun = (values: readonly (Value | null)[], key: BoundKey, nowNs: bigint) => Value | null;

/**
 * Whether a CEL<a> holds, of its values and key columns as compiled code takes them (undefined: without value), so that nothing is built for
 * a key whose verdict stays. undefined: unknown; null: it takes an AggregateRun to say.
 */
export type Condition = (raws: readonly (Raw | undefined)[], key: readonly Raw[], nowNs: bigint) => boolean | undefined | null;

type Column = { readonly name: string; readonly type: CelType };

/** Makes programs of expressions. The two ways of it give the same values: the plain one is the meaning, the compiled one is fast. */
export type Programs = {
  readonly record: (checked: Checked) => Measure;
  readonly records: (all: readonly Checked[]) => Measures;
  readonly aggregate: (checked: Checked, columns: readonly Column[]) => AggregateRun;
  readonly condition: (checked: Checked, columns: readonly Column[]) => Condition;
};

export function plainPrograms(): Programs {
  const cel = createCel();
  let last: FlyRecord | null = null;
  let bindings: Bindings = baseBindings();
  const measure = (checked: Checked): Measure => {
    const run = recordProgram(cel, checked);
    return (record) => {
      if (record !== last) bindings = bindRecord(record);
      last = record;
      const value = run(bindings);
      return value === null ? undefined : canonical(scalarOf(value));
    };
  };
  return {
    record: measure,
    records: (all) => each(all.map(measure)),
    aggregate: (checked) => {
      const { run } = aggregateProgram(cel, checked);
      return (values, { bound }, nowNs) => run(values, Object.assign(baseBindings(), { key: bound(), now: celTimestamp(nowNs) }));
    },
    condition: () => () => null,
  };
}

const each =
  (measures: readonly Measure[]): Measures =>
  (record, out) =>
    measures.forEach((measure, i) => (out[i] = measure(record)));

/** Ints are numbers while they are exact; the rare record for which they are not is judged by the plain evaluator. */
export function compiledPrograms(): Programs {
  const plain = plainPrograms();
  const codes: Codes = new Map();
  return {
    record: (checked) => {
      const exact = lazily(() => plain.record(checked));
      const run = compile<[FlyRecord]>(checked, 'r', recordNames);
      if (run === null) return exact();
      return (record) => {
        try {
          const raw = run(record);
          return typeof raw === 'object' || raw === undefined ? undefined : canonical(raw);
        } catch (error) {
          if (!isInexact(error)) throw error;
          return exact()(record);
        }
      };
    },
    records: (all) => {
      const exact = lazily(() => plain.records(all));
      const run = compileAll(all, recordNames);
      if (run === null) return exact();
      return (record, out) => {
        try {
          run(record, out);
        } catch (error) {
          if (!isInexact(error)) throw error;
          exact()(record, out);
        }
      };
    },
    aggregate: (checked, columns) => {
      const exact = lazily(() => plain.aggregate(checked, columns));
      const run = compile<[readonly (Raw | undefined)[], readonly Raw[], bigint]>(checked, 'v, k, now', aggregateNames(checked, columns));
      if (run === null) return exact();
      return (values, key, nowNs) => {
        const raw = rawValues(values);
        if (raw === null || key.raw === null) return exact()(values, key, nowNs);
        try {
          return valueFrom(run(raw, key.raw, nowNs), checked.type);
        } catch (error) {
          if (!isInexact(error)) throw error;
          return exact()(values, key, nowNs);
        }
      };
    },
    condition: (checked, columns) => {
      const run = compile<[readonly (Raw | undefined)[], readonly Raw[], bigint]>(
        checked,
        'v, k, now',
        aggregateNames(checked, columns),
        codes,
      );
      if (run === null) return () => null;
      return (raws, key, nowNs) => {
        try {
          const result = run(raws, key, nowNs);
          return typeof result === 'boolean' ? result : undefined;
        } catch (error) {
          if (!isInexact(error)) throw error;
          return null;
        }
      };
    },
  };
}

/** One form for each value; NaN is none. */
export function canonical(scalar: Scalar): Scalar | undefined {
  if (typeof scalar === 'number') return Number.isNaN(scalar) ? undefined : scalar + 0;
  if (typeof scalar !== 'bigint') return scalar;
  const number = Number(scalar);
  return Number.isSafeInteger(number) ? number : scalar;
}

/** undefined where there is no value; null: an int beyond 2^53 is among them. */
function rawValues(values: readonly (Value | null)[]): readonly (Raw | undefined)[] | null {
  const raw: (Raw | undefined)[] = [];
  for (const value of values) {
    const one = value === null ? undefined : rawOf(value);
    if (one === null) return null;
    raw.push(one);
  }
  return raw;
}

/** The columns of a key for BoundKey.raw. */
export function rawColumns(values: Iterable<Value>): readonly Raw[] | null {
  const raw = rawValues([...values]);
  return raw?.every((one) => one !== undefined) === true ? raw : null;
}

/** Made at the first use. */
export function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}
