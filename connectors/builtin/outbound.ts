import type { IncomingMessage } from 'node:http';
import type { Random } from '../../src/ports/random.ts';
import type { Enforced, HeaderEdits } from './enforce.ts';
import { attemptHeader, debugHeader, idHeader, sourceHeader } from './facts.ts';
import { endToEnd } from './headers.ts';

/** The caller's, or a new one. */
export function requestId(req: IncomingMessage, random: Random): string {
  const given = req.headers[idHeader];
  return typeof given === 'string' && given !== '' ? given : random.hex(16);
}

/** Taken out because it was said to this proxy, not to the service behind it; `host` and the id are written anew. */
const forThisHop: ReadonlySet<string> = new Set([sourceHeader, attemptHeader, debugHeader, 'host', idHeader, 'x-forwarded-for', 'via']);

export function upstreamHeaders(req: IncomingMessage, host: string | undefined, id: string): readonly string[] {
  const headers = endToEnd(req.rawHeaders, req.headers.connection, forThisHop);
  const client = req.socket.remoteAddress ?? 'unknown';
  const { 'x-forwarded-for': forwarded, via } = req.headers;
  const before = typeof forwarded === 'string' ? `${forwarded}, ` : '';
  headers.push('host', host ?? '', idHeader, id, 'x-forwarded-for', `${before}${client}`);
  // RFC 9110 section 7.6.3: an HTTP-to-HTTP gateway must say so in each request.
  headers.push('via', `${via === undefined ? '' : `${String(via)}, `}${req.httpVersion} flyball`);
  if (req.headers['transfer-encoding'] !== undefined) headers.push('transfer-encoding', 'chunked');
  else if (req.headers['content-length'] === undefined && !bodiless.has(req.method ?? '')) headers.push('content-length', '0');
  return headers;
}

/** Fields after an edit; what is set comes last, once, whatever there was of that name. */
export function edited(headers: readonly string[], { set, remove }: HeaderEdits): readonly string[] {
  const gone = new Set([...remove, ...Object.keys(set)]);
  const kept: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (!gone.has(name.toLowerCase())) kept.push(name, headers[i + 1] ?? '');
  }
  for (const name in set) kept.push(name, set[name] ?? '');
  return kept;
}

/** Methods for which no content-length means no body to anyone (RFC 9110 section 8.6). */
const bodiless: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE']);

/** What was applied and where it went, for whoever asks with x-flyball-debug: 1. */
export function debugHeaders({ applied, destination }: Enforced): readonly string[] {
  return ['x-flyball-applied', printable(applied.join(',')), 'x-flyball-upstream', printable(destination.instance ?? '')];
}

/** Node refuses to send other characters in a field. */
const printable = (text: string): string => text.replace(/[^ -~]/g, '?');
