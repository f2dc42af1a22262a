import { describe, expect, test } from 'vitest';
import type { Line } from '../../model/record.ts';
import { parseLine } from '../../model/line.ts';
import { bindRecord } from './bind.ts';
import type { Bindings } from './bind.ts';
import { check } from './check.ts';
import { aggregateEnvironment, recordEnvironment } from './declare.ts';
import { aggregateProgram, createCel, recordProgram } from './evaluate.ts';
import { celTimestamp } from './value.ts';

const cel = createCel();

function bound(fields: object): Bindings {
  const line = parseLine(JSON.stringify({ stream: 'rpc', time: '2026-01-01T00:00:00.5Z', ...fields }));
  if (!line.ok) throw new Error(line.problem.what);
  return bindRecord(line.value as Extract<Line, { stream: 'rpc' }>);
}

const record = bound({
  source: { address: '10.1.2.3', labels: { a: 'b' } },
  destination: { address: '2001:db8::1', instance: 'c1', port: 443 },
  request: { size: 0, path: 'é😀', headers: { 'x-tenant': 't', constructor: 'c' } },
  response: { duration: '12.5ms', flags: ['UF'], code: 503 },
});

/** null: CEL's error. */
function run(text: string, bindings: Bindings = record): unknown {
  const checked = check(text, recordEnvironment(['rpc']));
  if (!checked.ok) throw new Error(`${text}: ${JSON.stringify(checked.problem)}`);
  return recordProgram(cel, checked.value)(bindings);
}

describe('a record in CEL', () => {
  test.each([
    ['request.size', 0n],
    ['request.attempt', null],
    ['has(request.attempt)', false],
    ['has(request.size)', true],
    ['has(request.headers)', true],
    ['has(response.grpc_status)', false],
    ['request.headers["x-tenant"]', 't'],
    ['request.headers["x-other"]', null],
    ['"x-tenant" in request.headers', true],
    ['request.headers["constructor"]', 'c'],
    ['request.headers["__proto__"]', null],
    ['has(source.labels) && source.labels.a == "b"', true],
    ['response.duration', { durationNs: 12_500_000n }],
    ['time', { timeNs: 1_767_225_600_500_000_000n }],
    ['response.failed', true],
    ['response.flags[0]', 'UF'],
    ['response.flags[1]', null],
    ['"UF" in response.flags', true],
    ['size(applied)', 0n],
    ['has(reporter.side)', false],
    ['false && request.attempt > 1', false],
    ['request.attempt > 1 && false', false],
    ['request.attempt > 1 || true', true],
    ['request.attempt > 1 || false', null],
    ['request.size / 0', null],
    ['9223372036854775807 + 1', null],
    ['response.code == grpc.UNAVAILABLE + 489', true],
    ['["a", "b"].exists(x, x == "b")', true],
    ['response.flags.all(f, f.startsWith("U"))', true],
    ['response.flags.map(f, f + "!")[0]', 'UF!'],
  ])('%s', (text, value) => expect(run(text)).toEqual(value));

  test('names of JavaScript are no names of a record', () => {
    expect(run('has(request.headers)', bound({ request: {} }))).toBe(false);
    expect(run('request.headers["toString"]', bound({ request: { headers: {} } }))).toBeNull();
  });
});

