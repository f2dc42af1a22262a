import { RE2JS } from '@bufbuild/re2';
import { celPatternMax, celPatternStepsMax } from '../bounds.ts';
import { createCalendar } from '../calendar.ts';
import { formOf } from '../compile/functions.ts';
import { functionOf } from '../compile/program.ts';
import * as library from '../library.ts';
import { patternSteps } from '../pattern.ts';
import { overloadsOf } from '../signatures.ts';
import { isInt64 } from '../value.ts';
import { fromRaw, kindOf, toRaw } from './value.ts';
import type { Dyn } from './value.ts';

export type DynCall = (args: readonly Dyn[]) => Dyn | undefined;

/** A function of the library by name and by how it is called, choosing its overload by what its arguments turn out to be; null: there is none. */
export function dynCall(name: string, style: 'global' | 'receiver'): DynCall | null {
  const known = overloadsOf(name, 'declared').some(({ receiver }) => (receiver === null) === (style === 'global'));
  if (!known) return null;
  const chosen = new Map<string, DynCall>();
  return (args) => {
    const kinds = args.map(kindOf).join(', ');
    const call = chosen.get(kinds) ?? overload(name, kinds);
    chosen.set(kinds, call);
    return call(args);
  };
}

const calendar = createCalendar();
const uintMax = 2n ** 64n;
const uint = (value: bigint | undefined): Dyn | undefined =>
  value === undefined || value < 0n || value >= uintMax ? undefined : { kind: 'uint', value };
const int = (value: bigint | undefined): Dyn | undefined => (value === undefined || !isInt64(value) ? undefined : value);
const valueOf = (value: Dyn | undefined): bigint => (value as { readonly value: bigint }).value;

/** A double without its fraction; the ends of the range are errors, since a double cannot say on which side of them it began. */
const truncated = (value: Dyn | undefined, least: number, most: number): bigint | undefined =>
  typeof value === 'number' && value > least && value < most ? BigInt(Math.trunc(value)) : undefined;

/** What code of checked types has no form for: ints as bigint, uint, bytes, types. */
const own: ReadonlyMap<string, DynCall> = new Map<string, DynCall>([
  ['size(bytes)', ([x]) => BigInt((x as Uint8Array).length)],
  ['size(list)', ([x]) => BigInt((x as readonly Dyn[]).length)],
  ['size(map)', ([x]) => BigInt((x as unknown as { readonly value: { readonly size: number } }).value.size)],
  ['int(int)', ([x]) => x],
  ['int(uint)', ([x]) => int(valueOf(x))],
  ['int(double)', ([x]) => truncated(x, -(2 ** 63), 2 ** 63)],
  ['int(string)', ([x]) => library.intFrom(x as string)],
  ['uint(uint)', ([x]) => x],
  ['uint(int)', ([x]) => uint(x as bigint)],
  ['uint(double)', ([x]) => uint(truncated(x, -Number.MIN_VALUE, 2 ** 64))],
  ['uint(string)', ([x]) => (/^\d{1,30}$/.test(x as string) ? uint(BigInt(x as string)) : undefined)],
  ['double(int)', ([x]) => Number(x as bigint)],
  ['double(uint)', ([x]) => Number(valueOf(x))],
  ['string(int)', ([x]) => String(x)],
  ['string(uint)', ([x]) => String(valueOf(x))],
  ['string(bytes)', ([x]) => textOf(x as Uint8Array)],
  ['bytes(bytes)', ([x]) => x],
  ['bytes(string)', ([x]) => new TextEncoder().encode(x as string)],
  ['timestamp(int)', ([x]) => time(library.timeFromSeconds(x as bigint))],
  ['clamp(int, int, int)', ([x, lo, hi]) => ((x as bigint) < (lo as bigint) ? lo : (x as bigint) > (hi as bigint) ? hi : x)],
  ['matches(string, string)', ([x, pattern]) => matches(x as string, pattern as string)],
]);

const time = (value: bigint | undefined): Dyn | undefined => (value === undefined ? undefined : { kind: 'timestamp', value });

function overload(name: string, kinds: string): DynCall {
  if (name === 'dyn') return ([x]) => x;
  if (name === 'type') return ([x]) => ({ kind: 'type', value: typeName(x ?? null) });
  const mine = own.get(`${name}(${kinds})`);
  if (mine !== undefined) return mine;
  if (/^get[A-Z]/.test(name) && /^timestamp(?:, string)?$/.test(kinds))
    return ([x, zone]) => attempt(() => BigInt(calendar(name, valueOf(x), typeof zone === 'string' ? zone : 'UTC')));
  const form = formOf(`${name}(${kinds})`);
  if (form === undefined) return () => undefined;
  const run = functionOf('x, y, z', form.js('x', 'y', 'z'));
  return (args) => {
    const raw = args.map(toRaw);
    const result = raw.includes(undefined) ? undefined : attempt(() => run(...raw.map((one) => one ?? null)));
    return result === undefined ? undefined : fromRaw(result, form.type);
  };
}

const typeNames: ReadonlyMap<string, string> = new Map([
  ['null', 'null_type'],
  ['duration', 'google.protobuf.Duration'],
  ['timestamp', 'google.protobuf.Timestamp'],
  ['ip', 'net.IP'],
  ['cidr', 'net.CIDR'],
]);

const typeName = (value: Dyn): string => typeNames.get(kindOf(value)) ?? kindOf(value);

const textOf = (bytes: Uint8Array): string | undefined =>
  attempt(() => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));

/** The pattern may only be known now, so its bound is kept here. */
function matches(text: string, pattern: string): boolean | undefined {
  if (pattern.length > celPatternMax || patternSteps(pattern, celPatternStepsMax) > celPatternStepsMax) return undefined;
  return attempt(() => RE2JS.compile(pattern).test(text));
}

/** What is called refuses some arguments by throwing (a zone that is none, bytes that are no text, a pattern); a function that throws is CEL's error. */
function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    const refuses = error instanceof RangeError || error instanceof TypeError || (error instanceof Error && error.name.startsWith('RE2'));
    if (refuses) return undefined;
    throw error;
  }
}
