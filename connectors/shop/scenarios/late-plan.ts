import { ending, incidentJudge, incidentNext } from '../incident.ts';
import { usualWaits } from '../scenario.ts';
import type { Next, Scenario } from '../scenario.ts';
import type { Timeline } from '../timeline.ts';
import { slowReplica } from './gray-failure.ts';

/** After the incident everything is quiet for so long, then the old table comes, and is watched. */
const quietMs = 2_000;
const watchMs = 4_000;

/** A signed table of the incident arrives when the incident is over, as from a queue that was stuck: it is refused by its revision, and counted. */
export const latePlan: Scenario = {
  name: 'late-plan',
  about: 'when c3 is well again, the table that avoided it arrives once more, signed and late: it is refused',
  rules: ['gray-failure'],
  watch: 'refused',
  begin: [slowReplica(true)],
  end: [slowReplica(false)],
  next,
  judge: (timeline, phases) => [...incidentJudge(timeline, phases), ...lateJudged(timeline)],
  figures: ({ refusedOld }) => ({ refusedLate: refusedOld === null ? null : refusedOld.last - refusedOld.first }),
  waits: usualWaits,
  expect: { transitions: 2, failedShareMax: 0.01, failedMax: 0, back: ['c3'] },
};

function next(timeline: Timeline, nowMs: number): Next {
  const { deeds, stages, liftedMs } = timeline;
  if (liftedMs === null) return incidentNext(timeline, nowMs);
  const done = ending(timeline, nowMs);
  const [sent] = deeds;
  if (sent === undefined) {
    if (stages.cleared === null) return done;
    return nowMs >= stages.cleared + quietMs ? { kind: 'late', target: 'shop-checkout' } : 'wait';
  }
  return nowMs >= sent.atMs + watchMs ? done : 'wait';
}

function lateJudged({ deeds: [sent], refusedOld, standing }: Timeline): readonly string[] {
  if (sent === undefined) return ['nothing came late'];
  const came = standing.find(({ atMs, entries }) => atMs > sent.atMs && entries > 0);
  return [
    ...(refusedOld === null || refusedOld.last <= refusedOld.first ? ['the late table was not counted as refused'] : []),
    ...(came === undefined ? [] : ['the late table stands again']),
  ];
}
