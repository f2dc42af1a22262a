import { phasesOf } from './timeline.ts';
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
  /** What only this scenario has. */
  readonly figures?: Readonly<Record<string, number | null>>;
} & Setup;

/** What the run showed, and why it was not what it should be; no reasons: ok. Before the end of a run, what is known so far. */
export function reportOf(timeline: Timeline, setup: Setup): { readonly report: ScenarioReport; readonly reasons: readonly string[] } {
  const phases = phasesOf(timeline);
  const { judge, figures } = timeline.scenario;
  const reasons = judge(timeline, phases);
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
    ...(figures === undefined ? {} : { figures: figures(timeline) }),
    ...setup,
  };
  return { report, reasons };
}

function tenth(ms: number): number;
function tenth(ms: number | null): number | null;
function tenth(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 10) / 10;
}
