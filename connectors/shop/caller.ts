import { request } from 'node:http';
import type { Agent } from 'node:http';

export type Origin = { readonly host: string; readonly port: number; readonly authority: string };

export type Call = {
  readonly agent: Agent;
  readonly to: Origin;
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
};

/** Sends one request without a body and throws the answer's body away. `done` is called once: with the status, or null for no whole answer. */
export function call({ agent, to, method, path, headers, timeoutMs }: Call, done: (status: number | null) => void): void {
  let over = false;
  const end = (status: number | null): void => {
    if (over) return;
    over = true;
    done(status);
  };
  const length = method === 'POST' ? { 'content-length': '0' } : {};
  const sent = request(
    { agent, host: to.host, port: to.port, method, path, headers: { host: to.authority, ...headers, ...length }, timeout: timeoutMs },
    (answer) => {
      answer.on('end', () => end(answer.complete ? (answer.statusCode ?? null) : null));
      answer.on('error', () => end(null));
      answer.on('close', () => end(null));
      answer.resume();
    },
  );
  sent.on('timeout', () => sent.destroy());
  sent.on('error', () => end(null));
  sent.on('close', () => end(null));
  sent.end();
}

/** Where a base URL points; throws on text that is no http URL, which only a supervisor's error can bring about. */
export function originOf(url: string): Origin {
  const { protocol, hostname, port, host } = new URL(url);
  if (protocol !== 'http:') throw new Error(`not an http URL: ${url}`);
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: port === '' ? 80 : Number(port), authority: host };
}
