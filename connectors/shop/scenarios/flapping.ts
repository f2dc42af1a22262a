import { ending, isDueToBegin, missed, usersJudged } from '../incident.ts';
import { usualWaits } from '../scenario.ts';
import type { Next, Scenario } from '../scenario.ts';
import type { Timeline } from '../timeline.ts';
import { slowReplica } from './gray-failure.ts';

/** As the rule's guard has it, in ten minutes; a test compares the two. */
export const transitionsMax = 6;

/** A square wave: when the fault is switched, ms after it began; it begins on. */
const fast = [2, 4, 6, 8, 10, 12, 14].map((s) => s * 1_000);
/** Slow enough for the rule to clear each time: a window of 5 s, and 4 s of keeping on. */
const slow = [25.5, 29.5, 41, 45, 56.5, 60.5].map((s) => s * 1_000);
const wave = [...fast, ...slow];
/** In the fast part the rule acts once and stays so; a little later than the last switch it has not cleared yet. */
const fastMs = 14_000 + 4_000;

/**
 * A fault that comes and goes. Fast, damping alone keeps the rule from following: what is left of c3's traffic still shows slow answers
 * and it stays avoided. Slow, each wave is an incident of its own, until the budget of changes is used up: then the table stays as it is.
 */
export const flapping: Scenario = {
  name: 'flapping',
  about: `c3 is slow every other moment: the table changes at most ${transitionsMax} times, however often the fault does`,
  rules: ['gray-failure'],
  begin: [slowReplica(true)],
  end: [slowReplica(false)],
  next,
  judge: (timeline, phases) => [
    ...missed(timeline, ['crossed', 'decided', 'published', 'accepted', 'observed', 'cleared']),
    ...waveJudged(timeline),
    ...usersJudged(timeline, phases),
  ],
  figures: (timeline) => ({ switches: wave.length + 1, tableChanges: tableChanges(timeline), refusals: timeline.refusals.length }),
  waits: { ...usualWaits, beforeMs: 5_000 },
  expect: { transitions: null, failedShareMax: 0.01, failedMax: 0, back: ['c3'] },
};

function next(timeline: Timeline, nowMs: number): Next {
  const { faultMs, liftedMs, deeds } = timeline;
  if (faultMs === null) return isDueToBegin(timeline, nowMs) ? 'inject' : 'wait';
  if (liftedMs !== null) return ending(timeline, nowMs);
  const at = wave[deeds.length];
  if (at === undefined || nowMs < faultMs + at) return 'wait';
  // Switched on with every second one; the last switches it off for good.
  return deeds.length === wave.length - 1 ? 'lift' : slowReplica(deeds.length % 2 === 1);
}

/** How often the sidecar began, or ceased, to hold an entry of the rule. */
const tableChanges = ({ standing }: Timeline): number => standing.length;

function waveJudged(timeline: Timeline): readonly string[] {
  const { faultMs, early, changes, transitions, refusals } = timeline;
  const reasons: string[] = [];
  if (early > 0) reasons.push(`${early} transitions before the fault: a false alarm`);
  const inFast = changes.filter(({ atMs, from, to }) => atMs <= (faultMs ?? 0) + fastMs && to === 'clear' && from !== 'pending').length;
  if (inFast > 0) reasons.push(`it cleared ${inFast} times while the fault came and went every 2 s`);
  const changed = tableChanges(timeline);
  if (changed > transitionsMax) reasons.push(`the table changed ${changed} times, the guard allows ${transitionsMax}`);
  if (transitions <= transitionsMax) reasons.push(`${transitions} transitions: the guard had nothing to do`);
  else if (refusals.length === 0) reasons.push('what the guard refused was not told');
  return reasons;
}
