import { expect, test } from 'vitest';
import type { Alert } from '../model/alert.ts';
import { createHeart } from './heart.ts';

test('an alert always fires while the loop turns, and ends by itself after the last turn', () => {
  let nowMs = 1_000_000;
  const alerts: Alert[] = [];
  const clock = { now: () => nowMs, monotonic: () => nowMs, after: () => () => undefined, each: () => () => undefined };
  const notifier = { about: '', notify: (alert: Alert) => void alerts.push(alert), problem: () => null, stop: () => undefined };
  const heart = createHeart({ clock, notifier, holder: 'engine-1' });
  for (; nowMs < 1_090_000; nowMs += 100) heart.beat();
  expect(alerts.map(({ rule, key, startedAt }) => [rule, key, startedAt])).toEqual(Array(3).fill(['Watchdog', 'engine-1', 1_000_000]));
  // Each says when it ends, and the next comes well before that.
  expect(alerts.map(({ endedAt }) => endedAt)).toEqual([1_120_000, 1_150_000, 1_180_000]);
  expect(heart.lastAt()).toBe(1_089_900);
});
