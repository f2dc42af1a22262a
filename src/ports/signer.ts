/** Ed25519 over exact bytes (protocol.md section 2): "flyball/v1/" + kind + "\n" + payload. */
export interface Signer {
  /** Names the public key, e.g. the first 16 hex digits of its SHA-256. */
  readonly keyId: string;
  /** base64url. */
  readonly sign: (kind: string, payload: Uint8Array) => string;
}

export interface Verifier {
  /** False for an unknown key as for a wrong signature. */
  readonly verify: (kind: string, payload: Uint8Array, keyId: string, signature: string) => boolean;
}
