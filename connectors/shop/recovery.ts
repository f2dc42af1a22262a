import { measure } from './measure.ts';
import type { LoadReport } from './messages.ts';
import { isSlow } from './scenario.ts';
import type { Expectations } from './scenario.ts';

/** Users must be well for this long, so that one good moment in a bad stretch is no recovery. */
const steadyMs = 1_000;
/** Timers are late, never early: a second of reports may be a little short. */
const slackMs = 50;

/**
 * The start of the first second, not before the effect was observed, over which the gateway's p99 and error ratio were what they were
 * before the fault; null if there was none yet. ms since the epoch.
 */
export function recoveredAt(options: {
  readonly reports: readonly LoadReport[];
  /** "Before" is beforeFromMs → faultMs. */
  readonly beforeFromMs: number;
  readonly faultMs: number;
  readonly observedMs: number;
  readonly expect: Expectations;
}): number | null {
  const { reports, expect } = options;
  const before = measure(reports, options.beforeFromMs, options.faultMs);
  const last = reports.at(-1)?.atMs ?? 0;
  if (before.p99Ms === null) return null;
  const failedMax = share(before.failed, before.requests) + expect.failedShareMax;
  for (const [i, { atMs }] of reports.entries()) {
    if (atMs < options.observedMs) continue;
    if (last - atMs < steadyMs - slackMs) return null;
    const second = measure(reports.slice(i + 1, i + 1 + reportsPerWindowMax), atMs, atMs + steadyMs);
    const slow = second.p99Ms === null || isSlow(second.p99Ms, before.p99Ms);
    if (!slow && share(second.failed, second.requests) <= failedMax) return atMs;
  }
  return null;
}

const reportsPerWindowMax = 64;

const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);
