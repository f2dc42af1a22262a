import { createCaller, originOf } from './caller.ts';
import { products } from './faults.ts';
import { reportEveryMs } from './messages.ts';
import type { LoadConfig, LoadReport } from './messages.ts';
import { dueAt, dueBy } from './schedule.ts';

export type Generator = {
  readonly setUrl: (url: string) => void;
  /** Ends arrivals; `done` is called when the last answer is in. */
  readonly stop: () => void;
};

/**
 * How often users arrive, in groups of three or four, so that the demo's many processes wake up less often than for single arrivals.
 */
const tickMs = 10;

/**
 * An open loop: an arrival is due when the schedule says so, whatever became of those before, and its latency counts from then, so that a
 * slow shop cannot slow its users down and look better than it is.
 */
export function generate(config: LoadConfig, report: (report: LoadReport) => void, done: (sent: number) => void): Generator {
  const caller = createCaller();
  const startMs = performance.now();
  // Not to be confused with another run's: ids are what ties a recording's records together.
  const run = Date.now().toString(36);
  let to = originOf(config.url);
  let arrivals = 0;
  let inFlight = 0;
  let stopped = false;
  let interval = empty();

  const send = (n: number): void => {
    // Users come in small groups, one a tick: those of a group are due together, and a late tick still counts as waiting.
    const dueMs = startMs + Math.ceil(dueAt(config, n) / tickMs) * tickMs;
    if (inFlight >= config.inFlightMax) {
      interval.dropped++;
      return;
    }
    interval.sent++;
    inFlight++;
    const { method, path } = requestOf(n, config);
    const headers = { 'x-request-id': `${run}-${n}`, 'x-user': `user-${n % config.users}` };
    caller.call({ to, method, path, headers, timeoutMs: config.timeoutMs }, (status) => {
      inFlight--;
      if (status === null || status >= 500) interval.failed++;
      interval.latenciesUs.push(Math.round((performance.now() - dueMs) * 1_000));
    });
  };

  const tell = (): void => {
    const atMs = Date.now();
    report({ atMs, ...interval });
    interval = empty();
  };

  /** Each tick is aimed at anew: a fixed period drifts, and where it slips past a due instant two groups go out as one. */
  const tick = (): void => {
    const elapsedMs = performance.now() - startMs;
    const due = Math.min(config.requestsMax, dueBy(config, Math.floor(elapsedMs / tickMs) * tickMs));
    while (!stopped && arrivals < due) send(arrivals++);
    if (arrivals >= config.requestsMax || elapsedMs >= config.forMsMax) stopped = true;
    if (!stopped || inFlight > 0) return void setTimeout(tick, tickMs - (elapsedMs % tickMs));
    clearInterval(reporting);
    tell();
    caller.close();
    done(arrivals);
  };
  const reporting = setInterval(tell, reportEveryMs);
  tick();
  return { setUrl: (url) => (to = originOf(url)), stop: () => (stopped = true) };
}

type Interval = { sent: number; failed: number; dropped: number; latenciesUs: number[] };
const empty = (): Interval => ({ sent: 0, failed: 0, dropped: 0, latenciesUs: [] });

/** Every `browseEvery`-th arrival looks at a product, every `payEvery`-th checks out and pays, the others look at their cart. */
export function requestOf(
  n: number,
  { browseEvery, payEvery }: Pick<LoadConfig, 'browseEvery' | 'payEvery'>,
): { readonly method: string; readonly path: string } {
  if (n % browseEvery !== browseEvery - 1)
    return n % payEvery === 0 ? { method: 'POST', path: '/checkout' } : { method: 'GET', path: '/cart' };
  const product = products[Math.floor(n / browseEvery) % products.length] ?? products[0];
  return { method: 'GET', path: `/catalog?product=${product}` };
}
