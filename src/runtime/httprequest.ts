import { request as plainRequest } from 'node:http';
import type { IncomingMessage, RequestOptions } from 'node:http';
import { request as tlsRequest } from 'node:https';

export type Answer = { readonly status: number; readonly headers: Readonly<Record<string, unknown>>; readonly text: string };

/**
 * One request over a connection of its own; redirects are answers, not followed. With `ca` (PEM) that authority vouches for the server and
 * no other does. Rejects when there is no whole answer within `msMax` or it is longer than `bytesMax`.
 */
export function httpRequest(ask: {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly ca: string | null;
  readonly msMax: number;
  readonly bytesMax: number;
}): Promise<Answer> {
  const { url, method, headers, body, ca, msMax, bytesMax } = ask;
  // Told, because Node sends the body of a DELETE without saying that there is one.
  const length = body === null ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const options: RequestOptions = { method, headers: { ...headers, ...length }, agent: false, signal: AbortSignal.timeout(msMax) };
  return new Promise((resolve, reject) => {
    const answered = (response: IncomingMessage): void => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > bytesMax) response.destroy(new Error(`the answer is larger than ${bytesMax} bytes`));
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString('utf8') }),
      );
    };
    const request =
      url.protocol === 'https:'
        ? tlsRequest(url, { ...options, rejectUnauthorized: true, ...(ca === null ? {} : { ca }) }, answered)
        : plainRequest(url, options, answered);
    request.on('error', reject);
    request.end(body ?? undefined);
  });
}
