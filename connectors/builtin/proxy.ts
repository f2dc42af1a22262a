import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RpcRecord } from '../../src/model/record.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Random } from '../../src/ports/random.ts';
import { debugHeader, factsOf } from './facts.ts';
import { forward } from './forward.ts';
import type { Ended } from './hop.ts';
import type { Enforce, Enforced } from './enforce.ts';
import { createMirrors } from './mirror.ts';
import type { MirrorCounts } from './mirror.ts';
import type { Policy } from './policy.ts';
import { debugHeaders, edited, requestId, upstreamHeaders } from './outbound.ts';
import { ownAnswer } from './own.ts';
import { recordOf } from './record.ts';
import type { Settings } from './settings.ts';
import { openUpstreams } from './upstream.ts';
import { originForm } from './url.ts';

export type ProxyOptions = {
  readonly settings: Settings;
  /** reporter.target of its records. */
  readonly target: string;
  readonly clock: Clock;
  readonly random: Random;
  /** The policy in force, asked once a request: one in flight keeps the one it began with. */
  readonly policy: () => Policy;
  readonly enforce: Enforce;
  readonly onRecord: (record: RpcRecord) => void;
};

export type Proxy = {
  readonly host: string;
  readonly port: number;
  readonly mirrors: () => MirrorCounts;
  /** No new connections; resolves when the last request in flight has ended, or after graceMs. */
  readonly stop: () => Promise<void>;
};

/** Requests being forwarded; one more is answered 503 with flag UO, as Envoy's circuit breaker does. */
const inFlightMax = 4_096;
/** More than clients keep theirs. */
const keepAliveMs = 75_000;
/** Connections the kernel holds while this process gets no CPU (it caps this at its own limit): one more is only heard again after a second. */
const backlogMax = 4_096;
const headersMs = 60_000;
const requestMs = 300_000;
const graceMs = 2_000;
const sweepMs = 50;

/** A plain HTTP/1.1 reverse proxy (RFC 9110 section 3.7: a gateway) that does to each request what the policy says and tells of it. */
export async function openProxy(options: ProxyOptions): Promise<Proxy> {
  const { settings, clock } = options;
  const upstreams = openUpstreams();
  const mirrors = createMirrors(upstreams, settings.timeoutMs);
  let inFlight = 0;
  let stopping = false;

  const handle = (req: IncomingMessage, res: ServerResponse): void => {
    const startedMs = clock.monotonic();
    const beforeHead = (): void => {
      if (stopping) res.shouldKeepAlive = false;
    };
    const where = originForm(req);
    if (where === null) {
      beforeHead();
      return refuse(res, 400, 'not a request for a reverse proxy\n', []);
    }
    const policy = options.policy();
    const id = requestId(req, options.random);
    const service = serviceOf(settings.services, where.host);
    const facts = factsOf({ req, target: where.target, host: where.host, id, destination: policy.destination(service ?? '') });
    const enforced = service === null ? nowhere : options.enforce(policy, facts);
    const debug = req.headers[debugHeader] === '1' ? debugHeaders(enforced) : [];
    const tell = (ended: Ended): void => {
      const timing = { endedMs: clock.now(), durationMs: clock.monotonic() - startedMs };
      options.onRecord(recordOf({ facts, enforced, ended, ...timing, target: options.target, headers: settings.recordedHeaders }));
    };
    /** An answer of the proxy's own; flags as Envoy's: NR no such service, UH no instance, UO overflow, RL too many of one caller. */
    const answer = (status: number, text: string, flags: readonly string[], more: readonly string[] = []): void => {
      beforeHead();
      req.resume();
      const responseSize = Buffer.byteLength(text);
      res.on('close', () => tell({ code: res.statusCode, requestSize: 0, responseSize, flags: res.writableFinished ? flags : ['DC'] }));
      refuse(res, status, text, [...debug, ...more]);
    };
    if (service === null) return answer(404, 'no such service here\n', ['NR']);
    if (enforced.answer !== null) {
      const { status, text, flags, headers } = ownAnswer(req, enforced.answer);
      return answer(status, text, flags, headers);
    }
    if (enforced.upstream === null) return answer(503, 'no instance is ready\n', ['UH']);
    if (inFlight >= inFlightMax) return answer(503, 'too many requests in flight\n', ['UO']);
    inFlight++;
    const plain = upstreamHeaders(req, where.host, id);
    const headers = enforced.edits === null ? plain : edited(plain, enforced.edits);
    for (const to of enforced.mirrors) mirrors.copy({ req, to, target: where.target, headers });
    const hop = { req, res, upstreams, to: enforced.upstream, target: where.target, headers, timeoutMs: settings.timeoutMs };
    forward({ ...hop, responseHeaders: debug, spend: enforced.spend, beforeHead }, (ended) => {
      inFlight--;
      tell(ended);
    });
  };

  const server = createServer(
    { keepAliveTimeout: keepAliveMs, headersTimeout: headersMs, requestTimeout: requestMs, joinDuplicateHeaders: true },
    handle,
  );
  // RFC 9110 section 9.3.6: no tunnels here.
  server.on('connect', (_req, socket) => {
    // A socket handed over like this has no listener of Node's left: a reset by the client would end the process.
    socket.on('error', () => socket.destroy());
    socket.end('HTTP/1.1 501 Not Implemented\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: settings.port, host: settings.host, backlog: backlogMax }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const stop = async (): Promise<void> => {
    stopping = true;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    // A connection that becomes idle later (its client was still sending after the answer) would otherwise wait out the grace.
    const sweeping = clock.each(sweepMs, () => server.closeIdleConnections());
    const cancel = clock.after(graceMs, () => server.closeAllConnections());
    await closed;
    sweeping();
    cancel();
    upstreams.close();
  };
  const { address, port } = server.address() as AddressInfo;
  return { host: address, port, mirrors: mirrors.counts, stop };
}

const nowhere: Enforced = { answer: null, upstream: null, destination: {}, applied: [], mirrors: [], edits: null, spend: null };

/** With one service everything is for it; with several, the first label of the Host header says for which. */
function serviceOf(services: Settings['services'], host: string | undefined): string | null {
  if (services.length === 1) return services[0];
  const name = (host ?? '').replace(/:\d+$/, '');
  return services.find((service) => name === service || name.startsWith(`${service}.`)) ?? null;
}

function refuse(res: ServerResponse, status: number, text: string, more: readonly string[]): void {
  const type = more.some((part, i) => i % 2 === 0 && part.toLowerCase() === 'content-type') ? [] : ['content-type', 'text/plain'];
  // RFC 9110 section 8.6: with these there is no content, and no length may be said.
  const length = status === 204 || status === 304 ? [] : ['content-length', String(Buffer.byteLength(text))];
  res.writeHead(status, [...type, ...length, ...more]);
  res.end(length.length === 0 ? '' : text);
}
