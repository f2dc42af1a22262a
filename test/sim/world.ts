import { createHold, step as holdStep } from '../../src/core/hold/hold.ts';
import { createLead, step as leadStep } from '../../src/core/publish/lead.ts';
import { createLease, step as leaseStep } from '../../src/core/publish/lease.ts';

/** The code under test: the real one, or a copy with a bug planted. */
export type Code = {
  readonly createHold: typeof createHold;
  readonly holdStep: typeof holdStep;
  readonly createLead: typeof createLead;
  readonly leadStep: typeof leadStep;
  readonly createLease: typeof createLease;
  readonly leaseStep: typeof leaseStep;
};

export const realCode: Code = { createHold, holdStep, createLead, leadStep, createLease, leaseStep };

/** Virtual time in ms and what happens when; equal times in the order they were asked for. */
export type World = {
  readonly now: () => number;
  readonly after: (ms: number, run: () => void) => void;
  readonly runUntil: (ms: number) => void;
};

/** More events than any seed needs: a run that does not end is a bug. */
const eventsMax = 200_000;

export function createWorld(startMs: number): World {
  let now = startMs;
  let seq = 0;
  let count = 0;
  const heap: { readonly at: number; readonly seq: number; readonly run: () => void }[] = [];
  const before = (i: number, j: number): boolean => {
    const [a, b] = [heap[i], heap[j]];
    return a !== undefined && b !== undefined && (a.at < b.at || (a.at === b.at && a.seq < b.seq));
  };
  const swap = (i: number, j: number): void => {
    const [a, b] = [heap[i], heap[j]];
    if (a !== undefined && b !== undefined) [heap[i], heap[j]] = [b, a];
  };
  const pop = () => {
    swap(0, heap.length - 1);
    const first = heap.pop();
    for (let i = 0, least = 0; ; i = least) {
      for (const child of [2 * i + 1, 2 * i + 2]) if (before(child, least)) least = child;
      if (least === i) return first;
      swap(i, least);
    }
  };
  return {
    now: () => now,
    after: (ms, run) => {
      heap.push({ at: now + ms, seq: seq++, run });
      for (let i = heap.length - 1; i > 0 && before(i, (i - 1) >> 1); i = (i - 1) >> 1) swap(i, (i - 1) >> 1);
    },
    runUntil: (ms) => {
      for (let next = heap[0]; next !== undefined && next.at <= ms; next = heap[0]) {
        if (++count > eventsMax) throw new Error(`more than ${eventsMax} events`);
        pop();
        now = next.at;
        next.run();
      }
      now = ms;
    },
  };
}
