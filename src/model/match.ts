import { attributeOf, type Facts } from './facts.ts';
import type { Match } from './table.ts';
import { checkOf } from './test.ts';

/**
 * A match made ready: patterns compiled once, paths resolved once; keep the function as long as the match. (A cache by pattern would need
 * a bound and a place to live; whoever holds a table holds its matchers.) A path that no engine knows is always absent.
 * Errors: throws as checkOf does.
 */
export function matcher(match: Match): (facts: Facts) => boolean {
  const parts = Object.entries(match).map(([path, tests]) => ({
    read: attributeOf(path)?.read ?? absent,
    checks: tests.map(checkOf),
  }));
  return (facts) =>
    parts.every(({ read, checks }) => {
      const value = read(facts);
      return checks.every((check) => check(value));
    });
}

/** Whether every test of the match holds for what is known before the fact. */
export const holds = (match: Match, facts: Facts): boolean => matcher(match)(facts);

const absent = (): undefined => undefined;
