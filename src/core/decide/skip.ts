import { nextChange } from '../window/advance.ts';
import { nextTurn } from '../window/liveness.ts';
import type { StreamLife } from '../window/liveness.ts';
import type { Stream } from '../../model/record.ts';
import { isInForce, nextTimer } from './course.ts';
import { nextNow } from './now.ts';
import type { RuleRun } from './run.ts';

type Lives = Readonly<Record<Stream, StreamLife>>;

/** Fewer instants than this are judged one by one: looking for what may change costs about as much as an instant. */
const skipMin = 4n;

/**
 * The instant to judge after `t`, which was judged just now; `last` is the time of the line that is about to be read.
 *
 * Every instant is judged, but when nothing can differ from the one before, its outcome is known: the verdict of a key depends only on the
 * records in its windows, the life of its stream and `now`; its state, if it did not change at `t`, changes with the same verdict only when a
 * time runs out. So instants before the first such event repeat the one at `t`, and all that they leave behind is a renewed lease.
 */
export function instantAfter(run: RuleRun, t: bigint, { last, life }: { readonly last: bigint; readonly life: Lives }): bigint {
  const { everyNs } = run.compiled.rule;
  const after = t + everyNs;
  // What other rules do, and when this one fired, changes without a record.
  if (!run.isQuiet || run.asksFor.length > 0 || run.firings !== null || isNear(everyNs, t, last)) return after;
  const event = nextEvent(run, t, life);
  const horizon = event === null || event > last ? last + 1n : event;
  const steps = (horizon - t + everyNs - 1n) / everyNs;
  if (steps <= 1n) return after;
  const target = t + steps * everyNs;
  renewLeases(run, target - everyNs);
  return target;
}

/** Whether so few instants lie before the line that each is judged. */
export const isNear = (everyNs: bigint, t: bigint, last: bigint): boolean => last < t + skipMin * everyNs;

/** The earliest time after `t` from which an instant may differ from the one at `t`; null: none will while nothing is read. */
function nextEvent(run: RuleRun, t: bigint, life: Lives): bigint | null {
  const { compiled, source, holds, startNs } = run;
  const { expiresNs, warmup, windowNs, expect } = compiled.rule;
  const events: (bigint | null)[] = [expiresNs];
  for (const { shared, stream } of holds.values()) {
    const { selection, knownFromNs } = shared;
    const { blindUntilNs } = selection;
    events.push(nextChange(selection));
    if (blindUntilNs !== null && blindUntilNs >= t) events.push(blindUntilNs + 1n);
    if (run.known > 0) events.push(nextTurn(life[stream], { t, windows: selection.windows, knownFromNs }));
  }
  if (run.known > 0 || source === null) events.push(nextNow(run.now, t));
  if (warmup === 'window' && startNs !== null && startNs + windowNs > t) events.push(startNs + windowNs);
  for (const { course, held } of run.active.values()) {
    events.push(nextTimer(course, t, run.timing));
    // A ramp whose step is due waits for its condition, which is looked at again at each instant.
    for (const { dueNs } of held?.moving.values() ?? []) events.push(dueNs > t ? dueNs : t);
    if (expect !== null && held !== null && held.expected === null) events.push(max(held.sinceNs + expect.withinNs, t));
  }
  return least(events);
}

/** What the skipped instants would have done: each known verdict in firing or clearing renews the lease. */
function renewLeases(run: RuleRun, t: bigint): void {
  for (const key of run.active.values()) {
    const { course } = key;
    if (isInForce(course) && (course.verdict !== 'unknown' || run.timing.latch)) key.course = { ...course, leaseEndNs: t + course.leaseNs };
  }
}

const least = (times: readonly (bigint | null)[]): bigint | null =>
  times.reduce((a, b) => (a === null || (b !== null && b < a) ? b : a), null);

const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);
