import type { IncomingMessage, ServerResponse } from 'node:http';
import { endToEnd } from './headers.ts';
import type { Exchange, Upstreams } from './upstream.ts';

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
  readonly upstreams: Upstreams;
  readonly to: { readonly address: string; readonly port: number };
  /** Origin form. */
  readonly target: string;
  /** Name, value, name, value …, framing included. */
  readonly headers: readonly string[];
  /** Added to the response, likewise. */
  readonly responseHeaders: readonly string[];
  readonly timeoutMs: number;
  /** Told of each piece of content, either way, in bytes. */
  readonly spend: ((bytes: number) => void) | null;
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

/** Streams the request's content on, in chunks if it came so; `count` gets the bytes of each piece. */
export function upload(req: IncomingMessage, exchange: () => Exchange, count: (bytes: number) => void): void {
  const chunked = req.headers['transfer-encoding'] !== undefined;
  req.on('data', (chunk: Buffer) => {
    count(chunk.length);
    const to = exchange();
    if (chunked) to.write(`${chunk.length.toString(16)}\r\n`);
    const more = to.write(chunk);
    if (chunked) to.write('\r\n');
    if (!more) req.pause();
  });
  req.on('end', () => {
    if (chunked) exchange().write(`0\r\n${fieldLines(endToEnd(req.rawTrailers, undefined))}\r\n`);
    exchange().finished();
  });
}

/** Field lines from name, value, name, value … */
export function fieldLines(flat: readonly string[]): string {
  let lines = '';
  for (let i = 0; i + 1 < flat.length; i += 2) lines += `${flat[i] ?? ''}: ${flat[i + 1] ?? ''}\r\n`;
  return lines;
}

export function pairs(flat: readonly string[]): [string, string][] {
  const list: [string, string][] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) list.push([flat[i] ?? '', flat[i + 1] ?? '']);
  return list;
}
