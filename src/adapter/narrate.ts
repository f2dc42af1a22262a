import type { Clock } from '../ports/clock.ts';

/** Lines of one key within this time are told once. */
const sameEveryMs = 10_000;
const keysMax = 128;

/** Tells each kind of event, but a repeated one seldom: a flood of forged messages is one line each ten seconds, and a counter. */
export function narrator(say: (line: string) => void, clock: Clock): (key: string, line: string) => void {
  const told = new Map<string, number>();
  return (key, line) => {
    const now = clock.monotonic();
    if (now - (told.get(key) ?? Number.NEGATIVE_INFINITY) < sameEveryMs) return;
    told.delete(key);
    told.set(key, now);
    const [oldest] = told.keys();
    if (told.size > keysMax && oldest !== undefined) told.delete(oldest);
    say(line);
  };
}
