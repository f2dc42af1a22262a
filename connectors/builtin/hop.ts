import type { Agent, ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import { endToEnd } from './headers.ts';

/**
 * How a hop can go wrong, in Envoy's letters: UF no connection to the upstream, UC its connection broke, UPE what it said is not HTTP, UT
 * it did not answer in time, DC the client left, SI the client stopped sending or reading.
 */
export type HopFlag = 'UF' | 'UC' | 'UPE' | 'UT' | 'DC' | 'SI';

/** How an exchange ended. Sizes are bytes of content. */
export type Ended = {
  /** Absent: the client got no response. */
  readonly code?: number;
  readonly grpcStatus?: number;
  readonly requestSize: number;
  readonly responseSize: number;
  readonly flags: readonly string[];
};

export type Hop = {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly agent: Agent;
  readonly to: { readonly address: string; readonly port: number };
  /** Origin form. */
  readonly target: string;
  /** Name, value, name, value …, framing included. */
  readonly headers: readonly string[];
  /** Added to the response, likewise. */
  readonly responseHeaders: readonly string[];
  readonly timeoutMs: number;
  /** Called before a response head is written. */
  readonly beforeHead: () => void;
};

/** What the client gets instead of an upstream's answer. */
export const placeholders: Readonly<Record<Exclude<HopFlag, 'DC'>, readonly [status: number, text: string]>> = {
  UF: [503, 'no connection to the upstream\n'],
  UC: [503, 'the connection to the upstream broke\n'],
  UPE: [502, 'the upstream did not answer in HTTP\n'],
  UT: [504, 'the upstream did not answer in time\n'],
  SI: [408, 'the request body did not arrive in time\n'],
};

export const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';

/** Streams the request's content on; `count` gets the bytes of each piece. */
export function upload(req: IncomingMessage, upstream: ClientRequest, count: (bytes: number) => void): void {
  req.on('data', (chunk: Buffer) => {
    count(chunk.length);
    if (upstream.destroyed || upstream.write(chunk)) return;
    req.pause();
    upstream.once('drain', () => req.resume());
  });
  // What is still to come then has no reader any more.
  upstream.on('close', () => req.resume());
  req.on('end', () => {
    if (upstream.destroyed) return;
    if (req.rawTrailers.length > 0) upstream.addTrailers(pairs(endToEnd(req.rawTrailers, undefined)));
    upstream.end();
  });
}

/** Streams the answer's content back; `end` is called when it has come whole. */
export function download(
  answer: IncomingMessage,
  res: ServerResponse,
  on: { readonly count: (bytes: number) => void; readonly end: () => void },
): void {
  answer.on('data', (chunk: Buffer) => {
    on.count(chunk.length);
    if (res.write(chunk)) return;
    answer.pause();
    res.once('drain', () => answer.resume());
  });
  answer.on('end', () => {
    if (!answer.complete) return;
    if (answer.rawTrailers.length > 0) res.addTrailers(pairs(endToEnd(answer.rawTrailers, undefined)));
    res.end();
    on.end();
  });
}

/** Present for gRPC only; in the trailers, or in the head when there is nothing but a head. */
export function grpcStatusOf({ headers, trailers }: IncomingMessage): number | undefined {
  if (headers['content-type']?.startsWith('application/grpc') !== true) return undefined;
  const text = trailers['grpc-status'] ?? headers['grpc-status'];
  return typeof text === 'string' && /^\d{1,2}$/.test(text) ? Number(text) : undefined;
}

function pairs(flat: readonly string[]): [string, string][] {
  const list: [string, string][] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) list.push([flat[i] ?? '', flat[i + 1] ?? '']);
  return list;
}
