import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { fail, ok } from '../../model/problem.ts';
import type { Problem, Result } from '../../model/problem.ts';
import { tlsFilesProblem } from './tls.ts';

/** A listener's certificate and private key, as PEM text. */
export type ServerPem = { readonly cert: string; readonly key: string };

/** Where a listener is asked to be. `insecure`: a person has said that it may be plain and open to others. */
export type ListenAsk = { readonly host: string; readonly port: number; readonly tls: ServerPem | null; readonly insecure: boolean };

/** Only names and addresses that mean this machine and nothing else; "" and 0.0.0.0 are every address it has. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  return bare === 'localhost' || bare === '::1' || (isIP(bare) === 4 && bare.startsWith('127.'));
}

/** Every listener is on the loopback unless told; beyond it, a plain one must be asked for by name. E-LISTEN-OPEN. */
export const openProblem = ({ host, port, tls, insecure }: ListenAsk): Problem | null =>
  isLoopback(host) || tls !== null || insecure
    ? null
    : {
        code: 'E-LISTEN-OPEN',
        what: 'refused to listen beyond this machine without TLS: tokens would be sent in the clear',
        at: `${host}:${port}`,
        todo: 'give --tls-cert FILE and --tls-key FILE; or --insecure-listen, where something else keeps the wire private',
      };

/** Whether a url leads beyond this machine without asking for TLS; of one that is none we say nothing. */
export function plainBeyond(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { hostname, protocol, searchParams } = new URL(url);
  return hostname !== '' && !isLoopback(hostname) && protocol !== 'tls:' && searchParams.get('sslmode') !== 'verify-full';
}

/** "HOST:PORT", an IPv6 address in brackets; null when it is none. */
export function parseHostPort(text: string): { readonly host: string; readonly port: number } | null {
  const [, host = '', digits = ''] = /^(\[[0-9a-fA-F:.]+\]|[^:[\]\s]+):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  return host === '' || port > 65_535 ? null : { host: host.replace(/^\[(.*)\]$/, '$1'), port };
}

/** Reads a certificate (with its chain) and its key; E-TLS. */
export function readServerPem(files: { readonly cert: string; readonly key: string }): Result<ServerPem> {
  const problem = tlsFilesProblem({ ca: null, ...files });
  return problem === null ? ok({ cert: readFileSync(files.cert, 'utf8'), key: readFileSync(files.key, 'utf8') }) : fail(problem);
}
