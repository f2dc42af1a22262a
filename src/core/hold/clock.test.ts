import { describe, expect, test } from 'vitest';
import { engineTime, readTime, startClock } from './clock.ts';

const wall = 1_700_000_000_000;
const contact = { theta: wall, contact: true };

describe('engine time', () => {
  test('before first contact it is the wall clock, not below the last time on disk', () => {
    expect(engineTime(startClock(wall, 500, 0), 600)).toBe(wall + 100);
    expect(engineTime(startClock(wall, 500, wall + 5_000), 600)).toBe(wall + 5_100);
  });

  test('the first quick answer sets it, however far off the wall clock was, and that is said', () => {
    const answer = { issued: wall - 3_600_000, atMs: 10, roundTripMs: 20 };
    expect(readTime(startClock(wall, 0, 0), answer)).toEqual({ clock: { theta: wall - 3_600_010, contact: true }, skewed: -3_600_010 });
  });

  test('before that, a head cannot drag it far: it may be an old one', () => {
    const guess = startClock(wall, 0, 0);
    expect(readTime(guess, { issued: wall + 60_000, atMs: 10, roundTripMs: null })).toEqual({ clock: guess, skewed: null });
    expect(readTime(guess, { issued: wall + 1_000, atMs: 0, roundTripMs: null }).clock.theta).toBe(wall + 1_000);
  });

  test('a slow answer to our nonce still says that it is at least so late', () => {
    const guess = startClock(wall, 0, 0);
    const { clock } = readTime(guess, { issued: wall + 60_000, atMs: 0, roundTripMs: 3_000 });
    expect(clock).toEqual({ theta: wall + 60_000, contact: false });
  });

  test('it is the greatest of what was measured: late messages do not lower it', () => {
    expect(readTime(contact, { issued: wall + 100, atMs: 0, roundTripMs: null }).clock.theta).toBe(wall + 100);
    expect(readTime(contact, { issued: wall, atMs: 1_500, roundTripMs: null })).toEqual({ clock: contact, skewed: null });
    expect(readTime(contact, { issued: wall, atMs: 1_500, roundTripMs: 1_001 })).toEqual({ clock: contact, skewed: null });
  });

  test('a quick answer lowers it', () => {
    expect(readTime(contact, { issued: wall, atMs: 1_500, roundTripMs: 1_000 }).clock.theta).toBe(wall - 1_500);
  });

  test('a step over skewMax is not followed, up or down, and reported', () => {
    expect(readTime(contact, { issued: wall + 2_001, atMs: 0, roundTripMs: null })).toEqual({ clock: contact, skewed: 2_001 });
    expect(readTime(contact, { issued: wall - 2_001, atMs: 0, roundTripMs: 5 })).toEqual({ clock: contact, skewed: -2_001 });
    expect(readTime(contact, { issued: wall + 2_000, atMs: 0, roundTripMs: null }).clock.theta).toBe(wall + 2_000);
  });
});
