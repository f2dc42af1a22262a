import { ending, incidentJudge, incidentNext } from '../incident.ts';
import { usualWaits } from '../scenario.ts';
import type { Next, Scenario } from '../scenario.ts';
import type { Timeline } from '../timeline.ts';
import { slowReplica } from './gray-failure.ts';

/** A standby leads so soon after the leader was lost (protocol.md section 4: lease and margin, and a commit). */
const leadsWithinMs = 6_500;
/** Then it is watched for more than a third of the lease, so that its renewals are seen to come. */
const watchMs = 12_000;

/** The leader is killed in mid-incident: the standby takes over, what is in force stays, and no request fails because of it. */
export const engineFailover: Scenario = {
  name: 'engine-failover',
  about: 'while c3 is slow and avoided, the engine that leads is killed: the other one takes over, and nobody notices',
  rules: ['gray-failure'],
  engines: 2,
  watch: 'leader',
  begin: [slowReplica(true)],
  end: [slowReplica(false), { kind: 'engine', is: true }],
  next,
  judge: (timeline, phases) => [...incidentJudge(timeline, phases), ...leadJudged(timeline)],
  figures: (timeline) => ({ ledAfterMs: ledAfter(timeline) }),
  waits: usualWaits,
  expect: { transitions: 2, failedShareMax: 0.01, failedMax: 0, back: ['c3'] },
};

function next(timeline: Timeline, nowMs: number): Next {
  const { deeds, liftedMs, ledMs } = timeline;
  const [killed] = deeds;
  if (killed === undefined) {
    const due = incidentNext(timeline, nowMs);
    return due === 'lift' ? { kind: 'engine', is: false } : due;
  }
  if (liftedMs !== null) return ending(timeline, nowMs);
  return nowMs >= (ledMs ?? killed.atMs + leadsWithinMs) + watchMs ? 'lift' : 'wait';
}

const ledAfter = ({ deeds: [killed], ledMs }: Timeline): number | null =>
  killed === undefined || ledMs === null ? null : Math.round(ledMs - killed.atMs);

function leadJudged(timeline: Timeline): readonly string[] {
  const { deeds: [killed], liftedMs, standing } = timeline; // prettier-ignore
  const after = ledAfter(timeline);
  if (killed === undefined) return ['the leader was never killed'];
  if (after === null) return ['no other engine ever led'];
  const left = standing.find(({ atMs, entries }) => entries === 0 && atMs >= killed.atMs && atMs < (liftedMs ?? Infinity));
  return [
    ...(after > leadsWithinMs ? [`the other engine led only ${after} ms after the kill, at most ${leadsWithinMs} are allowed`] : []),
    ...(left === undefined ? [] : [`what was in force left ${left.target} ${Math.round(left.atMs - killed.atMs)} ms after the kill`]),
  ];
}
