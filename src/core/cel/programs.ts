import type { CelInput } from '@bufbuild/cel';
import type { FlyRecord } from '../../model/record.ts';
import type { Value } from '../../model/rule.ts';
import { baseBindings, bindRecord } from './bind.ts';
import type { Bindings } from './bind.ts';
import { aggregateNames, compile, isInexact, rawOf, recordNames, valueFrom } from './compile/program.ts';
import type { Raw } from './compile/code.ts';
import { aggregateProgram, createCel, recordProgram } from './evaluate.ts';
import type { CelType, Checked } from './types.ts';
import { celTimestamp } from './value.ts';

/** The value of a CEL<r> for a record; null: CEL's error, which is absence. */
export type RecordProgram = (record: FlyRecord) => Value | null;

/** A key as expressions see it. */
export type BoundKey = {
  /** `key` for the plain evaluator. */
  readonly bound: () => CelInput;
  /** Its columns for compiled code; null: one is an int beyond 2^53. */
  readonly raw: readonly Raw[] | null;
};

/** The value of a CEL<a> with its outermost aggregates handed in by position (null: without value); null: unknown. */
export type AggregateRun = (values: readonly (Value | null)[], key: BoundKey, nowNs: bigint) => Value | null;

type Column = { readonly name: string; readonly type: CelType };

/** Makes programs of expressions. The two ways of it give the same values: the plain one is the meaning, the compiled one is fast. */
export type Programs = {
  readonly record: (checked: Checked) => RecordProgram;
  readonly aggregate: (checked: Checked, columns: readonly Column[]) => AggregateRun;
};

export function plainPrograms(): Programs {
  const cel = createCel();
  let last: FlyRecord | null = null;
  let bindings: Bindings = baseBindings();
  return {
    record: (checked) => {
      const run = recordProgram(cel, checked);
      return (record) => {
        if (record !== last) bindings = bindRecord(record);
        last = record;
        return run(bindings);
      };
    },
    aggregate: (checked) => {
      const { run } = aggregateProgram(cel, checked);
      return (values, { bound }, nowNs) => run(values, Object.assign(baseBindings(), { key: bound(), now: celTimestamp(nowNs) }));
    },
  };
}

/** Ints are numbers while they are exact; the rare record for which they are not is judged by the plain evaluator. */
export function compiledPrograms(): Programs {
  const plain = plainPrograms();
  return {
    record: (checked) => {
      const exact = lazily(() => plain.record(checked));
      const run = compile<[FlyRecord]>(checked, 'r', recordNames);
      if (run === null) return exact();
      return (record) => {
        try {
          return valueFrom(run(record), checked.type);
        } catch (error) {
          if (!isInexact(error)) throw error;
          return exact()(record);
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
  };
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
