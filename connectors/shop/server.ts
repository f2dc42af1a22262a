import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createCaller, originOf } from './caller.ts';
import type { Origin } from './caller.ts';
import { effectOf, switched } from './faults.ts';
import type { Fault } from './faults.ts';
import type { Calls, ServiceConfig } from './messages.ts';

export type Service = {
  readonly port: number;
  readonly setCalls: (calls: Calls) => void;
  readonly setFault: (fault: Fault, on: boolean) => void;
  /** Requests answered, and those of them answered 5xx, since the last call. */
  readonly take: () => { readonly served: number; readonly failed: number };
  /** No new connections; resolves when the last request is answered, or after `graceMs`. */
  readonly stop: (graceMs: number) => Promise<void>;
};

const inFlightMax = 2_000;
const callTimeoutMs = 5_000;
const keepAliveMs = 75_000;
/** Connections the kernel holds while this process gets no CPU: one more is only heard again after a second. */
const backlogMax = 4_096;
const sweepMs = 50;
const passedOn = ['x-request-id', 'x-user', 'x-tenant', 'x-canary', 'traceparent'] as const;

/** One replica of a shop service: waits its latency, makes its calls, answers. On the loopback unless told. */
export function serve(config: ServiceConfig): Promise<Service> {
  const caller = createCaller();
  let origins = originsOf(config.calls);
  let on: readonly Fault[] = [];
  let draw = 0;
  let inFlight = 0;
  let served = 0;
  let failed = 0;
  let stopping = false;

  const answer = (res: ServerResponse, status: number): void => {
    served++;
    if (status >= 500) failed++;
    const body = bodies[status] ?? '';
    // A client that kept this connection would hold up the drain.
    if (stopping) res.shouldKeepAlive = false;
    res.writeHead(status, { 'content-type': 'application/json', 'content-length': String(body.length), 'x-instance': config.instance });
    res.end(body);
  };

  const callAll = (req: IncomingMessage, path: string, services: readonly string[], done: (status: number) => void): void => {
    const [service, ...rest] = services;
    if (service === undefined) return done(200);
    const to = origins.get(service);
    if (to === undefined) return done(502);
    const query = req.url?.slice(path.length) ?? '';
    const headers = headersFor(req, config.service);
    caller.call({ to, method: req.method ?? 'GET', path: `${path}${query}`, headers, timeoutMs: callTimeoutMs }, (status) => {
      // As the OpenTelemetry demo: a failed dependency fails the request.
      if (status === null || status >= 400) done(502);
      else callAll(req, path, rest, done);
    });
  };

  const handle = (req: IncomingMessage, res: ServerResponse): void => {
    req.resume();
    const url = req.url ?? '/';
    const mark = url.indexOf('?');
    const path = mark < 0 ? url : url.slice(0, mark);
    const services = Object.hasOwn(config.routes, path) ? config.routes[path] : undefined;
    if (services === undefined) return answer(res, 404);
    if (inFlight >= inFlightMax) return answer(res, 503);
    inFlight++;
    res.on('close', () => inFlight--);
    draw = nextDraw(draw);
    const effect = effectOf(on, { product: productOf(url, mark), draw });
    const jitterMs = config.jitterMs * (2 * nextDraw(draw * 7.31) - 1);
    const waitMs = (config.latencyMs + jitterMs) * effect.slower;
    const work = (): void => (effect.fails ? answer(res, 500) : callAll(req, path, services, (status) => answer(res, status)));
    if (waitMs > 0) setTimeout(work, waitMs);
    else work();
  };

  const server = createServer({ keepAliveTimeout: keepAliveMs, requestTimeout: 0 }, handle);
  const stop = async (graceMs: number): Promise<void> => {
    stopping = true;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    const sweeping = setInterval(() => server.closeIdleConnections(), sweepMs);
    const late = setTimeout(() => server.closeAllConnections(), graceMs);
    await closed;
    clearInterval(sweeping);
    clearTimeout(late);
    caller.close();
  };
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: config.port, host: config.host ?? '127.0.0.1', backlog: backlogMax }, () => {
      server.off('error', reject);
      resolve({
        port: (server.address() as AddressInfo).port,
        setCalls: (calls) => (origins = originsOf(calls)),
        setFault: (fault, to) => (on = switched(on, fault, to)),
        take: () => {
          const taken = { served, failed };
          served = failed = 0;
          return taken;
        },
        stop,
      });
    });
  });
}

const bodies: Readonly<Record<number, string>> = {
  200: '{"ok":true}\n',
  404: '{"error":"no such path"}\n',
  500: '{"error":"an injected fault"}\n',
  502: '{"error":"a dependency failed"}\n',
  503: '{"error":"too many requests in flight"}\n',
};

/** The golden-ratio sequence: 30 % of its values are below 0.3 over any short stretch, so a fault looks the same in each second. */
const nextDraw = (draw: number): number => (draw + 0.6180339887498949) % 1;

const originsOf = (calls: Calls): ReadonlyMap<string, Origin> => new Map(Object.entries(calls).map(([name, url]) => [name, originOf(url)]));

function productOf(url: string, mark: number): string | null {
  return mark >= 0 && url.startsWith('product=', mark + 1) ? url.slice(mark + 9) : null;
}

/** Who calls, and what a trace or a rule may want to follow through the shop. */
function headersFor(req: IncomingMessage, service: string): Readonly<Record<string, string>> {
  const headers: Record<string, string> = { 'x-flyball-source': service };
  for (const name of passedOn) {
    const value = req.headers[name];
    if (typeof value === 'string') headers[name] = value;
  }
  return headers;
}
