import type { Measured } from './measure.ts';
import { isSlow } from './scenario.ts';
import type { Next } from './scenario.ts';
import { phasesOf, stageNames } from './timeline.ts';
import type { Phases, StageName, Timeline } from './timeline.ts';

/** The shape that most scenarios have: one fault, acted on until users are well, held for a while, lifted, and all action undone. */
export function incidentNext(timeline: Timeline, nowMs: number): Next {
  const { startMs, faultMs, liftedMs, stages } = timeline;
  const { waits } = timeline.scenario;
  if (startMs === null) return 'wait';
  if (faultMs === null) return isDueToBegin(timeline, nowMs) ? 'inject' : 'wait';
  if (liftedMs !== null) return ending(timeline, nowMs);
  return nowMs >= (stages.recovered === null ? faultMs + waits.recoverMaxMs : stages.recovered + waits.holdMs) ? 'lift' : 'wait';
}

export const isDueToBegin = ({ startMs, scenario: { waits } }: Timeline, nowMs: number): boolean =>
  startMs !== null && nowMs >= startMs + waits.warmMs + waits.beforeMs;

/** After the fault: until all action is undone, everybody has their share, and users are as well as before; but not for ever. */
export function ending(timeline: Timeline, nowMs: number): 'wait' | 'finish' {
  const { liftedMs, backMs, stages, scenario } = timeline;
  const { waits, expect } = scenario;
  const done = stages.cleared !== null && (backMs !== null || expect.back.length === 0);
  if (!done) return nowMs >= (liftedMs ?? nowMs) + waits.clearMaxMs ? 'finish' : 'wait';
  const doneMs = Math.max(stages.cleared ?? 0, backMs ?? 0);
  return isCalm(timeline) || nowMs >= doneMs + waits.calmMaxMs ? 'finish' : 'wait';
}

/** Whether users are as well after the incident as before it. */
function isCalm(timeline: Timeline): boolean {
  const { before, after } = phasesOf(timeline);
  return before.p99Ms === null || after.p99Ms === null || !isSlow(after.p99Ms, before.p99Ms);
}

export const incidentJudge = (timeline: Timeline, phases: Phases<Measured>): readonly string[] => [
  ...missed(timeline, stageNames),
  ...transitionsJudged(timeline),
  ...usersJudged(timeline, phases),
];

export function missed({ faultMs, stages }: Timeline, names: readonly StageName[]): readonly string[] {
  const never = names.filter((name) => stages[name] === null).map((name) => `never ${name}`);
  return faultMs === null ? ['the fault was never injected', ...never] : never;
}

export function transitionsJudged({ scenario: { expect }, early, transitions }: Timeline): readonly string[] {
  return [
    ...(early > 0 ? [`${early} transitions before the fault: a false alarm`] : []),
    ...(expect.transitions !== null && transitions !== expect.transitions ? [`${transitions} transitions, expected ${expect.transitions}`] : []),
  ]; // prettier-ignore
}

/** How users fared: shares, failures, p99. */
export function usersJudged({ scenario: { expect }, backMs }: Timeline, { before, during, after }: Phases<Measured>): readonly string[] {
  const reasons: string[] = [];
  if (expect.back.length > 0 && backMs === null) reasons.push(`${expect.back.join(', ')} did not get their share of traffic back`);
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
