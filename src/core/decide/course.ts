import type { KeyState, Verdict } from '../../model/rule.ts';

/** Where a key stands in the states of rules.md section 3.10, and the times that decide what comes next. All in ns. */
export type Course = {
  readonly state: KeyState;
  readonly verdict: Verdict;
  /** pending: t₀, since when `when` held; clearing: t₁, since when `until` held; else without meaning. */
  readonly streakNs: bigint;
  /** The instant of the last firing. */
  readonly firedNs: bigint;
  /** The lease that the present or the next firing gets; above `lease` it is doubled. */
  readonly leaseNs: bigint;
  /** firing and clearing: where the lease ends; else without meaning. */
  readonly leaseEndNs: bigint;
  /** The last clear: when firing or clearing was left; null: never. */
  readonly clearedNs: bigint | null;
  /** Why the last change of state happened, when no condition brought it. */
  readonly reason: 'lease' | 'expires' | 'resume' | null;
};

export type Timing = {
  readonly forNs: bigint;
  readonly keepFiringForNs: bigint;
  readonly leaseNs: bigint;
  readonly leaseMaxNs: bigint;
  readonly cooldownNs: bigint;
  readonly latch: boolean;
};

export const newCourse = ({ leaseNs }: Pick<Timing, 'leaseNs'>): Course => ({
  state: 'clear',
  verdict: 'unknown',
  streakNs: 0n,
  firedNs: 0n,
  leaseNs,
  leaseEndNs: 0n,
  clearedNs: null,
  reason: null,
});

export const isInForce = ({ state }: Pick<Course, 'state'>): boolean => state === 'firing' || state === 'clearing';

/** One instant: at most one change of state. `verdict` is of `when` in clear and pending, of `until` turned round in firing and clearing. */
export function stepCourse(course: Course, verdict: Verdict, t: bigint, timing: Timing): Course {
  // What most keys in force go through at most instants.
  if (course.state === 'firing' && verdict === 'holds') return said(course, verdict, t + course.leaseNs);
  const judged = said(course, verdict, course.leaseEndNs);
  switch (course.state) {
    case 'clear':
      if (verdict !== 'holds' || isCooling(course, t, timing)) return judged;
      return timing.forNs === 0n ? fire(judged, t, timing) : { ...judged, state: 'pending', streakNs: t };
    case 'pending':
      if (verdict !== 'holds') return { ...judged, state: 'clear' };
      return t - course.streakNs >= timing.forNs ? fire(judged, t, timing) : judged;
    case 'firing':
    case 'clearing':
      // Only a person ends it, so it asks to go on whatever is known.
      if (timing.latch) return { ...judged, state: 'firing', leaseEndNs: t + course.leaseNs };
      return verdict === 'unknown' ? endure(judged, t, timing) : goOn(judged, t, timing);
  }
}

/** Field by field: this is done for each key in force at each instant, and a spread takes ten times as long. */
const said = ({ state, streakNs, firedNs, leaseNs, clearedNs }: Course, verdict: Verdict, leaseEndNs: bigint): Course => ({
  state,
  verdict,
  streakNs,
  firedNs,
  leaseNs,
  leaseEndNs,
  clearedNs,
  reason: null,
});

/** At or after `expires`: every key not clear becomes clear, unknown. */
export const expireCourse = (course: Course, t: bigint): Course => ({
  ...course,
  state: 'clear',
  verdict: 'unknown',
  clearedNs: t,
  reason: 'expires',
});

/** A person ended what was latched. */
export const resumeCourse = (course: Course, verdict: Verdict, t: bigint): Course => ({
  ...course,
  state: 'clear',
  verdict,
  clearedNs: t,
  reason: 'resume',
});

/** Whether a clear key may be forgotten once its window is empty: not in cooldown, and not while its next lease is doubled. */
export const mayForget = (course: Course, t: bigint, timing: Timing): boolean =>
  course.state === 'clear' && !isCooling(course, t, timing) && leaseAt(course, t, timing) === timing.leaseNs;

/** The next time after `t` at which this course changes or is forgotten though its verdict stays; null: never. */
export function nextTimer(course: Course, t: bigint, timing: Timing): bigint | null {
  if (course.state === 'pending') return course.streakNs + timing.forNs;
  if (isInForce(course) && course.verdict === 'unknown') return course.leaseEndNs;
  if (course.state === 'clearing') return course.streakNs + timing.keepFiringForNs;
  if (course.state !== 'clear' || course.clearedNs === null) return null;
  const ends = [course.clearedNs + timing.cooldownNs, course.clearedNs + course.leaseNs].filter((end) => end > t);
  return ends.length === 0 ? null : ends.reduce((a, b) => (a < b ? a : b));
}

function isCooling({ clearedNs }: Course, t: bigint, { cooldownNs }: Timing): boolean {
  return clearedNs !== null && t < clearedNs + cooldownNs;
}

/** A doubled lease is the plain one again for a firing that starts that long after the last clear (settled point 12). */
function leaseAt({ leaseNs, clearedNs }: Course, t: bigint, timing: Timing): bigint {
  return clearedNs !== null && t - clearedNs >= leaseNs ? timing.leaseNs : leaseNs;
}

function fire(course: Course, t: bigint, timing: Timing): Course {
  const leaseNs = leaseAt(course, t, timing);
  return { ...course, state: 'firing', firedNs: t, leaseNs, leaseEndNs: t + leaseNs };
}

/** An unknown instant in firing or clearing: the streak breaks, and the lease is not renewed. */
function endure(course: Course, t: bigint, timing: Timing): Course {
  if (t < course.leaseEndNs) return { ...course, state: 'firing' };
  const doubled = course.leaseNs * 2n;
  const bounded = doubled < timing.leaseMaxNs ? doubled : timing.leaseMaxNs;
  const leaseNs = bounded > timing.leaseNs ? bounded : timing.leaseNs;
  return { ...course, state: 'clear', reason: 'lease', clearedNs: t, leaseNs };
}

/** A known instant in firing or clearing renews the lease. */
function goOn(course: Course, t: bigint, timing: Timing): Course {
  const renewed: Course = { ...course, leaseEndNs: t + course.leaseNs };
  if (course.verdict === 'holds') return { ...renewed, state: 'firing' };
  if (course.state === 'firing' && timing.keepFiringForNs > 0n) return { ...renewed, state: 'clearing', streakNs: t };
  const isOver = course.state === 'firing' || t - course.streakNs >= timing.keepFiringForNs;
  return isOver ? { ...renewed, state: 'clear', clearedNs: t } : renewed;
}
