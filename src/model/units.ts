import type { Value } from './rule.ts';
import { fail, ok } from './problem.ts';
import type { Result } from './problem.ts';

/** Why a text is not the quantity it should be; the caller adds code and place. */
export type UnitProblem = { readonly what: string; readonly todo: string };

/** Longest text that is read as a quantity. */
export const quantityTextMax = 40;
/** Ten years: no duration of a rule is longer. */
export const durationNsMax = 3650n * 86_400_000_000_000n;

const unitsNs: ReadonlyMap<string, bigint> = new Map([
  ['d', 86_400_000_000_000n],
  ['h', 3_600_000_000_000n],
  ['m', 60_000_000_000n],
  ['s', 1_000_000_000n],
  ['ms', 1_000_000n],
  ['us', 1_000n],
  ['ns', 1n],
]);

const multiples: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['k', 1e3],
  ['M', 1e6],
  ['G', 1e9],
]);

const sizes: ReadonlyMap<string, number> = new Map([
  ['B', 1],
  ['KB', 1e3],
  ['MB', 1e6],
  ['GB', 1e9],
  ['TB', 1e12],
  ['KiB', 2 ** 10],
  ['MiB', 2 ** 20],
  ['GiB', 2 ** 30],
  ['TiB', 2 ** 40],
]);

const durationText = /^(\d{1,15})(?:\.(\d{1,12}))?(ns|us|µs|ms|s|m|h|d)$/;
const sizeText = /^(\d{1,15}(?:\.\d{1,12})?)([KMGT]?i?B)$/;
const rateText = /^(\d{1,15}(?:\.\d{1,12})?)(k|M|G|B|[KMGT]i?B)?\/(s|m|h|d)$/;
const percentText = /^(\d{1,3}(?:\.\d{1,12})?)(%?)$/;

/** DURATION: "250ms", "2s", "1.5h", "7d"; at most ten years, a whole number of ns. */
export function readDuration(text: string): Result<bigint, UnitProblem> {
  const found = durationText.exec(text);
  if (found === null) {
    const bare = /^\d{1,15}(\.\d+)?$/.test(text);
    return fail({
      what: `${quoted(text)} is not a duration`,
      todo: bare ? `add a unit: ${text}s or ${text}ms` : 'write it as 250ms, 2s, 5m or 1h',
    });
  }
  const [, whole = '', fraction = '', unit = ''] = found;
  const scaled = BigInt(whole + fraction) * (unitsNs.get(unit === 'µs' ? 'us' : unit) ?? 0n);
  const parts = 10n ** BigInt(fraction.length);
  if (scaled % parts !== 0n) return fail({ what: `${quoted(text)} is not a whole number of nanoseconds`, todo: 'use fewer digits' });
  const ns = scaled / parts;
  return ns <= durationNsMax ? ok(ns) : fail({ what: `${quoted(text)} is more than ten years`, todo: 'use a shorter duration' });
}

/** The shortest DURATION text that reads back as `ns`: "400ms", "1.5s", "2m"; exact for any value. */
export function showDuration(ns: bigint): string {
  if (ns === 0n) return '0s';
  const size = ns < 0n ? -ns : ns;
  let best = '';
  for (const [unit, unitNs] of unitsNs) {
    const text = size < unitNs ? null : decimal(size, unitNs);
    if (text !== null && (best === '' || text.length + unit.length < best.length)) best = text + unit;
  }
  return ns < 0n ? `-${best}` : best;
}

/** SIZE: "64KB" (1000), "1GiB" (1024) → bytes, a safe integer. */
export function readSize(text: string): Result<number, UnitProblem> {
  const found = sizeText.exec(text);
  const bytes = found === null ? NaN : Number(found[1]) * (sizes.get(found[2] ?? '') ?? NaN);
  return Number.isSafeInteger(bytes) ? ok(bytes) : fail({ what: `${quoted(text)} is not a size`, todo: 'write it as 64KB, 10MB or 1GiB' });
}

export type Rate = { /** Requests or bytes a second. */ readonly perSecond: number; readonly unit: 'requests' | 'bytes' };

/** RATE: "200/s", "10MB/s", "1k/m". */
export function readRate(text: string): Result<Rate, UnitProblem> {
  const found = rateText.exec(text);
  const [, count = '', suffix = '', per = ''] = found ?? [];
  const bytes = sizes.get(suffix);
  const each = bytes ?? multiples.get(suffix);
  if (found === null || each === undefined)
    return fail({ what: `${quoted(text)} is not a rate`, todo: 'write it as 200/s, 10MB/s or 1k/m' });
  const seconds = Number(unitsNs.get(per) ?? 1n) / 1e9;
  return ok({ perSecond: (Number(count) * each) / seconds, unit: bytes === undefined ? 'requests' : 'bytes' });
}

/** PERCENT: "5%" or "5" → 0 … 100. */
export function readPercent(text: string): Result<number, UnitProblem> {
  const found = percentText.exec(text);
  const value = found === null ? NaN : Number(found[1]);
  return value <= 100 ? ok(value) : fail({ what: `${quoted(text)} is not a percentage`, todo: 'write 0% to 100%' });
}

/** PERCENT as a share: "99.9%" → 0.999, the double nearest to the decimal as written. */
export function readShare(text: string): Result<number, UnitProblem> {
  const percent = readPercent(text);
  return percent.ok ? ok(Number(`${text.replace('%', '')}e-2`)) : percent;
}

/**
 * LITERAL (rules.md, settled point 15): an unquoted one is bool, int (bigint), double (number) or duration by its look, else string; a
 * quoted one is a string.
 */
export function readLiteral(text: string, isQuoted: boolean): Value {
  if (isQuoted) return text;
  if (text === 'true' || text === 'false') return text === 'true';
  if (/^-?\d{1,18}$/.test(text)) return BigInt(text);
  if (/^-?\d{1,15}\.\d{1,15}$/.test(text)) return Number(text);
  const duration = readDuration(text);
  if (duration.ok) return { durationNs: duration.value };
  const size = readSize(text);
  if (size.ok) return BigInt(size.value);
  const share = text.endsWith('%') ? readShare(text) : null;
  if (share?.ok) return share.value;
  const rate = readRate(text);
  return rate.ok ? rate.value.perSecond : text;
}

/** `size / unit` as decimal text, or null when it does not end within nine digits. */
function decimal(size: bigint, unit: bigint): string | null {
  const scaled = size * 1_000_000_000n;
  if (scaled % unit !== 0n) return null;
  const digits = (scaled / unit).toString().padStart(10, '0');
  const fraction = digits.slice(-9).replace(/0+$/, '');
  return digits.slice(0, -9) + (fraction === '' ? '' : `.${fraction}`);
}

const quoted = (text: string): string => `\`${text.length > quantityTextMax ? `${text.slice(0, quantityTextMax)}…` : text}\``;
