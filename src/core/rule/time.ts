import { fail, ok } from '../../model/problem.ts';
import type { Result } from '../../model/problem.ts';
import type { UnitProblem } from '../../model/units.ts';
import { isTimestamp } from '../cel/literals.ts';

const parts = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))$/;

/** TIME: RFC 3339 with a zone → ns since the epoch. */
export function readTime(text: string): Result<bigint, UnitProblem> {
  const found = isTimestamp(text) ? parts.exec(text) : null;
  if (found === null) return fail({ what: `\`${text.slice(0, 40)}\` is not a time`, todo: 'write it as 2026-01-31T12:00:00Z' });
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = found.slice(1, 7).map(Number);
  const days = daysSinceEpoch(year, month, day);
  const zone = (found[8] === '-' ? -60 : 60) * (Number(found[9] ?? 0) * 60 + Number(found[10] ?? 0));
  const seconds = ((days * 24 + hour) * 60 + minute) * 60 + second - zone;
  return ok(BigInt(seconds) * 1_000_000_000n + BigInt((found[7] ?? '').padEnd(9, '0')));
}

/** Days of the proleptic Gregorian calendar from 1970-01-01, years counted from March so that the leap day is the last. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const shifted = month > 2 ? year : year - 1;
  const era = Math.floor(shifted / 400);
  const ofEra = shifted - era * 400;
  const ofYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  return era * 146_097 + ofEra * 365 + Math.floor(ofEra / 4) - Math.floor(ofEra / 100) + ofYear - 719_468;
}
