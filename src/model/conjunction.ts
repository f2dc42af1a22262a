import { canon } from './canon.ts';
import { attributeOf } from './facts.ts';
import { mergeTests } from './merge.ts';
import { compareText } from './order.ts';
import type { Match, Test } from './table.ts';

/**
 * A match in normal form: tests of one attribute merged, attributes in code point order, nothing said twice.
 * null: no request or packet can match. Sound: null is never said of a match that something can match.
 */
export function normalise(match: Match): Match | null {
  return and(match, {});
}

/** Both at once, in normal form; null when nothing can match both. */
export function and(a: Match, b: Match): Match | null {
  const paths = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort(compareText);
  const merged = new Map<string, readonly Test[]>();
  for (const path of paths) {
    const all = [...(a[path] ?? []), ...(b[path] ?? [])];
    if (all.length === 0) continue;
    const tests = mergeTests(all);
    if (tests === null) return null;
    merged.set(path, tests);
  }
  return joinMembers(merged);
}

/**
 * Whether one request could match both. `maybe`: a regex, or several negations, keep us from deciding; whoever asks must be careful.
 * Sound both ways: never `no` when they can overlap, never `yes` when they cannot.
 */
export function overlap(a: Match, b: Match): 'yes' | 'no' | 'maybe' {
  const both = and(a, b);
  if (both === null) return 'no';
  return Object.values(both).every(surelyPossible) ? 'yes' : 'maybe';
}

/** Whether whatever matches `narrow` matches `wide` too; false when it cannot be told. Both in normal form. */
export function absorbs(wide: Match, narrow: Match): boolean {
  const both = and(wide, narrow);
  return both !== null && canon(both) === canon(narrow);
}

/** A member's test says something of its map: a header that is there needs headers, and without headers each header is absent. */
function joinMembers(merged: Map<string, readonly Test[]>): Match | null {
  for (const [path, tests] of merged) {
    const of = path.includes('[') ? (attributeOf(path)?.of ?? null) : null;
    const whole = of === null ? undefined : merged.get(of);
    if (of === null || whole === undefined) continue;
    const here = !isAbsent(tests);
    if (here && isAbsent(whole)) return null;
    if (!here && isAbsent(whole)) merged.delete(path);
    if (here && isPresent(whole)) merged.delete(of);
  }
  return Object.fromEntries(merged);
}

const isAbsent = (tests: readonly Test[]): boolean => tests.some((test) => 'present' in test && !test.present);
const isPresent = (tests: readonly Test[]): boolean => tests.every((test) => 'present' in test && test.present);

/** Whether some value surely passes all tests of one attribute, given in normal form. */
function surelyPossible(tests: readonly Test[]): boolean {
  if (tests.length === 1) return !tests.some((test) => 'regex' in test);
  const negated = tests.filter((test) => 'not' in test || 'notIn' in test);
  if (tests.some((test) => 'regex' in test)) return false;
  // A range keeps its ends (merge.ts), and a text long enough and made of other letters passes any finite list of exclusions …
  if (tests.some((test) => 'range' in test)) return tests.every((test) => 'range' in test || 'notIn' in test);
  if (tests.some((test) => 'cidr' in test)) return tests.length === 1;
  // … but a beginning or a part that must be there may clash with a negated one.
  return negated.length === 0 || negated.length === tests.length || negated.every((test) => 'notIn' in test);
}
