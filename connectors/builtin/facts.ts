import type { IncomingMessage } from 'node:http';
import { addressText, parseAddress } from '../../src/model/address.ts';
import type { Facts } from '../../src/model/facts.ts';
import type { Peer } from '../../src/model/record.ts';

export const sourceHeader = 'x-flyball-source';
export const attemptHeader = 'x-flyball-attempt';
export const debugHeader = 'x-flyball-debug';
export const idHeader = 'x-request-id';

/** The facts of an HTTP request. */
export type KnownFacts = Facts & { readonly request: NonNullable<Facts['request']> };

/** Who is asked for: what is known of the destination before an instance is picked. */
export type Destination = { readonly service: string; readonly namespace?: string };

/** The facts of a request, and the same as its record will tell them. `target` is the request target in origin form. */
export function factsOf(options: {
  readonly req: IncomingMessage;
  readonly target: string;
  readonly host: string | undefined;
  readonly id: string;
  readonly destination: Destination;
}): KnownFacts {
  const { req, target, host, id, destination } = options;
  // Once a request: properties set in turn cost a fraction of spread literals.
  const request: Mutable<KnownFacts['request']> = { protocol: `http/${req.httpVersion}`, path: pathOf(target), id };
  if (req.method !== undefined) request.method = req.method;
  if (host !== undefined) request.host = host;
  request.attempt = attemptOf(req.headers[attemptHeader]);
  request.headers = headersOf(req, id);
  return { source: sourceOf(req), destination, request };
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Without the query: `request.path == "/admin"` must not be passed by "/admin?x", and queries carry what records must not. */
function pathOf(target: string): string {
  const mark = target.indexOf('?');
  return mark < 0 ? target : target.slice(0, mark);
}

/**
 * The caller's name is what the caller says: no more than a hint on plaintext, so `principal` stays absent. Address and port are the
 * socket's. A sidecar on the caller's side with mutual TLS is what would prove it.
 */
function sourceOf({ headers, socket }: IncomingMessage): Peer {
  const source: Mutable<Peer> = {};
  const name = headers[sourceHeader];
  if (typeof name === 'string' && serviceName.test(name)) source.service = name;
  const address = canonicalAddress(socket.remoteAddress);
  if (address !== undefined) source.address = address;
  if (socket.remotePort !== undefined) source.port = socket.remotePort;
  return source;
}

const serviceName = /^[A-Za-z0-9._-]{1,253}$/;

/** A dual-stack socket shows IPv4 peers as ::ffff:a.b.c.d; a rule's 10.0.0.0/8 means them too. */
function canonicalAddress(text: string | undefined): string | undefined {
  if (text === undefined || dotted.test(text)) return text;
  const bare = text.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  if (dotted.test(bare)) return bare;
  const address = parseAddress(bare);
  return address === undefined ? undefined : addressText(address);
}

const dotted = /^[\d.]+$/;

/** From 1; a caller that does not count makes first tries, as far as anyone knows. */
function attemptOf(text: string | string[] | undefined): number {
  return typeof text === 'string' && /^[1-9]\d{0,5}$/.test(text) ? Number(text) : 1;
}

/** Repeated fields are joined by ", " (RFC 9110 section 5.3), cookies by "; " (RFC 6265). */
function headersOf(req: IncomingMessage, id: string): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (const name in req.headers) {
    const value = req.headers[name];
    if (value !== undefined) headers.set(name, typeof value === 'string' ? value : value.join(', '));
  }
  headers.set(idHeader, id);
  return headers;
}
