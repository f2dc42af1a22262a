import { keysMax, keySetCharsMax } from '../limits.ts';
import { parsePayload } from './bytes.ts';
import { integer, list, orNull, record, safe, text } from './check.ts';
import type { SignedKind } from './subjects.ts';

/** An engine's public key (32 bytes, base64url) and when it may sign; `to` null: until it is taken out. Times are ms since the epoch. */
export type SetKey = { readonly id: string; readonly public: string; readonly from: number; readonly to: number | null };

/** The keys that engines may sign with (protocol.md section 4). Versions only rise; a key that is not in the newest is revoked. */
export type KeySet = { readonly version: number; readonly keys: readonly SetKey[] };

/** The exact bytes that the root signed, as text, and its signature over "flyball/v1/keys\n" + payload. */
export type SignedKeySet = { readonly payload: string; readonly signature: string };

/** What core is given to check signatures with; pure. The root's public key is pinned in the first. */
export type Trust = {
  readonly rootSigned: (payload: Uint8Array, signature: string) => boolean;
  readonly signedBy: (publicKey: string, kind: SignedKind, payload: Uint8Array, signature: string) => boolean;
};

/** null unless the root signed it and it is a key set. */
export function readKeySet({ payload, signature }: SignedKeySet, trust: Trust): KeySet | null {
  if (payload.length > keySetCharsMax) return null;
  const bytes = new TextEncoder().encode(payload);
  if (!trust.rootSigned(bytes, signature)) return null;
  const value = parsePayload(bytes);
  if (!value.ok || shape(value.value, '') !== null) return null;
  const set = value.value as KeySet;
  return new Set(set.keys.map(({ id }) => id)).size === set.keys.length ? set : null;
}

/**
 * Whether a key may sign at this instant. `from` is not asked: a target whose clock is slow would refuse everybody for no reason, since
 * the root stands for the key already.
 */
export const inForce = ({ to }: SetKey, timeMs: number): boolean => to === null || timeMs < to;

const shape = record({
  version: integer(1, Number.MAX_SAFE_INTEGER),
  keys: list(record({ id: text(16, /^[0-9a-f]{16}$/), public: text(43, /^[A-Za-z0-9_-]{43}$/), from: safe, to: orNull(safe) }), keysMax),
});
