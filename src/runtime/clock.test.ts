import { expect, test } from 'vitest';
import { seeded } from '../../test/conformance/tools.ts';
import { systemClock } from './clock.ts';
import { systemRandom } from './random.ts';

test('now is Date.now with a fraction, whatever the wall clock does', () => {
  const random = seeded(1);
  // A wall clock that runs a little fast or slow, is stepped at times, and shows whole ms only.
  let monotonic = 1_000;
  let wall = 1_700_000_000_000.3;
  const clock = systemClock({ wall: () => Math.floor(wall), monotonic: () => monotonic });
  let last = clock.now();
  let fractions = 0;
  for (let i = 0; i < 20_000; i++) {
    const ms = random.below(4_000) / 1_000;
    const step = random.below(500) === 0 ? random.below(20_000) - 10_000 : 0;
    monotonic += ms;
    wall += ms * (1 + (random.below(3) - 1) / 2_000) + step;
    const now = clock.now();
    expect(Math.floor(now)).toBe(Math.floor(wall));
    if (step === 0) expect(now).toBeGreaterThanOrEqual(last);
    if (now !== Math.floor(now)) fractions++;
    last = now;
  }
  expect(fractions).toBeGreaterThan(15_000);
});

test('the real one agrees with Date.now, and its fraction moves', () => {
  const clock = systemClock();
  const seen = new Set<number>();
  for (let i = 0; i < 2_000; i++) {
    const before = Date.now();
    const now = clock.now();
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThan(Date.now() + 1);
    seen.add(now);
  }
  expect(seen.size).toBeGreaterThan(100);
  const a = clock.monotonic();
  expect(clock.monotonic()).toBeGreaterThanOrEqual(a);
});

test('after calls once, not early, and not when cancelled', async () => {
  const clock = systemClock();
  const began = clock.monotonic();
  clock.after(5, () => expect.unreachable())();
  await new Promise<void>((resolve) => clock.after(10.5, resolve));
  expect(clock.monotonic() - began).toBeGreaterThanOrEqual(10.4);
  // Longer than a timer of Node's can be: it must not fire at once.
  const cancel = clock.after(2 ** 33, () => expect.unreachable());
  await new Promise<void>((resolve) => clock.after(5, resolve));
  cancel();
});

test('each keeps to its grid, leaves out what was missed, and may be cancelled from inside', async () => {
  const clock = systemClock();
  const began = clock.monotonic();
  const beats: number[] = [];
  await new Promise<void>((resolve) => {
    const cancel = clock.each(10, () => {
      beats.push(clock.monotonic() - began);
      if (beats.length === 2) while (clock.monotonic() - began < 57);
      if (beats.length === 5) {
        cancel();
        resolve();
      }
    });
  });
  const count = beats.length;
  await new Promise<void>((resolve) => clock.after(30, resolve));
  expect(beats.length).toBe(count);
  // Never early; the third came late, and what was missed between did not come in a burst.
  for (const [i, least] of [10, 20, 57, 60, 70].entries()) expect(beats[i]).toBeGreaterThanOrEqual(least);
});

test('random integers and bytes', () => {
  const seen = new Set(Array.from({ length: 500 }, () => systemRandom.integer(4)));
  expect([...seen].sort()).toEqual([0, 1, 2, 3]);
  expect(systemRandom.integer(1)).toBe(0);
  for (const below of [2 ** 48, 2 ** 48 - 1]) expect(systemRandom.integer(below)).toBeLessThan(below);
  for (const below of [0, -1, 1.5, 2 ** 49, Number.NaN]) expect(() => systemRandom.integer(below)).toThrow(/random integer/);
  expect(systemRandom.hex(16)).toMatch(/^[0-9a-f]{32}$/);
  expect(systemRandom.hex(0)).toBe('');
});
