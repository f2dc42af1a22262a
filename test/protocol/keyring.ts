import { createHash, generateKeyPairSync, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { signedBytes } from '../../src/core/publish/bytes.ts';
import type { SetKey, SignedKeySet, Trust } from '../../src/core/publish/keyset.ts';
import type { SignedKind } from '../../src/core/publish/subjects.ts';
import { canon } from '../../src/model/canon.ts';

/** A root and keys of engines, in memory: real Ed25519, or a stand-in where thousands of seeds are run. */
export function createKeyring(kind: 'real' | 'fake', rootName = 'root') {
  const root = kind === 'real' ? realPair() : fakePair(rootName);
  const keys = new Map<string, ReturnType<typeof fakePair>>();
  const byPublic = new Map<string, ReturnType<typeof fakePair>>();
  const stranger = kind === 'real' ? realPair() : fakePair('a stranger');
  byPublic.set(stranger.text, stranger);
  const trust: Trust = {
    rootSigned: (payload, signature) => root.verify(rootBytes(payload), signature),
    signedBy: (text, of, payload, signature) => byPublic.get(text)?.verify(signedBytes(of, payload), signature) === true,
  };
  return {
    trust,
    /** Makes a key and gives its place in a set. */
    make: (id: string, from = 0, to: number | null = null): SetKey => {
      const pair = kind === 'real' ? realPair() : fakePair(id);
      keys.set(id, pair);
      byPublic.set(pair.text, pair);
      return { id, public: pair.text, from, to };
    },
    sign: (of: SignedKind, payload: Uint8Array, id: string): string => keys.get(id)?.sign(signedBytes(of, payload)) ?? '',
    /** A set as the root signs it; with another `by`, as it does not. */
    set: (version: number, all: readonly SetKey[], by = root): SignedKeySet => {
      const payload = canon({ version, keys: all });
      return { payload, signature: by.sign(rootBytes(Buffer.from(payload, 'utf8'))) };
    },
    /** Has no place in any set that the root signed. */
    stranger,
    /** As bench.ts sends with. */
    as: (id: string) => ({
      keyId: id,
      sign: (of: SignedKind, payload: Uint8Array): string => keys.get(id)?.sign(signedBytes(of, payload)) ?? '',
      verify: () => false,
    }),
  };
}
export type Keyring = ReturnType<typeof createKeyring>;

/** Written apart from the code: protocol.md section 2 with the kind "keys". */
const rootBytes = (payload: Uint8Array): Uint8Array => Buffer.concat([Buffer.from('flyball/v1/keys\n'), payload]);

function realPair() {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    text: rawOf(publicKey),
    sign: (bytes: Uint8Array): string => sign(null, bytes, privateKey).toString('base64url'),
    verify: (bytes: Uint8Array, signature: string): boolean => verify(null, bytes, publicKey, Buffer.from(signature, 'base64url')),
  };
}

function fakePair(secret: string) {
  const signed = (bytes: Uint8Array): string => createHash('sha256').update(`secret of ${secret}`).update(bytes).digest('base64url');
  return {
    text: createHash('sha256').update(`public ${secret}`).digest('base64url'),
    sign: signed,
    verify: (bytes: Uint8Array, signature: string): boolean => signed(bytes) === signature,
  };
}

const rawOf = (key: KeyObject): string => key.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64url');
