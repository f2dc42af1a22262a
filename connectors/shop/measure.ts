import type { LoadReport } from './messages.ts';

/** What the load generator saw over an interval. */
export type Measured = {
  readonly requests: number;
  /** Failed, or not even sent because too many were unanswered. */
  readonly failed: number;
  /** The 99th percentile (nearest rank) of each second, and of those the median, ms; null without a request. */
  readonly p99Ms: number | null;
};

const second = 1_000;

/**
 * Sums up the reports with from < atMs ≤ to. Reports are whole: an interval is as sharp as reportEveryMs. A replica that is slow is slow
 * in every second; a machine that stood still for a moment, as shared ones do, spoils the one second it did so in.
 */
export function measure(reports: readonly LoadReport[], fromMs: number, toMs: number): Measured {
  const within = reports.filter(({ atMs }) => atMs > fromMs && atMs <= toMs);
  const requests = within.reduce((sum, { latenciesUs, dropped }) => sum + latenciesUs.length + dropped, 0);
  const failed = within.reduce((sum, report) => sum + report.failed + report.dropped, 0);
  return { requests, failed, p99Ms: median(bySecond(within).map((latencies) => quantileMs(latencies, 99))) };
}

/** From the first report on; what is left over at the end belongs to the last whole second. */
function bySecond(reports: readonly LoadReport[]): readonly (readonly number[])[] {
  const [first] = reports;
  const last = reports.at(-1);
  if (first === undefined || last === undefined) return [];
  const whole = Math.max(1, Math.floor((last.atMs - first.atMs + slackMs) / second));
  const seconds = Array.from({ length: whole }, (): number[] => []);
  for (const { atMs, latenciesUs } of reports) {
    const at = seconds[Math.min(whole - 1, Math.floor((atMs - first.atMs) / second))];
    for (const latency of latenciesUs) at?.push(latency);
  }
  return seconds;
}

/** Ten reports span nine intervals, and timers are late: still a second. */
const slackMs = 150;

function median(values: readonly (number | null)[]): number | null {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}

/** Nearest rank: sorted[ceil(percent/100 · n) − 1], µs in, ms out. */
export function quantileMs(latenciesUs: readonly number[], percent: number): number | null {
  const sorted = Float64Array.from(latenciesUs).sort();
  const us = sorted[Math.max(1, Math.ceil((percent * sorted.length) / 100)) - 1];
  return us === undefined ? null : us / 1_000;
}
