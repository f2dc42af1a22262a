import { evaluate } from './reading.ts';
import type { Instant } from './reading.ts';
import type { Held, KeyRun } from './run.ts';

/** What came of `expect`: its time is not over, it was met, or it was not and the intent stays or goes. */
export type Expected = 'met' | 'kept' | 'reverted' | null;

/**
 * Looks once, at the first instant `within` after the intent began, whether `that` is true (rules.md section 3.11); false and unknown are
 * the same. A revert withdraws what the key asks for until a person resumes it; its states go on as they would.
 */
export function afterWithin(instant: Instant, key: KeyRun, { sinceNs, expected, actions }: Held): Expected {
  const { run, t } = instant;
  const { expect } = run.compiled.rule;
  if (expect === null || run.that === null || expected !== null || actions === null || t < sinceNs + expect.withinNs) return expected;
  if (run.reverted.has(key.text)) return 'reverted';
  const isMet = evaluate(instant, key.id, run.that, true) === true;
  const outcome = isMet ? 'met' : expect.else === 'revert' ? 'reverted' : 'kept';
  if (outcome === 'reverted') run.reverted.set(key.text, t);
  instant.news.push({ kind: 'expected', key: key.text, outcome });
  return outcome;
}
