import { describe, expect, test } from 'vitest';
import { seeded } from '../../test/golden/random.ts';
import { durationNsMax, readDuration, readLiteral, readPercent, readRate, readSize, showDuration } from './units.ts';

const value = <T>(read: { readonly ok: true; readonly value: T } | { readonly ok: false }): T | 'refused' =>
  read.ok ? read.value : 'refused';

test('what is shown reads back, and nothing shorter would', () => {
  const { below } = seeded(1);
  const units = [1n, 1_000n, 1_000_000n, 1_000_000_000n, 60_000_000_000n, 3_600_000_000_000n, 86_400_000_000_000n];
  for (let i = 0; i < 5_000; i++) {
    const ns = (BigInt(below(100_000)) * (units[below(units.length)] ?? 1n)) / BigInt(1 + below(4));
    if (ns > durationNsMax) continue;
    const text = showDuration(ns);
    expect(value(readDuration(text))).toBe(ns);
    expect(text.length).toBeLessThanOrEqual(`${ns}ns`.length);
    expect(showDuration(-ns)).toBe(ns === 0n ? '0s' : `-${text}`);
  }
});

test.each([
  [400_000_000n, '400ms'],
  [1_500_000_000n, '1.5s'],
  [120_000_000_000n, '2m'],
  [90_000_000_000n, '90s'],
  [86_400_000_000_000n, '1d'],
  [0n, '0s'],
  [1n, '1ns'],
  [12_500_000n, '12.5ms'],
])('%s ns is %s', (ns, text) => expect(showDuration(ns)).toBe(text));

describe('what is not a quantity is refused with what to write', () => {
  test.each(['', '5', '-1s', '1h30m', '1 s', '0.1ns', '1e3s', '4000d', 's', '1S', '9999999999999999s', '１s'])('duration %j', (text) => {
    const read = readDuration(text);
    expect(read.ok).toBe(false);
    if (!read.ok) expect(read.problem.todo).not.toBe('');
  });
  test.each(['10/s/s', '10', '10MB', '10 MB/s', '-1/s', '1k/ms', '10X/s'])('rate %j', (text) => expect(readRate(text).ok).toBe(false));
  test.each(['10', '10mb', '1.5B', '10KB/s', '99999999999TiB'])('size %j', (text) => expect(readSize(text).ok).toBe(false));
  test.each(['-1', '100.1', '101%', '5 %', '%', 'x'])('percent %j', (text) => expect(readPercent(text).ok).toBe(false));
});

test('rates, sizes and percentages of rules.md', () => {
  expect(value(readRate('200/s'))).toEqual({ perSecond: 200, unit: 'requests' });
  expect(value(readRate('10MB/s'))).toEqual({ perSecond: 10_000_000, unit: 'bytes' });
  expect(value(readRate('1k/m'))).toEqual({ perSecond: 1000 / 60, unit: 'requests' });
  expect(value(readSize('64KB'))).toBe(64_000);
  expect(value(readSize('1GiB'))).toBe(2 ** 30);
  expect(value(readPercent('5%'))).toBe(5);
  expect(value(readPercent('99.9'))).toBe(99.9);
});

test('a literal is typed by its look (settled point 15)', () => {
  const cases = ['true', '5', '10MB', '5.0', '5%', '200/s', '250ms', 'v2', '10.0.0.1'].map((text) => readLiteral(text, false));
  expect(cases).toEqual([true, 5n, 10_000_000n, 5, 0.05, 200, { durationNs: 250_000_000n }, 'v2', '10.0.0.1']);
  expect(readLiteral('5', true)).toBe('5');
});
