/** Ed25519 over exact bytes (protocol.md section 2): "flyball/v1/" + kind + "\n" + payload. */
export interface Signer {
  /** Names the public key that signs unless another is asked for: the first 16 hex digits of its SHA-256. */
  readonly keyId: string;
  /** base64url. Throws for a key that is not at hand. */
  readonly sign: (kind: string, payload: Uint8Array, keyId?: string) => string;
}

export interface Verifier {
  /** False for an unknown key as for a wrong signature. */
  readonly verify: (kind: string, payload: Uint8Array, keyId: string, signature: string) => boolean;
  /** The root that is pinned; null or none: `verify` knows the one key there is. */
  readonly root?: Trust | null;
}

/** What a pinned root makes of key sets (protocol.md section 4). */
export interface Trust {
  /** Whether the root signed "flyball/v1/keys\n" + payload. */
  readonly rootSigned: (payload: Uint8Array, signature: string) => boolean;
  /** Whether this public key (32 bytes, base64url), of a set that the root signed, made the signature. */
  readonly signedBy: (publicKey: string, kind: string, payload: Uint8Array, signature: string) => boolean;
}

/** The key set in the files of an engine. */
export interface KeyRing {
  /** As read last; `own`: ids of the private keys at hand. */
  readonly now: () => { readonly signed: { readonly payload: string; readonly signature: string }; readonly own: readonly string[] };
  /** Calls back when they have changed; the returned function ends it. */
  readonly watch: (change: () => void) => () => void;
}
