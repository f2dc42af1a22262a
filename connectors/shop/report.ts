import type { Measured } from './measure.ts';
import { isSlow } from './scenarios.ts';
import { phasesOf, stageNames } from './timeline.ts';
import type { Phases, Timeline } from './timeline.ts';

/** How the run was set up, as shown: e.g. {bus: "nats", sidecar: "builtin", telemetry: "builtin", enforce: "builtin", database: "embedded"}. */
export type Setup = {
  readonly bus: string;
  readonly sidecar: string;
  readonly telemetry: string;
  readonly enforce: string;
  readonly database: string;
};

/** The outcome of a run; fields in the order printed. Stages in ms after the fault, one decimal; null: not reached. */
export type ScenarioReport = {
  readonly scenario: string;
  readonly ok: boolean;
  readonly faultAtMs: 0;
  readonly crossedMs: number | null;
  readonly decidedMs: number | null;
  readonly publishedMs: number | null;
  readonly acceptedMs: number | null;
  readonly observedMs: number | null;
  readonly recoveredMs: number | null;
  readonly clearedMs: number | null;
  /** From the end of the warm-up to the end of the run. */
  readonly requests: number;
  readonly failed: Phases<number>;
  readonly p99Ms: Phases<number | null>;
  readonly transitions: number;
  readonly revisions: number;
} & Setup;

/** What the run showed, and why it was not what it should be; no reasons: ok. Before the end of a run, what is known so far. */
export function reportOf(timeline: Timeline, setup: Setup): { readonly report: ScenarioReport; readonly reasons: readonly string[] } {
  const phases = phasesOf(timeline);
  const reasons = reasonsOf(timeline, phases);
  const after = (atMs: number | null): number | null =>
    atMs === null || timeline.faultMs === null ? null : tenth(atMs - timeline.faultMs);
  const { stages } = timeline;
  const report: ScenarioReport = {
    scenario: timeline.scenario.name,
    ok: reasons.length === 0,
    faultAtMs: 0,
    crossedMs: after(stages.crossed),
    decidedMs: after(stages.decided),
    publishedMs: after(stages.published),
    acceptedMs: after(stages.accepted),
    observedMs: after(stages.observed),
    recoveredMs: after(stages.recovered),
    clearedMs: after(stages.cleared),
    requests: phases.before.requests + phases.during.requests + phases.after.requests,
    failed: { before: phases.before.failed, during: phases.during.failed, after: phases.after.failed },
    p99Ms: { before: tenth(phases.before.p99Ms), during: tenth(phases.during.p99Ms), after: tenth(phases.after.p99Ms) },
    transitions: timeline.transitions,
    revisions: timeline.revisions.size,
    ...setup,
  };
  return { report, reasons };
}

function reasonsOf(timeline: Timeline, { before, during, after }: Phases<Measured>): readonly string[] {
  const { expect } = timeline.scenario;
  const reasons: string[] = [];
  if (timeline.faultMs === null) reasons.push('the fault was never injected');
  for (const name of stageNames) if (timeline.stages[name] === null) reasons.push(`never ${name}`);
  if (timeline.early > 0) reasons.push(`${timeline.early} transitions before the fault: a false alarm`);
  if (timeline.transitions !== expect.transitions) reasons.push(`${timeline.transitions} transitions, expected ${expect.transitions}`);
  if (expect.back.length > 0 && timeline.backMs === null) reasons.push(`${expect.back.join(', ')} did not get their share of traffic back`);
  if (before.failed > 0) reasons.push(`${before.failed} requests failed before the fault`);
  const failed = before.failed + during.failed + after.failed;
  if (expect.failedMax !== null && failed > expect.failedMax)
    reasons.push(`${failed} requests failed, expected at most ${expect.failedMax}`);
  if (after.requests > 0 && after.failed / after.requests > expect.failedShareMax) {
    reasons.push(`${after.failed} of ${after.requests} requests failed after recovery`);
  }
  if (before.p99Ms === null) reasons.push('no request before the fault');
  else if (after.p99Ms !== null && isSlow(after.p99Ms, before.p99Ms)) {
    reasons.push(`p99 after ${after.p99Ms.toFixed(1)} ms, before ${before.p99Ms.toFixed(1)} ms`);
  }
  return reasons;
}

function tenth(ms: number): number;
function tenth(ms: number | null): number | null;
function tenth(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 10) / 10;
}