describe('functions', () => {
  test.each([
    ['3.0 * response.duration', { durationNs: 37_500_000n }],
    ['response.duration * 0.1', { durationNs: 1_250_000n }],
    ['response.duration / 2.0', { durationNs: 6_250_000n }],
    ['response.duration / d("5ms")', 2.5],
    ['d("1ns") * 0.5', { durationNs: 1n }],
    ['duration("-1ns") * 0.5', { durationNs: -1n }],
    ['d("1ns") * 0.49', { durationNs: 0n }],
    ['d("1h") * 1e300', null],
    ['d("1s") / 0.0', null],
    ['d("7d")', { durationNs: 604_800_000_000_000n }],
    ['duration("1h30m")', { durationNs: 5_400_000_000_000n }],
    ['clamp(5, 1, 3)', 3n],
    ['clamp(0.5, 1.0, 3.0)', 1],
    ['cidr("10.0.0.0/8").containsIP(source.address)', true],
    ['cidr("10.0.0.0/8").containsIP(destination.address)', false],
    ['cidr("2001:db8::/32").containsIP(ip("2001:DB8::5"))', true],
    ['cidr("10.0.0.0/8").containsCIDR("10.1.0.0/16")', true],
    ['cidr("10.1.0.0/16").containsCIDR(cidr("10.0.0.0/8"))', false],
    ['cidr("10.0.0.0/8").containsIP(request.path)', null],
    ['ip("2001:DB8:0:0::1") == ip(destination.address)', true],
    ['subnet(source.address, 24, 48)', '10.1.2.0/24'],
    ['subnet(destination.address, 24, 48)', '2001:db8::/48'],
    ['subnet(source.address, 0, 0)', '0.0.0.0/0'],
    ['subnet(request.path, 24, 48)', null],
    ['request.path.matches("^..$")', true],
    ['size(request.path)', 2n],
    ['"\\uFFFF" < "\\U00010000"', true],
    ['int(request.path)', null],
    ['int("0x1f")', null],
    ['double("")', null],
    ['double("1e3")', 1_000],
    ['duration(request.path)', null],
    ['timestamp(60) == timestamp("1970-01-01T00:01:00Z")', true],
    ['string(time)', '2026-01-01T00:00:00.5Z'],
    ['string(response.duration)', '0.0125s'],
  ])('%s', (text, value) => {
    const checked = check(text, recordEnvironment(['rpc']));
    // What the checker refuses as a constant that can only err need not be run.
    if (!checked.ok && checked.problem.every(({ code }) => code === 'E-CEL-VALUE')) expect(value).toBeNull();
    else expect(run(text)).toEqual(value);
  });
});

describe('the calendar, wherever this runs', () => {
  const now = (text: string): Bindings => ({ ...record, time: celTimestamp(BigInt(Date.parse(text)) * 1_000_000n) });
  test.each([
    // The first hour of a day belongs to that day.
    ['2025-12-31T23:00:00Z', 'time.getDate("Europe/Berlin")', 1n],
    ['2025-12-31T23:00:00Z', 'time.getFullYear("Europe/Berlin")', 2026n],
    ['2025-12-31T23:00:00Z', 'time.getHours("Europe/Berlin")', 0n],
    ['2025-12-31T23:00:00Z', 'time.getDayOfYear("Europe/Berlin")', 0n],
    ['2025-12-31T23:00:00Z', 'time.getDayOfYear()', 364n],
    // 02:30 UTC on a day on which Berlin skips the hour from 02:00.
    ['2026-03-29T02:30:00Z', 'time.getHours()', 2n],
    ['2026-03-29T00:59:59Z', 'time.getHours("Europe/Berlin")', 1n],
    ['2026-03-29T01:00:00Z', 'time.getHours("Europe/Berlin")', 3n],
    ['2026-07-01T00:00:00Z', 'time.getDayOfYear()', 181n],
    ['2026-01-04T12:00:00Z', 'time.getDayOfWeek()', 0n],
    ['2026-01-04T12:00:00Z', 'time.getMonth()', 0n],
    ['2026-01-04T12:00:00Z', 'time.getDayOfMonth()', 3n],
    ['2026-01-04T12:00:00Z', 'time.getDate()', 4n],
    ['2026-01-04T23:30:15.250Z', 'time.getHours("+01:00")', 0n],
    ['2026-01-04T23:30:15.250Z', 'time.getMinutes("-02:45")', 45n],
    ['2026-01-04T23:30:15.250Z', 'time.getSeconds("Asia/Kathmandu")', 15n],
    ['2026-01-04T23:30:15.250Z', 'time.getMinutes("Asia/Kathmandu")', 15n],
    ['2026-01-04T23:30:15.250Z', 'time.getMilliseconds("Asia/Kathmandu")', 250n],
  ])('%s: %s', (at, text, value) => expect(run(text, now(at))).toBe(value));
});

test('an aggregate without value is an error to CEL, wherever it stands', () => {
  const env = aggregateEnvironment({ streams: ['rpc'], columns: [], everyNs: 1_000_000_000n });
  const checked = check('count() > 1 ? [1, 2].exists(x, max(request.size) > x) : {"a": rate()}["a"] > 0.5', env);
  if (!checked.ok) throw new Error(JSON.stringify(checked.problem));
  const { aggregates, run: judge } = aggregateProgram(cel, checked.value);
  expect(aggregates.map(({ text }) => text)).toEqual(['count()', 'max(request.size)', 'rate()']);
  expect(judge([2n, 2n, null], {})).toBe(true);
  expect(judge([2n, 1n, null], {})).toBe(false);
  expect(judge([1n, null, 1.5], {})).toBe(true);
  expect(judge([1n, 5n, null], {})).toBeNull();
  expect(judge([null, 5n, 1.5], {})).toBeNull();
});
