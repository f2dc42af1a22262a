import { getRequestListener } from '@hono/node-server';
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { assert, fail, ok } from '../model/problem.ts';
import type { Problem, Result } from '../model/problem.ts';
import { openProblem } from './access/listen.ts';
import type { ServerPem } from './access/listen.ts';
import { codeOf, textOf } from './files.ts';

const bodyBytesMaxDefault = 12 * 1024 * 1024;
const headersMsMax = 5_000;
const requestMsMax = 30_000;
const keepAliveMs = 5_000;
const headerBytesMax = 16 * 1024;
const connectionsMax = 256;
const drainMsMax = 2_000;
const idleLookMs = 10;
const answerMsMax = 2_000;

export type HttpServer = {
  /** "http://127.0.0.1:4001". */
  readonly url: string;
  readonly port: number;
  /** Takes no more requests, lets those under way end (at most 2 s), then closes every connection. */
  readonly close: () => Promise<void>;
};

/** A handler of the Fetch API, e.g. hono's `app.fetch`, and the address that the request came from. */
export type FetchHandler = (request: Request, from: { readonly address: string }) => Response | Promise<Response>;

/**
 * Serves a handler on the loopback, on a free port unless told; beyond the loopback with TLS, or where a person said that it may be
 * plain (E-LISTEN-OPEN). A body above the bound (12 MiB) is answered with 413 and never reaches the handler; slow senders are cut off.
 */
export async function serveHttp(options: {
  readonly fetch: FetchHandler;
  /** 127.0.0.1 */
  readonly host?: string;
  /** 0: a free one. */
  readonly port?: number;
  readonly bodyBytesMax?: number;
  readonly tls?: ServerPem | null;
  readonly insecure?: boolean;
}): Promise<Result<HttpServer>> {
  const { fetch, host = '127.0.0.1', port = 0, bodyBytesMax = bodyBytesMaxDefault, tls = null, insecure = false } = options;
  const open = openProblem({ host, port, tls, insecure });
  if (open !== null) return fail(open);
  const handler = bounded(fetch, bodyBytesMax);
  const listener = getRequestListener(
    (request, { incoming }) => handler(request, { address: (incoming as IncomingMessage).socket.remoteAddress ?? '' }),
    { overrideGlobalObjects: false },
  );
  const bounds = {
    requestTimeout: requestMsMax,
    headersTimeout: headersMsMax,
    keepAliveTimeout: keepAliveMs,
    maxHeaderSize: headerBytesMax,
  };
  const answer = (...[request, response]: Parameters<typeof listener>): void => void listener(request, response);
  let server: Server;
  try {
    server = tls === null ? createServer(bounds, answer) : createTlsServer({ ...bounds, ...tls, minVersion: 'TLSv1.2' }, answer);
  } catch (error) {
    // OpenSSL, of a certificate and a key that do not belong together.
    return fail({
      code: 'E-TLS',
      what: `the certificate cannot be used: ${textOf(error)}`,
      at: `${host}:${port}`,
      todo: 'give a certificate and its own key',
    });
  }
  server.maxConnections = connectionsMax;
  const problem = await listen(server, host, port);
  if (problem !== null) return fail(problem);
  const address = server.address();
  assert(typeof address === 'object' && address !== null, 'a TCP server has an address');
  let closing: Promise<void> | null = null;
  return ok({
    url: `${tls === null ? 'http' : 'https'}://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`,
    port: address.port,
    close: () => (closing ??= drain(server)),
  });
}

/** Asks an address once; null: it answers, and not with a server's error. The text says why not. */
export async function answers(url: string): Promise<string | null> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(answerMsMax), redirect: 'manual' });
    await answer.body?.cancel();
    return answer.status < 500 ? null : `answers ${answer.status}`;
  } catch (error) {
    return codeOf(error instanceof Error ? error.cause : error) || textOf(error);
  }
}

/** Reads the body first: a handler then never waits for a sender, and never sees half of a body. */
function bounded(fetch: FetchHandler, bytesMax: number): FetchHandler {
  return async (request, from) => {
    if (Number(request.headers.get('content-length') ?? 0) > bytesMax) return tooLarge(bytesMax);
    if (request.body === null) return await fetch(request, from);
    const body = await readBody(request.body, bytesMax);
    if (body === null) return tooLarge(bytesMax);
    const { method, headers, url, signal } = request;
    return await fetch(new Request(url, { method, headers, body, signal }), from);
  };
}

async function readBody(stream: ReadableStream<Uint8Array>, bytesMax: number): Promise<Uint8Array<ArrayBuffer> | null> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) return null;
    chunks.push(chunk);
  }
  const body = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.byteLength;
  }
  return body;
}

function tooLarge(bytesMax: number): Response {
  const problem: Problem = {
    code: 'E-BODY-SIZE',
    what: `the request's body is larger than ${bytesMax} bytes`,
    at: 'request',
    todo: 'send less',
  };
  return Response.json({ problems: [problem] }, { status: 413, headers: { connection: 'close' } });
}

function listen(server: Server, host: string, port: number): Promise<Problem | null> {
  return new Promise((resolve) => {
    server.once('error', (error) =>
      resolve({
        code: codeOf(error) === 'EADDRINUSE' ? 'E-PORT-TAKEN' : 'E-LISTEN',
        what: `cannot listen: ${textOf(error)}`,
        at: `${host}:${port}`,
        todo: 'choose another port, or none for a free one',
      }),
    );
    server.listen(port, host, () => resolve(null));
  });
}

function drain(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const late = setTimeout(() => server.closeAllConnections(), drainMsMax);
    // A connection that was busy just now is kept alive once it answered, close() or not.
    const idle = setInterval(() => server.closeIdleConnections(), idleLookMs);
    server.close(() => {
      clearTimeout(late);
      clearInterval(idle);
      resolve();
    });
  });
}
