import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { signedBytes } from '../../src/core/publish/bytes.ts';
import type { Verify } from '../../src/core/publish/proof.ts';
import type { SignedKind } from '../../src/core/publish/subjects.ts';

/** A real Ed25519 key, in memory. */
export function realKey(keyId: string) {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const check: Verify = (kind, payload, key, signature) =>
    key === keyId && verify(null, signedBytes(kind, payload), publicKey, Buffer.from(signature, 'base64url'));
  return {
    keyId,
    sign: (kind: SignedKind, payload: Uint8Array): string => sign(null, signedBytes(kind, payload), privateKey).toString('base64url'),
    verify: check,
  };
}
