import { request as httpRequest } from 'node:http';
import type { Agent, ClientRequest, IncomingMessage } from 'node:http';
import { endToEnd } from './headers.ts';
import { download, grpcStatusOf, hasBody, placeholders, upload } from './hop.ts';
import type { Ended, Hop, HopFlag } from './hop.ts';

/** RFC 9110 section 9.2.2: what a proxy may send again by itself. */
const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/**
 * One request to one upstream and its answer back, both streamed: a slow reader on one side stops the other. `done` is called exactly
 * once, when the client has the response or is gone. No retries but one: a kept connection that the upstream closed in the very moment
 * it was reused says nothing about the request, so an idempotent one without a body goes out again on a fresh connection.
 */
export function forward(hop: Hop, done: (ended: Ended) => void): void {
  const { req, res } = hop;
  const uploads = hasBody(req);
  let upstream: ClientRequest;
  let answer: IncomingMessage | null = null;
  let requestSize = 0;
  let responseSize = 0;
  let flag: HopFlag | null = null;
  let over = false;

  const end = (): void => {
    if (over) return;
    over = true;
    // An exchange that is complete on both sides is left alone: its connection may already carry another.
    if (answer === null || !answer.complete || !upstream.writableEnded) upstream.destroy();
    const grpcStatus = answer === null ? undefined : grpcStatusOf(answer);
    done({
      ...(res.headersSent ? { code: res.statusCode } : {}),
      ...(grpcStatus === undefined ? {} : { grpcStatus }),
      requestSize,
      responseSize,
      flags: flag === null ? [] : [flag],
    });
  };

  /** An answer in the upstream's place or, where its own has begun, a broken connection, so that nobody takes half for whole. */
  const giveUp = (why: Exclude<HopFlag, 'DC'>): void => {
    if (over || flag !== null) return;
    flag = why;
    upstream.destroy();
    if (res.headersSent) return void res.destroy();
    hop.beforeHead();
    if (!req.complete) res.shouldKeepAlive = false;
    const [status, text] = placeholders[why];
    res.writeHead(status, ['content-type', 'text/plain', 'content-length', String(text.length), ...hop.responseHeaders]);
    res.end(text);
  };

  const pass = (incoming: IncomingMessage): void => {
    answer = incoming;
    if (over || flag !== null) return;
    const { statusCode = 0, statusMessage = '' } = incoming;
    if (statusCode < 200 || statusCode > 599) return giveUp('UPE');
    hop.beforeHead();
    const head = endToEnd(incoming.rawHeaders, incoming.headers.connection);
    for (const part of hop.responseHeaders) head.push(part);
    res.writeHead(statusCode, statusMessage, head);
    incoming.on('error', () => giveUp('UC'));
    incoming.on('close', () => {
      if (!incoming.complete) giveUp('UC');
    });
    // An answer before the end of the request: what is still to come has no reader.
    download(incoming, res, { count: (bytes) => (responseSize += bytes), end: () => req.resume() });
  };

  const send = (agent: Agent | false): ClientRequest => {
    let connected = false;
    const headers = agent === false ? [...hop.headers, 'connection', 'close'] : hop.headers;
    const to = { host: hop.to.address, port: hop.to.port, method: req.method, path: hop.target };
    const sent = httpRequest({ ...to, agent, headers, timeout: hop.timeoutMs });
    sent.on('socket', (socket) => {
      if (!socket.connecting) connected = true;
      else socket.once('connect', () => (connected = true));
    });
    sent.on('response', pass);
    sent.on('timeout', () => {
      const waitsForClient = (uploads && !req.complete && !sent.writableNeedDrain) || res.writableNeedDrain;
      giveUp(!connected ? 'UF' : waitsForClient ? 'SI' : 'UT');
    });
    sent.on('error', ({ code = '' }: NodeJS.ErrnoException) => {
      if (over || sent !== upstream) return;
      const stale = sent.reusedSocket && (code === 'ECONNRESET' || code === 'EPIPE');
      if (stale && agent !== false && answer === null && flag === null && !uploads && idempotent.has(req.method ?? '')) {
        upstream = send(false);
        upstream.end();
      } else giveUp(!connected ? 'UF' : code.startsWith('HPE_') ? 'UPE' : 'UC');
    });
    // Nobody asked for another protocol: Upgrade is not forwarded.
    sent.on('upgrade', (_answer, socket) => {
      socket.destroy();
      giveUp('UPE');
    });
    sent.on('close', () => {
      if (sent === upstream && answer === null) giveUp(connected ? 'UC' : 'UF');
    });
    return sent;
  };

  upstream = send(hop.agent);
  res.on('close', () => {
    if (!res.writableFinished && flag === null) flag = 'DC';
    end();
  });
  if (uploads) upload(req, upstream, (bytes) => (requestSize += bytes));
  else upstream.end();
}
