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

test('after the ramp the rate is the rate, and five in six check out: 312.5 a second', () => {
  const { ratePerS, rampMs, browseEvery } = defaultLoad;
  expect(dueBy({ ratePerS, rampMs }, rampMs + 2_000) - dueBy({ ratePerS, rampMs }, rampMs + 1_000)).toBe(375);
  const checkouts = Array.from({ length: 6_000 }, (_, n) => requestOf(n, browseEvery)).filter(({ path }) => path === '/checkout');
  expect((checkouts.length / 6_000) * ratePerS).toBe(312.5);
});
