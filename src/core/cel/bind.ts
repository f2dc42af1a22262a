import { celMap } from '@bufbuild/cel';
import type { CelInput } from '@bufbuild/cel';
import type { FlyRecord } from '../../model/record.ts';
import { grpcCodes } from '../../model/schema.ts';
import { celDuration, celTimestamp } from './value.ts';

/** The variables of an expression. Without a prototype, so that a name such as "constructor" finds nothing. */
export type Bindings = Record<string, CelInput>;

/** A record as CEL<r> sees it: nested maps that hold only what is present, ints as int, durations and times to the nanosecond. */
export function bindRecord(record: FlyRecord): Bindings {
  const bindings = baseBindings();
  bindings['time'] = celTimestamp(record.time);
  bindings['source'] = structOf(record.source);
  bindings['destination'] = structOf(record.destination);
  bindings['reporter'] = structOf(record.reporter);
  if (record.stream === 'flow') {
    bindings['flow'] = structOf(record.flow);
    return bindings;
  }
  bindings['rpc'] = structOf(record.rpc);
  bindings['request'] = structOf(record.request);
  bindings['response'] = structOf(record.response);
  bindings['applied'] = [...record.applied];
  return bindings;
}

/** What every expression sees: grpc.UNAVAILABLE … */
export function baseBindings(): Bindings {
  const bindings: Bindings = Object.create(null) as Bindings;
  bindings['grpc'] = grpc;
  return bindings;
}

const grpc = celMap(new Map([...grpcCodes].map(([name, code]) => [name, BigInt(code)])));

type Field = string | number | boolean | bigint | readonly string[] | ReadonlyMap<string, string> | undefined;

function structOf(fields: Readonly<Record<string, Field>>): CelInput {
  const present = new Map<string, CelInput>();
  for (const name in fields) {
    const value = fields[name];
    if (value !== undefined) present.set(name, fieldOf(value));
  }
  return celMap(present);
}

/** In a record every number is an int and every bigint a duration (src/model/record.ts). */
function fieldOf(value: Exclude<Field, undefined>): CelInput {
  if (typeof value === 'number') return BigInt(value);
  if (typeof value === 'bigint') return celDuration(value);
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  return value instanceof Map ? celMap(value) : [...value.values()];
}
