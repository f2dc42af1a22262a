import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { chmodSync, lstatSync } from 'node:fs';
import { join } from 'node:path';
import { fail, ok } from '../model/problem.ts';
import type { Problem, Result } from '../model/problem.ts';
import type { Signer, Verifier } from '../ports/signer.ts';
import { createWhole, fileProblem, readIfThere } from './files.ts';

/** RFC 8032: an Ed25519 public key has 32 bytes, a signature 64. */
const publicBytes = 32;
const signatureText = /^[A-Za-z0-9_-]{86}$/;

const privateName = 'engine.key';
const publicName = 'engine.pub';

/**
 * The engine's key pair from a keys folder (0700), made at the first call: `engine.key` (PKCS #8, mode 0600) and `engine.pub` (SPKI), which
 * adapters read. Its verifier knows this one key. Errors: E-KEY for a file that is not such a key or that others can read, E-FILE.
 */
export function engineKeys(folder: string): Result<{ readonly signer: Signer; readonly verifier: Verifier; readonly publicFile: string }> {
  const path = join(folder, privateName);
  try {
    if (readIfThere(path) === null) {
      const { privateKey } = generateKeyPairSync('ed25519');
      // Of two engines that start at once, one key stays: the other reads it below.
      createWhole(path, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 0o600);
    }
    if ((lstatSync(path).mode & 0o077) !== 0) return fail(keyProblem('others can read the private key', path));
    const key = privateKeyOf(readIfThere(path) ?? '');
    if (key === null) return fail(keyProblem('not an Ed25519 private key', path));
    const publicKey = createPublicKey(key);
    const publicFile = join(folder, publicName);
    const published = publish(publicFile, publicKey);
    if (published !== null) return fail(published);
    const keyId = keyIdOf(publicKey);
    const signer: Signer = { keyId, sign: (kind, payload) => sign(null, domain(kind, payload), key).toString('base64url') };
    return ok({ signer, verifier: verifierOf([publicKey]), publicFile });
  } catch (error) {
    return fail(fileProblem('cannot open the engine key', path, error));
  }
}

/** What an adapter needs: the engine's public key from `engine.pub` (a file), or from the keys folder it lies in. */
export function readVerifier(path: string): Result<Verifier> {
  try {
    const file = lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true ? join(path, publicName) : path;
    const text = readIfThere(file);
    if (text === null) return fail(keyProblem('there is no public key of an engine', file));
    const key = publicKeyOf(text);
    return key === null ? fail(keyProblem('not an Ed25519 public key', file)) : ok(verifierOf([key]));
  } catch (error) {
    return fail(fileProblem('cannot read the public key of the engine', path, error));
  }
}

/** First 16 hex digits of the SHA-256 of the raw public key. */
export function keyIdOf(key: KeyObject): string {
  const spki = key.export({ type: 'spki', format: 'der' });
  // The raw key is the end of the SPKI structure (RFC 8410 section 4).
  return createHash('sha256')
    .update(spki.subarray(spki.length - publicBytes))
    .digest('hex')
    .slice(0, 16);
}

function verifierOf(keys: readonly KeyObject[]): Verifier {
  const byId = new Map(keys.map((key) => [keyIdOf(key), key]));
  return {
    verify: (kind, payload, keyId, signature) => {
      const key = byId.get(keyId);
      if (key === undefined || !signatureText.test(signature)) return false;
      const bytes = Buffer.from(signature, 'base64url');
      // Spare bits of the last character may be set: one signature has one text.
      return bytes.toString('base64url') === signature && verify(null, domain(kind, payload), key, bytes);
    },
  };
}

/** protocol.md section 2; the same bytes as src/core/publish/bytes.ts, which this room may not import (a test compares them). */
const domain = (kind: string, payload: Uint8Array): Uint8Array => Buffer.concat([Buffer.from(`flyball/v1/${kind}\n`), payload]);

/** Puts the public key beside the private one; a file that holds another key is somebody's mistake, not ours to replace. */
function publish(path: string, key: KeyObject): Problem | null {
  const there = readIfThere(path);
  if (there !== null) {
    const known = publicKeyOf(there);
    return known !== null && keyIdOf(known) === keyIdOf(key) ? null : keyProblem('it does not belong to the private key beside it', path);
  }
  createWhole(path, key.export({ type: 'spki', format: 'pem' }).toString(), 0o644);
  chmodSync(path, 0o644);
  return null;
}

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

const keyProblem = (what: string, at: string): Problem => ({
  code: 'E-KEY',
  what,
  at,
  todo: 'point to the keys of the engine that leads this target (FLYBALL_HOME/keys); chmod 600 a private key',
});
