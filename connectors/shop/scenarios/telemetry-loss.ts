import { ending, incidentNext, missed, transitionsJudged, usersJudged } from '../incident.ts';
import { usualWaits } from '../scenario.ts';
import type { Deed, Next, Scenario } from '../scenario.ts';
import type { Timeline } from '../timeline.ts';
import { slowReplica } from './gray-failure.ts';

const reporting = (is: boolean): Deed => ({ kind: 'telemetry', target: 'shop-checkout', is });

/** As the rule has it; a test compares the two. */
export const leaseMs = 30_000;
/** Until the last known value has left the rule's window. */
const unknownMaxMs = 12_000;
/** The lease runs from the last known verdict, and a table takes its time. */
const slackMs = 3_000;
/** What was under way when the fault was lifted is not to be reported as news. */
const drainMs = 1_000;

/**
 * The source dies in mid-incident. Nothing is known then, and nothing known is no reason to act, nor to cease acting: the verdict is
 * unknown, what stands is held, until its lease ends and the entry goes by itself.
 */
export const telemetryLoss: Scenario = {
  name: 'telemetry-loss',
  about: 'while c3 is slow and avoided, the source that reports it dies: unknown, held, and gone with the end of the lease',
  rules: ['gray-failure'],
  begin: [slowReplica(true)],
  end: [slowReplica(false)],
  next,
  judge: (timeline, phases) => [
    ...missed(timeline, ['crossed', 'decided', 'published', 'accepted', 'observed', 'recovered']),
    ...transitionsJudged(timeline),
    ...stepsJudged(timeline),
    ...usersJudged(timeline, phases),
  ],
  figures: (timeline) => {
    const { lostMs, unknownMs, endedMs, goneMs } = stepsOf(timeline);
    const after = (ms: number | null): number | null =>
      ms === null || timeline.faultMs === null ? null : Math.round(ms - timeline.faultMs);
    return { lostMs: after(lostMs), unknownMs: after(unknownMs), leaseEndedMs: after(endedMs), goneMs: after(goneMs) };
  },
  waits: { ...usualWaits, beforeMs: 5_000 },
  expect: { transitions: 2, failedShareMax: 0.01, failedMax: 0, back: ['c3'] },
};

function next(timeline: Timeline, nowMs: number): Next {
  const { liftedMs, deeds } = timeline;
  const { lostMs, goneMs } = stepsOf(timeline);
  if (lostMs === null) {
    const due = incidentNext(timeline, nowMs);
    return due === 'lift' ? reporting(false) : due;
  }
  if (liftedMs === null) return goneMs !== null || nowMs >= lostMs + unknownMaxMs + leaseMs + slackMs ? 'lift' : 'wait';
  if (deeds.length < 2) return nowMs >= liftedMs + drainMs ? reporting(true) : 'wait';
  return ending(timeline, nowMs);
}

type Steps = { readonly [S in 'lostMs' | 'unknownMs' | 'endedMs' | 'goneMs']: number | null };

function stepsOf({ deeds, changes, standing }: Timeline): Steps {
  const lostMs = deeds[0]?.atMs ?? null;
  const since = lostMs === null ? [] : changes.filter(({ atMs }) => atMs >= lostMs);
  const unknownMs = since.find(({ to, verdict }) => to !== 'clear' && verdict === 'unknown')?.atMs ?? null;
  const endedMs = since.find(({ from, to }) => from !== 'clear' && to === 'clear')?.atMs ?? null;
  const goneMs = standing.find(({ atMs, entries }) => lostMs !== null && atMs >= lostMs && entries === 0)?.atMs ?? null;
  return { lostMs, unknownMs, endedMs, goneMs };
}

/** Each step in its turn: what did not come at all makes those after it moot. */
function stepsJudged(timeline: Timeline): readonly string[] {
  const { lostMs, unknownMs, endedMs, goneMs } = stepsOf(timeline);
  if (lostMs === null) return ['the source never died'];
  if (unknownMs === null) return ['the verdict never became unknown'];
  const reasons: string[] = [];
  if (unknownMs - lostMs > unknownMaxMs) reasons.push(`unknown only ${Math.round(unknownMs - lostMs)} ms after the source died`);
  if (endedMs === null) return [...reasons, 'the lease never ended'];
  const heldMs = endedMs - unknownMs;
  if (Math.abs(heldMs - leaseMs) > slackMs) reasons.push(`held for ${Math.round(heldMs)} ms, the lease is ${leaseMs} ms`);
  if (goneMs === null) return [...reasons, 'the entry never left the sidecar'];
  // The sidecar's own clock may end it a little before the engine says so; long before it was not held.
  if (Math.abs(goneMs - endedMs) > slackMs)
    reasons.push(`the entry left the sidecar ${Math.round(goneMs - endedMs)} ms after the lease ended`);
  return reasons;
}
