import { decodeSigned } from './messages.ts';
import type { Proof } from './messages.ts';
import { parsePayload } from './bytes.ts';
import type { SignedKind } from './subjects.ts';

/** True when one of the engine's keys made this signature over signedBytes(kind, payload). Pure. */
export type Verify = (kind: SignedKind, payload: Uint8Array, key: string, signature: string) => boolean;

/** What a proof says the engine once stood for. */
export type Proven = { readonly target: string; readonly epoch: number; readonly revision: number; readonly hash: string };

/** Reads a proof; null unless an engine's key signed it and it is a message of its kind. */
export function readProof(proof: Proof, verify: Verify): Proven | null {
  const payload = new TextEncoder().encode(proof.payload);
  if (!verify(proof.kind, payload, proof.key, proof.signature)) return null;
  const value = parsePayload(payload);
  if (!value.ok) return null;
  const decoded = decodeSigned(proof.kind, value.value);
  if (!decoded.ok) return null;
  const { kind } = decoded.value;
  if (kind === 'closed' || kind === 'override' || kind === 'lift') return null;
  const { target, epoch, revision, hash } = decoded.value.message;
  return { target, epoch, revision, hash };
}
