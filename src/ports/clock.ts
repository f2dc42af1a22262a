/** Time as the loop sees it. */
export interface Clock {
  /** Milliseconds since the epoch, UTC, with a fraction. */
  readonly now: () => number;
  /** Milliseconds that only ever grow, unrelated to the wall clock. */
  readonly monotonic: () => number;
  /** Calls back once after `ms`; the returned function cancels. */
  readonly after: (ms: number, run: () => void) => () => void;
  /** Calls back each `ms`; the returned function cancels. */
  readonly each: (ms: number, run: () => void) => () => void;
}
