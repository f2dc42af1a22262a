import type { LoadReport } from './messages.ts';

/** What the load generator saw over an interval. */
export type Measured = {
  readonly requests: number;
  /** Failed, or not even sent because too many were unanswered. */
  readonly failed: number;
  /** Nearest rank, ms; null without a request. */
  readonly p99Ms: number | null;
};

/** Sums up the reports with from < atMs ≤ to. Reports are whole: an interval is as sharp as reportEveryMs. */
export function measure(reports: readonly LoadReport[], fromMs: number, toMs: number): Measured {
  const latencies: number[] = [];
  let failed = 0;
  let dropped = 0;
  for (const report of reports) {
    if (report.atMs <= fromMs || report.atMs > toMs) continue;
    for (const latency of report.latenciesUs) latencies.push(latency);
    failed += report.failed;
    dropped += report.dropped;
  }
  return { requests: latencies.length + dropped, failed: failed + dropped, p99Ms: quantileMs(latencies, 99) };
}

/** Nearest rank: sorted[ceil(percent/100 · n) − 1], µs in, ms out. */
export function quantileMs(latenciesUs: readonly number[], percent: number): number | null {
  const sorted = Float64Array.from(latenciesUs).sort();
  const us = sorted[Math.max(1, Math.ceil((percent * sorted.length) / 100)) - 1];
  return us === undefined ? null : us / 1_000;
}
