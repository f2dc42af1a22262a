import { ending, incidentJudge, incidentNext } from '../incident.ts';
import { usualWaits } from '../scenario.ts';
import type { Next, Scenario } from '../scenario.ts';
import type { Timeline } from '../timeline.ts';
import { slowReplica } from './gray-failure.ts';

/** The engine says within so long that targets have seen what the record lacks; and within so long of a person's word all is as it was. */
const behindMaxMs = 20_000;
const convergedMaxMs = 20_000;
/** A person thinks for a moment. */
const thinksMs = 2_000;

/**
 * The database goes back to a backup from before the incident, under a system that is in the middle of it. Targets have seen what the record lacks
 * now: that is said and nothing is committed, until a person accepts the older history; then every target is brought above what it had seen.
 */
export const restoredDatabase: Scenario = {
  name: 'restored-database',
  about: 'while c3 is slow and avoided, the database is restored from a backup: said, held, and after a person has accepted it all goes on',
  rules: ['gray-failure'],
  watch: 'record',
  begin: [slowReplica(true)],
  end: [slowReplica(false)],
  next,
  judge: (timeline, phases) => [...incidentJudge(timeline, phases), ...stepsJudged(timeline)],
  figures: (timeline) => {
    const { restoredMs, acceptedMs, behindMs, convergedMs } = stepsOf(timeline);
    return { behindAfterMs: apart(restoredMs, behindMs), convergedAfterMs: apart(acceptedMs, convergedMs) };
  },
  waits: usualWaits,
  expect: { transitions: 2, failedShareMax: 0.01, failedMax: 0, back: ['c3'] },
};

function next(timeline: Timeline, nowMs: number): Next {
  const { startMs, faultMs, liftedMs, deeds } = timeline;
  const { restoredMs, acceptedMs, behindMs, convergedMs } = stepsOf(timeline);
  if (startMs === null || liftedMs !== null) return liftedMs === null ? 'wait' : ending(timeline, nowMs);
  if (deeds.length === 0) return nowMs >= startMs + usualWaits.warmMs / 2 ? { kind: 'database', what: 'backup' } : 'wait';
  if (faultMs === null || restoredMs === null) {
    const due = incidentNext(timeline, nowMs);
    return due === 'lift' ? { kind: 'database', what: 'restore' } : due;
  }
  if (acceptedMs === null) return nowMs >= (behindMs ?? restoredMs + behindMaxMs) + thinksMs ? { kind: 'accept' } : 'wait';
  return nowMs >= (convergedMs ?? acceptedMs + convergedMaxMs) + usualWaits.holdMs ? 'lift' : 'wait';
}

type Steps = { readonly [S in 'restoredMs' | 'acceptedMs' | 'behindMs' | 'convergedMs']: number | null };

function stepsOf({ deeds, record }: Timeline): Steps {
  const [, restored, accepted] = deeds;
  const after = (atMs: number | undefined, isBehind: boolean): number | null =>
    atMs === undefined ? null : (record.find((one) => one.atMs > atMs && one.isBehind === isBehind)?.atMs ?? null);
  return {
    restoredMs: restored?.atMs ?? null,
    acceptedMs: accepted?.atMs ?? null,
    behindMs: after(restored?.atMs, true),
    convergedMs: after(accepted?.atMs, false),
  };
}

const apart = (from: number | null, to: number | null): number | null => (from === null || to === null ? null : Math.round(to - from));

function stepsJudged(timeline: Timeline): readonly string[] {
  const { restoredMs, behindMs, convergedMs } = stepsOf(timeline);
  if (restoredMs === null) return ['the database was never restored'];
  if (behindMs === null) return ['nobody said that targets have seen what the record lacks'];
  return convergedMs === null ? ['the targets did not come to hold what the record has'] : [];
}
