import { celMethod, CelScalar, objectType } from '@bufbuild/cel';
import type { CelFunc } from '@bufbuild/cel';
import { TimestampSchema } from '@bufbuild/protobuf/wkt';
import { nsOf } from './value.ts';
import { floorDivide } from '../../model/time.ts';

/** Time zones whose formatter is kept; more are made anew at each use. */
const zonesMax = 256;
const timestamp = objectType(TimestampSchema);

/**
 * getFullYear() … getMilliseconds() of a timestamp, in UTC or the zone given. The library's own read the machine's zone (an hour that a
 * daylight-saving change skips there comes out wrong) and put the first hour of a day into the next one.
 */
export function calendarFunctions(): readonly CelFunc[] {
  const read = createCalendar();
  return [...getters.keys()].flatMap((name) => [
    celMethod(name, timestamp, [], CelScalar.INT, function () {
      return BigInt(read(name, nsOf(this.message), 'UTC'));
    }),
    celMethod(name, timestamp, [CelScalar.STRING], CelScalar.INT, function (zone) {
      return BigInt(read(name, nsOf(this.message), zone));
    }),
  ]);
}

/** Reads a field of a time (ns) as a zone's wall clock shows it; throws RangeError for a zone that is none. */
export type Calendar = (getter: string, ns: bigint, zone: string) => number;

export function createCalendar(): Calendar {
  const zones = new Map<string, Intl.DateTimeFormat>();
  return (getter, ns, zone) => getters.get(getter)?.(wallClock(ns, zone, zones)) ?? Number.NaN;
}

const dayMs = 86_400_000;

const getters: ReadonlyMap<string, (wall: Date) => number> = new Map([
  ['getFullYear', (wall) => wall.getUTCFullYear()],
  ['getMonth', (wall) => wall.getUTCMonth()],
  ['getDate', (wall) => wall.getUTCDate()],
  ['getDayOfMonth', (wall) => wall.getUTCDate() - 1],
  ['getDayOfWeek', (wall) => wall.getUTCDay()],
  ['getDayOfYear', (wall) => Math.floor((wall.getTime() - new Date(wall).setUTCMonth(0, 1)) / dayMs)],
  ['getHours', (wall) => wall.getUTCHours()],
  ['getMinutes', (wall) => wall.getUTCMinutes()],
  ['getSeconds', (wall) => wall.getUTCSeconds()],
  ['getMilliseconds', (wall) => wall.getUTCMilliseconds()],
]);

/** The Date whose UTC fields are what a clock on the wall of that zone shows. */
function wallClock(ns: bigint, zone: string, zones: Map<string, Intl.DateTimeFormat>): Date {
  const ms = Number(floorDivide(ns, 1_000_000n));
  if (zone === 'UTC') return new Date(ms);
  const fixed = /^([+-]?)(\d\d):(\d\d)$/.exec(zone);
  if (fixed !== null) {
    const minutes = Number(fixed[2]) * 60 + Number(fixed[3]);
    return new Date(ms + (fixed[1] === '-' ? -minutes : minutes) * 60_000);
  }
  const fields = new Map(
    formatter(zone, zones)
      .formatToParts(ms)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const part = (type: Intl.DateTimeFormatPartTypes): number => fields.get(type) ?? 0;
  const wall = new Date(0);
  wall.setUTCFullYear(part('year'), part('month') - 1, part('day'));
  wall.setUTCHours(part('hour'), part('minute'), part('second'), ((ms % 1000) + 1000) % 1000);
  return wall;
}

function formatter(zone: string, zones: Map<string, Intl.DateTimeFormat>): Intl.DateTimeFormat {
  const known = zones.get(zone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  if (zones.size < zonesMax) zones.set(zone, made);
  return made;
}
