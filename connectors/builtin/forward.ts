import type { AnswerHead } from './answer.ts';
import { endToEnd } from './headers.ts';
import { fieldLines, hasBody, pairs, placeholders, upload } from './hop.ts';
import type { Ended, Hop, HopFlag } from './hop.ts';
import type { Exchange } from './upstream.ts';

/** RFC 9110 section 9.2.2: what a proxy may send again by itself. */
const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/**
 * One request to one upstream and its answer back, both streamed: a slow reader on one side stops the other. `done` is called exactly
 * once, when the client has the response or is gone. No retries but one: a kept connection that the upstream closed in the very moment
 * it was reused says nothing about the request, so an idempotent one without a body goes out again on a fresh connection.
 */
export function forward(hop: Hop, done: (ended: Ended) => void): void {
  const { req, res, timeoutMs } = hop;
  const method = req.method ?? 'GET';
  const uploads = hasBody(req);
  let exchange: Exchange;
  let head: AnswerHead | null = null;
  let trailers: readonly string[] = [];
  let requestSize = 0;
  let responseSize = 0;
  let flag: HopFlag | null = null;

  /** An answer in the upstream's place or, where its own has begun, a broken connection, so that nobody takes half for whole. */
  const giveUp = (why: Exclude<HopFlag, 'DC'>): void => {
    if (flag !== null || res.writableEnded) return;
    flag = why;
    exchange.destroy();
    if (res.headersSent) return void res.destroy();
    hop.beforeHead();
    // What is still to come of the request has no reader.
    req.resume();
    if (!req.complete) res.shouldKeepAlive = false;
    const [status, text] = placeholders[why];
    res.writeHead(status, ['content-type', 'text/plain', 'content-length', String(text.length), ...hop.responseHeaders]);
    res.end(text);
  };

  const send = (fresh: boolean): Exchange => {
    const requestHead = `${method} ${hop.target} HTTP/1.1\r\n${fieldLines(hop.headers)}${fresh ? 'connection: close\r\n' : ''}\r\n`;
    return hop.upstreams.open(
      { to: hop.to, method, head: requestHead, timeoutMs, fresh },
      {
        head: (answer) => {
          head = answer;
          hop.beforeHead();
          const fields = endToEnd(answer.raw, answer.byName.get('connection'));
          for (const part of hop.responseHeaders) fields.push(part);
          res.writeHead(answer.status, answer.reason, fields);
        },
        data: (chunk) => {
          responseSize += chunk.length;
          hop.spend?.(chunk.length);
          if (res.write(chunk)) return;
          exchange.pause();
          res.once('drain', () => exchange.resume());
        },
        end: (fields) => {
          trailers = endToEnd(fields, undefined);
          if (trailers.length > 0) res.addTrailers(pairs(trailers));
          res.end();
          // An answer before the end of the request: the rest of it has no reader.
          if (!req.complete) req.resume();
        },
        failed: (why, kept) => {
          if (kept && why === 'UC' && !uploads && idempotent.has(method)) {
            exchange = send(true);
            exchange.finished();
          } else giveUp(why);
        },
        timeout: (connected) => {
          const waitsForClient = (uploads && !req.complete && !exchange.needsDrain()) || res.writableNeedDrain;
          giveUp(!connected ? 'UF' : waitsForClient ? 'SI' : 'UT');
        },
        drain: () => req.resume(),
      },
    );
  };

  exchange = send(false);
  const sent = (bytes: number): void => {
    requestSize += bytes;
    hop.spend?.(bytes);
  };
  if (uploads) upload(req, () => exchange, sent);
  else exchange.finished();
  res.on('close', () => {
    if (!res.writableFinished && flag === null) flag = 'DC';
    exchange.destroy();
    const grpcStatus = head === null ? undefined : grpcStatusOf(head, trailers);
    done({
      ...(res.headersSent ? { code: res.statusCode } : {}),
      ...(grpcStatus === undefined ? {} : { grpcStatus }),
      requestSize,
      responseSize,
      flags: flag === null ? [] : [flag],
    });
  });
}

/** Present for gRPC only; in the trailers, or in the head when there is nothing but a head. */
function grpcStatusOf({ byName }: AnswerHead, trailers: readonly string[]): number | undefined {
  if (byName.get('content-type')?.startsWith('application/grpc') !== true) return undefined;
  const text = pairs(trailers).find(([name]) => name.toLowerCase() === 'grpc-status')?.[1] ?? byName.get('grpc-status');
  return text !== undefined && /^\d{1,2}$/.test(text) ? Number(text) : undefined;
}
