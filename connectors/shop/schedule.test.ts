import { expect, test } from 'vitest';
import { requestOf } from './generator.ts';
import { defaultLoad } from './messages.ts';
import { dueAt, dueBy } from './schedule.ts';

test.each([
  { ratePerS: 375, rampMs: 2_000 },
  { ratePerS: 1_000, rampMs: 0 },
  { ratePerS: 3, rampMs: 500 },
])('what is due by an instant are the arrivals due at or before it: %j', (schedule) => {
  for (let n = 0; n < 3_000; n++) {
    expect(dueBy(schedule, dueAt(schedule, n) + 1e-6)).toBe(n + 1);
    if (n > 0) {
      expect(dueBy(schedule, dueAt(schedule, n) - 1e-6)).toBe(n);
      expect(dueAt(schedule, n)).toBeGreaterThan(dueAt(schedule, n - 1));
    }
  }
});

test('after the ramp the rate is the rate, and more than 300 requests a second go to checkout', () => {
  const { ratePerS, rampMs } = defaultLoad;
  expect(dueBy({ ratePerS, rampMs }, rampMs + 2_000) - dueBy({ ratePerS, rampMs }, rampMs + 1_000)).toBe(ratePerS);
  const paths = Array.from({ length: 12_000 }, (_, n) => requestOf(n, defaultLoad).path);
  const shareOf = (path: string) => paths.filter((p) => p === path).length / paths.length;
  expect((shareOf('/checkout') + shareOf('/cart')) * ratePerS).toBeGreaterThan(300);
  expect(shareOf('/checkout')).toBeCloseTo(1 / 16, 2);
});
