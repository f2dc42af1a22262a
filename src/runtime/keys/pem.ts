import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { fail, ok } from '../../model/problem.ts';
import type { Problem, Result } from '../../model/problem.ts';
import { createWhole, readIfThere } from '../files.ts';

/** RFC 8032: an Ed25519 public key has 32 bytes, a signature 64. */
const publicBytes = 32;
const signatureText = /^[A-Za-z0-9_-]{86}$/;
/** RFC 8410: what stands before the raw key in an SPKI structure. */
const spkiStart = Buffer.from('302a300506032b6570032100', 'hex');

export const newPrivate = (): KeyObject => generateKeyPairSync('ed25519').privateKey;

/** Writes a private key (PKCS #8, 0600) unless one is there already: of two that start at once, one stays, and both read it. */
export const keepPrivate = (path: string, key: KeyObject): boolean =>
  createWhole(path, key.export({ type: 'pkcs8', format: 'pem' }).toString(), 0o600);

export const publicText = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }).toString();

/** Errors: E-KEY for a file that is no Ed25519 key, that others can read, or that is not there. Throws as node:fs does. */
export function openPrivate(path: string): Result<KeyObject> {
  const text = readIfThere(path);
  if (text === null) return fail(keyProblem('the private key is not there', path));
  if ((lstatSync(path).mode & 0o077) !== 0) return fail(keyProblem('others can read the private key', path));
  const key = privateKeyOf(text);
  return key === null ? fail(keyProblem('not an Ed25519 private key', path)) : ok(key);
}

export function openPublic(path: string): Result<KeyObject> {
  const text = readIfThere(path);
  if (text === null) return fail(keyProblem('there is no public key of an engine', path));
  const key = publicKeyOf(text);
  return key === null ? fail(keyProblem('not an Ed25519 public key', path)) : ok(key);
}

/** The raw public key as base64url. */
export function rawOf(key: KeyObject): string {
  const spki = key.export({ type: 'spki', format: 'der' });
  return spki.subarray(spki.length - publicBytes).toString('base64url');
}

/** Of 32 bytes in base64url; null: it is no such text. */
export function publicOfRaw(raw: string): KeyObject | null {
  const bytes = Buffer.from(raw, 'base64url');
  if (bytes.length !== publicBytes || bytes.toString('base64url') !== raw) return null;
  return keyOf(() => createPublicKey({ key: Buffer.concat([spkiStart, bytes]), format: 'der', type: 'spki' }));
}

/** First 16 hex digits of the SHA-256 of the raw public key. */
export const keyIdOf = (key: KeyObject): string =>
  createHash('sha256')
    .update(Buffer.from(rawOf(key), 'base64url'))
    .digest('hex')
    .slice(0, 16);

export const signWith = (key: KeyObject, kind: string, payload: Uint8Array): string =>
  sign(null, domain(kind, payload), key).toString('base64url');

/** One signature has one text: spare bits of the last character may be set in others. */
export function verifyWith(key: KeyObject, kind: string, payload: Uint8Array, signature: string): boolean {
  if (!signatureText.test(signature)) return false;
  const bytes = Buffer.from(signature, 'base64url');
  return bytes.toString('base64url') === signature && verify(null, domain(kind, payload), key, bytes);
}

/** protocol.md section 2; the same bytes as src/core/publish/bytes.ts, which this room may not import (a test compares them). */
const domain = (kind: string, payload: Uint8Array): Uint8Array => Buffer.concat([Buffer.from(`flyball/v1/${kind}\n`), payload]);

const privateKeyOf = (text: string): KeyObject | null => keyOf(() => createPrivateKey(text));
const publicKeyOf = (text: string): KeyObject | null => keyOf(() => (text.includes('PRIVATE') ? null : createPublicKey(text)));

function keyOf(read: () => KeyObject | null): KeyObject | null {
  try {
    const key = read();
    return key?.asymmetricKeyType === 'ed25519' ? key : null;
  } catch (error) {
    // OpenSSL's own words say nothing to a person; that it is no key is said by the caller.
    if (error instanceof Error) return null;
    throw error;
  }
}

export const keyProblem = (
  what: string,
  at: string,
  todo = 'point to the keys of the engine that leads this target (FLYBALL_HOME/keys); chmod 600 a private key',
): Problem => ({ code: 'E-KEY', what, at, todo });
