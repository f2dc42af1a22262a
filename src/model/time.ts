const secondNs = 1_000_000_000n;
/** 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999999Z: the range of CEL's timestamps. */
const timeMinNs = -62_135_596_800n * secondNs;
const timeMaxNs = 253_402_300_800n * secondNs - 1n;

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/** RFC 3339 with a zone and up to nine digits of fraction, as ns since 1970 UTC; null when it is none (leap seconds included) or out of range. */
export function parseTime(text: string): bigint | null {
  const m = rfc3339.exec(text);
  if (m === null) return null;
  const part = (i: number): number => Number(m[i] ?? '0');
  const [year, month, day, hour, minute, second, zoneHour, zoneMinute] = [1, 2, 3, 4, 5, 6, 9, 10].map(part) as Eight;
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return null;
  if (hour > 23 || minute > 59 || second > 59 || zoneHour > 23 || zoneMinute > 59) return null;
  const zone = (m[8] === '-' ? -1 : 1) * (zoneHour * 3600 + zoneMinute * 60);
  const seconds = daysSince1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - zone;
  const ns = BigInt(seconds) * secondNs + BigInt((m[7] ?? '').padEnd(9, '0'));
  return ns < timeMinNs || ns > timeMaxNs ? null : ns;
}

type Eight = [number, number, number, number, number, number, number, number];

/** RFC 3339 in Z without trailing zeros, e.g. "2026-11-23T08:00:00.25Z". `ns` lies in the years 1 … 9999. */
export function formatTime(ns: bigint): string {
  const seconds = floorDivide(ns, secondNs);
  const fraction = (ns - seconds * secondNs).toString().padStart(9, '0').replace(/0+$/, '');
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return `${whole}${fraction === '' ? '' : `.${fraction}`}Z`;
}

/** Division that rounds towards minus infinity, so that instants before 1970 fall on the same raster. */
export function floorDivide(a: bigint, b: bigint): bigint {
  const q = a / b;
  return a % b !== 0n && a < 0n !== b < 0n ? q - 1n : q;
}

function daysIn(year: number, month: number): number {
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return month === 2 ? (leap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;
}

/** Days of the proleptic Gregorian calendar; Date.UTC would take the years 0 … 99 for 1900 … 1999. */
function daysSince1970(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const yearOfEra = y - era * 400;
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468;
}
