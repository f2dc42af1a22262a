import { X509Certificate, createPrivateKey } from 'node:crypto';
import { statSync } from 'node:fs';
import { fail, ok } from '../../model/problem.ts';
import type { Problem, Result } from '../../model/problem.ts';
import { readIfThere } from '../files.ts';

/** PEM files: whom we trust instead of the system's authorities, and who we are. */
export type TlsFiles = { readonly ca: string | null; readonly cert: string | null; readonly key: string | null };

/** NATS_CA, NATS_CERT and NATS_KEY; null when none is set. A file that is not what it should be is said now, not at each connection. */
export function natsTlsFiles(env: NodeJS.ProcessEnv): Result<TlsFiles | null> {
  const files: TlsFiles = { ca: env['NATS_CA'] || null, cert: env['NATS_CERT'] || null, key: env['NATS_KEY'] || null };
  if (files.ca === null && files.cert === null && files.key === null) return ok(null);
  if ((files.cert === null) !== (files.key === null))
    return fail(tlsProblem('a client certificate needs its key, and a key its certificate', 'NATS_CERT, NATS_KEY'));
  const problem = tlsFilesProblem(files);
  return problem === null ? ok(files) : fail(problem);
}

/** What is wrong with these files, before anything connects with them. */
export function tlsFilesProblem({ ca, cert, key }: TlsFiles): Problem | null {
  for (const path of [ca, cert])
    if (path !== null && !reads(path, (text) => new X509Certificate(text))) return tlsProblem('there is no certificate (PEM)', path);
  if (key === null) return null;
  if (!reads(key, createPrivateKey)) return tlsProblem('there is no private key (PEM, without a password)', key);
  return (statSync(key).mode & 0o077) === 0 ? null : tlsProblem('others can read the private key (chmod 600)', key);
}

/** Node has a switch that turns every verification off without a word: with it set, no TLS is spoken at all. */
export const unverifiedProblem = (env: NodeJS.ProcessEnv, at: string): Problem | null =>
  env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0' ? unverified('NODE_TLS_REJECT_UNAUTHORIZED=0 turns verification off', at, 'unset it, and name the CA') : null; // prettier-ignore

/**
 * DATABASE_URL either says nothing of TLS, or sslmode=disable, or sslmode=verify-full (with sslrootcert, sslcert and sslkey as files). The
 * modes between mean different things to different drivers, and less than they seem to in all of them.
 */
export function databaseTlsProblem(url: string, env: NodeJS.ProcessEnv): Problem | null {
  const at = 'DATABASE_URL';
  const params = URL.canParse(url) ? new URL(url).searchParams : new URLSearchParams();
  const said = [params.getAll('sslmode'), params.has('sslmode') ? [] : [env['PGSSLMODE'] ?? '']].flat().filter((mode) => mode !== '');
  const files: TlsFiles = { ca: params.get('sslrootcert'), cert: params.get('sslcert'), key: params.get('sslkey') };
  const wanted = said.length > 0 ? said.every((mode) => mode === 'verify-full') : false;
  const other = said.find((mode) => mode !== 'verify-full' && mode !== 'disable');
  const todo = 'write sslmode=verify-full&sslrootcert=/path/ca.pem';
  if (other !== undefined) return unverified(`sslmode=${other.slice(0, 20)} does not verify who answers`, at, todo);
  if (new Set(said).size > 1) return unverified('sslmode is given twice', at, todo);
  for (const name of ['ssl', 'uselibpqcompat', 'sslnegotiation', 'requiressl'])
    if (params.has(name)) return unverified(`${name}= does not say whether the server is verified`, at, todo);
  if (!wanted)
    return (files.ca ?? files.cert ?? files.key) ? unverified('certificates are named, but sslmode=verify-full is not', at, todo) : null;
  if ((files.cert === null) !== (files.key === null))
    return tlsProblem('a client certificate needs its key, and a key its certificate', at);
  return tlsFilesProblem(files) ?? unverifiedProblem(env, at);
}

function reads(path: string, parse: (text: string) => unknown): boolean {
  try {
    const text = readIfThere(path);
    if (text !== null) parse(text);
    return text !== null;
  } catch (error) {
    // OpenSSL's words for it, or a folder: said by the caller, with the path.
    if (error instanceof Error) return false;
    throw error;
  }
}

const unverified = (what: string, at: string, todo: string): Problem => ({ code: 'E-TLS-UNVERIFIED', what: `refused: ${what}`, at, todo });

const tlsProblem = (what: string, at: string): Problem => ({ code: 'E-TLS', what, at, todo: 'name PEM files that this user can read' });
