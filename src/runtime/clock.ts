import type { Clock } from '../ports/clock.ts';

/** Node fires a timer at once when asked for more than this many ms. */
const timerMsMax = 2 ** 31 - 1;
/** A pair of readings further apart than this (ms) was torn by the scheduler and says nothing of the offset. */
const tornMsMax = 0.2;
/** How often a torn pair of readings is taken again. */
const readingsMax = 4;
/** The last representable fraction below the next ms. */
const msEnd = 1 - 2 ** -10;

/** Where a clock reads from; the real ones by default. */
export type Readings = { readonly wall: () => number; readonly monotonic: () => number };

const real: Readings = { wall: () => Date.now(), monotonic: () => performance.now() };

/**
 * The machine's clock. `now()` is Date.now() with a fraction: its whole part always equals Date.now(), so a step of the wall clock
 * (NTP, a person, a resumed laptop) is followed at once, while the fraction comes from the monotonic clock.
 */
export function systemClock(readings: Readings = real): Clock {
  const { monotonic } = readings;
  return {
    now: wallClock(readings),
    monotonic,
    after: (ms, run) => after(ms, run, monotonic),
    each: (ms, run) => each(ms, run, monotonic),
  };
}

function wallClock({ wall, monotonic }: Readings): () => number {
  let offset = wall() - monotonic();
  let last = 0;
  return () => {
    const { at, ms } = pair(wall, monotonic);
    let now = at + offset;
    if (now < ms || now >= ms + 1) {
      now = now < ms ? ms : ms + msEnd;
      offset = now - at;
    }
    // Inside one ms the correction of the offset must not show as time going back; across ms Date.now() decides.
    if (now < last && Math.floor(last) === ms) return last;
    last = now;
    return now;
  };
}

/** Both clocks read at the same moment, as far as the scheduler lets us. */
function pair(wall: () => number, monotonic: () => number): { readonly at: number; readonly ms: number } {
  for (let i = 1; ; i++) {
    const before = monotonic();
    const ms = wall();
    if (monotonic() - before <= tornMsMax || i === readingsMax) return { at: before, ms };
  }
}

/** Node cuts fractions off and may fire up to 1 ms before its time: what comes early waits again. */
function after(ms: number, run: () => void, monotonic: () => number): () => void {
  const due = monotonic() + Math.max(0, ms);
  let timer: NodeJS.Timeout;
  const arm = (left: number): void => {
    timer = setTimeout(
      () => {
        const still = due - monotonic();
        if (still > 0) arm(still);
        else run();
      },
      Math.min(Math.ceil(left), timerMsMax),
    );
  };
  arm(ms);
  return () => clearTimeout(timer);
}

/** Keeps to the grid start + k × ms: late beats do not push later ones, and beats that were missed whole are left out. */
function each(ms: number, run: () => void, monotonic: () => number): () => void {
  const period = Math.max(1, ms);
  const start = monotonic();
  let beat = 1;
  let cancel = (): void => undefined;
  const arm = (): void => {
    const beaten = (): void => {
      beat = Math.max(beat + 1, Math.floor((monotonic() - start) / period) + 1);
      // Armed first, so that `run` may cancel.
      arm();
      run();
    };
    cancel = after(start + beat * period - monotonic(), beaten, monotonic);
  };
  arm();
  return () => cancel();
}
