import { pastKeysMax } from '../limits.ts';
import { parsePayload } from '../publish/bytes.ts';
import { isObject } from '../publish/check.ts';
import { inForce, readKeySet } from '../publish/keyset.ts';
import type { KeySet, SignedKeySet, Trust } from '../publish/keyset.ts';
import { keySet as keySetShape } from '../publish/shapes.ts';
import { kindsOn } from '../publish/subjects.ts';
import type { SignedKind } from '../publish/subjects.ts';
import { engineTime } from './clock.ts';
import { refuse } from './tell.ts';
import type { HeldKeys, KeyFile, SignedInput, Turn } from './types.ts';

/** Who signed a message: its kind, and the key set that it brought where that is newer than ours. */
export type Signed = { readonly kind: SignedKind; readonly brings: HeldKeys | null };

/**
 * The kind of message that these bytes are by the signature of a key in force; null: none, which is counted, and nothing has changed. A
 * message may bring the key set that its own key stands in: the root has signed that one.
 */
export function signedBy(turn: Turn, channel: 'diff' | 'head' | 'snapshot', input: SignedInput): Signed | null {
  const { hold } = turn;
  const { trust, verify } = hold.options;
  const { payload, key, signature } = input;
  if (trust == null) {
    const kind = kindsOn[channel].find((k) => verify(k, payload, key, signature));
    return kind === undefined ? dropUnsigned(turn, channel) : { kind, brings: null };
  }
  const kind = hold.keys === null ? undefined : kindBy(turn, hold.keys.set, channel, input, trust);
  const brings = channel === 'diff' ? null : brought(turn, payload, trust);
  // The one it brings decides: its key may just have been taken out.
  const newer = brings === null || brings === 'forged' ? undefined : kindBy(turn, brings.set, channel, input, trust);
  if (newer !== undefined && brings !== null && brings !== 'forged') return { kind: newer, brings };
  if (kind === undefined)
    return isRevoked(turn, key)
      ? drop(turn, 'revoked', `a ${channel} by the key ${key}, which is not in force`)
      : dropUnsigned(turn, channel);
  if (brings === 'forged') return drop(turn, 'key-set', `a ${channel} with a key set that the root has not signed`);
  if (brings !== null) return drop(turn, 'revoked', `a ${channel} by the key ${key}, with the key set that takes it out`);
  return { kind, brings: null };
}

/** Takes a newer key set over; on disk with the next save, which comes at once. Held tables stay, whoever signed them. */
export function adoptKeys({ hold, nowMs }: Turn, keys: HeldKeys): void {
  const known = new Map([...(hold.keys?.past ?? []), ...(hold.keys?.set.keys ?? [])].map(({ id, public: text }) => [id, text]));
  for (const { id } of keys.set.keys) known.delete(id);
  const past = [...known].map(([id, text]) => ({ id, public: text })).slice(-pastKeysMax);
  hold.keys = { ...keys, past };
  hold.dirty = true;
  hold.dirtyDueMs = nowMs;
}

/** As the file keeps it. */
export const keyFile = (keys: HeldKeys | null): KeyFile | null => keys && { ...keys.signed, past: keys.past };

/** What a file holds, read anew: null when there is none, or another root is pinned by now. */
export function readKeyFile(file: KeyFile | null | undefined, trust: Trust | null | undefined): HeldKeys | null {
  if (file == null || trust == null) return null;
  const signed: SignedKeySet = { payload: file.payload, signature: file.signature };
  const set = readKeySet(signed, trust);
  return set && { set, signed, past: file.past };
}

/** Whose signature a held table may bear: of any key that was ever good, since what was taken then stays in force (protocol.md section 4). */
export const publicEver = (keys: HeldKeys, id: string): string | undefined =>
  [...keys.set.keys, ...keys.past].find((key) => key.id === id)?.public;

function kindBy(
  { hold, nowMs }: Turn,
  { keys }: KeySet,
  channel: 'diff' | 'head' | 'snapshot',
  input: SignedInput,
  trust: Trust,
): SignedKind | undefined {
  const key = keys.find(({ id }) => id === input.key);
  if (key === undefined || !inForce(key, engineTime(hold.clock, nowMs))) return undefined;
  return kindsOn[channel].find((kind) => trust.signedBy(key.public, kind, input.payload, input.signature));
}

/** The key set of a message whose signature is not checked yet, if the root has signed it and it is newer than ours. */
function brought(turn: Turn, payload: Uint8Array, trust: Trust): HeldKeys | 'forged' | null {
  const { hold } = turn;
  // Most messages bring none, and are not to be read twice.
  if (!Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).includes('"keySet":{')) return null;
  const value = parsePayload(payload);
  if (!value.ok || !isObject(value.value)) return null;
  const given = value.value['keySet'];
  if (keySetShape(given, 'keySet') !== null) return null;
  const { payload: text, signature } = given as SignedKeySet;
  if (hold.keys?.signed.payload === text) return null;
  const signed: SignedKeySet = { payload: text, signature };
  const set = readKeySet(signed, trust);
  if (set === null) return 'forged';
  if (hold.keys === null || set.version > hold.keys.set.version) return { set, signed, past: [] };
  // An engine whose files went back: its message counts as long as its key does.
  refuse(turn, 'key-set-old', `version ${set.version} of the key set, ${hold.keys.set.version} is kept`);
  return null;
}

/** A key that was good, and is over or taken out by now; a bad signature under a good key's name is just that. */
function isRevoked({ hold, nowMs }: Turn, id: string): boolean {
  if (hold.keys === null) return false;
  const key = hold.keys.set.keys.find((one) => one.id === id);
  return key === undefined ? hold.keys.past.some((one) => one.id === id) : !inForce(key, engineTime(hold.clock, nowMs));
}

function drop(turn: Turn, reason: string, what: string): null {
  refuse(turn, reason, what);
  return null;
}

const dropUnsigned = (turn: Turn, channel: string): null => drop(turn, 'signature', `a ${channel} that no key of the engine has signed`);
