import { createCaller, originOf } from './caller.ts';
import { products } from './faults.ts';
import { reportEveryMs } from './messages.ts';
import type { ClientReport, Flood, LoadConfig, LoadReport } from './messages.ts';
import { dueAt, dueBy } from './schedule.ts';

export type Generator = {
  readonly setUrl: (url: string) => void;
  /** From now on one user asks more often; null: no more. */
  readonly setFlood: (flood: Flood | null) => void;
  /** Ends arrivals; `done` is called when the last answer is in. */
  readonly stop: () => void;
};

/**
 * How often users arrive, in groups of three or four, so that the demo's many processes wake up less often than for single arrivals.
 */
const tickMs = 10;

/** Unanswered requests of a client that floods; it does not wait for them, and what is beyond is not sent. */
const floodInFlightMax = 300;

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
  /** Who floods, or has; its requests are counted apart from then on. */
  let flooder: number | null = null;
  let client: Mutable<ClientReport> = quiet();
  let flood: { readonly perMs: number; readonly fromMs: number } | null = null;
  let flooded = 0;
  let floodInFlight = 0;

  const send = (n: number): void => {
    // Users come in small groups, one a tick: those of a group are due together, and a late tick still counts as waiting.
    const dueMs = startMs + Math.ceil(dueAt(config, n) / tickMs) * tickMs;
    const user = n % config.users;
    if (user === flooder) return sendOfClient(user, n, `${run}-${n}`);
    if (inFlight >= config.inFlightMax) {
      interval.dropped++;
      return;
    }
    interval.sent++;
    inFlight++;
    ask({ user, n, id: `${run}-${n}` }, (status) => {
      inFlight--;
      if (status === null || status >= 400) interval.failed++;
      interval.latenciesUs.push(Math.round((performance.now() - dueMs) * 1_000));
    });
  };

  const ask = (of: { readonly user: number; readonly n: number; readonly id: string }, done_: (status: number | null) => void): void => {
    const { method, path } = requestOf(of.n, config);
    const headers = { 'x-request-id': of.id, 'x-user': `user-${of.user}` };
    caller.call({ to, method, path, headers, timeoutMs: config.timeoutMs }, done_);
  };

  const sendOfClient = (user: number, n: number, id: string): void => {
    client.sent++;
    if (floodInFlight >= floodInFlightMax) return void client.failed++;
    floodInFlight++;
    ask({ user, n, id }, (status) => {
      floodInFlight--;
      client[status === 429 ? 'refused' : status !== null && status < 400 ? 'answered' : 'failed']++;
    });
  };

  /** What is due of a flood, besides what its client asks as usual. */
  const sendFlood = (): void => {
    if (flood === null || flooder === null) return;
    const due = Math.floor((performance.now() - flood.fromMs) * flood.perMs);
    for (; flooded < due; flooded++) sendOfClient(flooder, flooded, `${run}-f${flooded}`);
  };

  const tell = (): void => {
    const atMs = Date.now();
    report({ atMs, ...interval, ...(flooder === null ? {} : { client }) });
    interval = empty();
    client = quiet();
  };

  /** Each tick is aimed at anew: a fixed period drifts, and where it slips past a due instant two groups go out as one. */
  const tick = (): void => {
    const elapsedMs = performance.now() - startMs;
    const due = Math.min(config.requestsMax, dueBy(config, Math.floor(elapsedMs / tickMs) * tickMs));
    while (!stopped && arrivals < due) send(arrivals++);
    if (!stopped) sendFlood();
    if (arrivals >= config.requestsMax || elapsedMs >= config.forMsMax) stopped = true;
    if (!stopped || inFlight + floodInFlight > 0) return void setTimeout(tick, tickMs - (elapsedMs % tickMs));
    clearInterval(reporting);
    tell();
    caller.close();
    done(arrivals);
  };
  const reporting = setInterval(tell, reportEveryMs);
  tick();
  return {
    setUrl: (url) => (to = originOf(url)),
    setFlood: (next) => {
      flood = next === null ? null : { perMs: ((next.times - 1) * config.ratePerS) / config.users / 1_000, fromMs: performance.now() };
      flooder = next?.user ?? flooder;
      flooded = 0;
    },
    stop: () => (stopped = true),
  };
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
const quiet = (): Mutable<ClientReport> => ({ sent: 0, answered: 0, refused: 0, failed: 0 });

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
