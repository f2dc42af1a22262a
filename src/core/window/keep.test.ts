import { expect, test } from 'vitest';
import { generator } from '../../../test/replay/seeded.ts';
import { check } from '../cel/check.ts';
import { aggregateEnvironment } from '../cel/declare.ts';
import type { Scalar } from '../cel/value.ts';
import { addKept, countIn, createWindows, firstIn, isEmpty, slideTo } from './keep.ts';
import type { Kept } from './keep.ts';
import { layoutOf } from './layout.ts';
import { sortedAt } from './sorted.ts';

const checked = check(
  'sum(request.size) + sum(request.size, "7s") > max(request.size) + min(request.size, "3s") + distinct(request.size) && count(response.failed, "3s") > 0',
  aggregateEnvironment({ streams: ['rpc'], columns: [], everyNs: 1_000_000_000n }),
);
const layout = layoutOf(checked.ok ? checked.value.aggregates : [], 5_000_000_000n);

test('one argument over one window is kept once, whatever looks at it', () => {
  expect(layout.arguments).toHaveLength(2);
  expect(layout.windows).toEqual([5_000_000_000n, 7_000_000_000n, 3_000_000_000n]);
  expect(layout.longestNs).toBe(7_000_000_000n);
  expect(layout.series.map(({ argument, window, keeps }) => [argument, window, [...keeps].toSorted()])).toEqual([
    [0, 0, ['distinct', 'sorted', 'sum']],
    [0, 1, ['sum']],
    [0, 2, ['sorted']],
    [1, 2, ['trues']],
  ]);
});

test.each([1, 2, 3, 4, 5, 6])('what is kept is what counting anew gives, also with late records (seed %i)', (seed) => {
  const random = generator(seed);
  const windows = createWindows(layout);
  const all: Kept[] = [];
  let t = 0n;
  for (let step = 0; step < 400; step++) {
    for (let i = random.below(12); i > 0; i--) {
      // On a raster of half seconds, so that records meet each other and the ends of windows.
      const time = t + BigInt(random.below(20) - (random.chance(0.3) ? 18 : 0)) * 500_000_000n;
      const size: Scalar | null = random.chance(0.2) ? null : BigInt(random.below(5));
      const kept = { time: time < 0n ? 0n : time, values: [size, random.pick([true, false, null])] };
      all.push(kept);
      addKept(windows, kept);
    }
    // Everything read is earlier than the instant.
    t = [...all].reduce((latest, { time }) => (time >= latest ? time + 500_000_000n : latest), t + BigInt(random.below(4)) * 500_000_000n);
    slideTo(windows, t);
    layout.windows.forEach((length, window) => expect(countIn(windows, window)).toBe(all.filter(({ time }) => time >= t - length).length));
    for (const series of windows.series) {
      const { argument, window, keeps } = series.layout;
      const values = all.filter(({ time }) => time >= t - (layout.windows[window] ?? 0n)).map((kept) => kept.values[argument] ?? null);
      const known = values.filter((value) => value !== null);
      const numbers = known.filter((value) => typeof value === 'bigint');
      expect(series.errors).toBe(values.length - known.length);
      expect(series.trues).toBe(known.filter((value) => value === true).length);
      if (keeps.has('sum')) expect(series.sum).toBe(numbers.reduce((a, b) => a + b, 0n));
      if (keeps.has('sum')) expect(series.squares).toBe(numbers.reduce((a, b) => a + b * b, 0n));
      if (series.distinct !== null) expect(new Set(series.distinct.keys())).toEqual(new Set(known));
      const { sorted } = series;
      if (sorted !== null) expect(known.map((_, i) => sortedAt(sorted, i))).toEqual(numbers.toSorted((a, b) => Number(a - b)));
    }
    const oldest = all.filter(({ time }) => time >= t - 5_000_000_000n).toSorted((a, b) => Number(a.time - b.time))[0];
    expect(firstIn(windows, 0)?.time).toBe(oldest?.time);
    expect(isEmpty(windows)).toBe(!all.some(({ time }) => time >= t - layout.longestNs));
  }
});
