import { keyForceMs, keySpreadMs, targetLiveMs } from '../limits.ts';
import { inForce, readKeySet } from './keyset.ts';
import type { SetKey, SignedKeySet } from './keyset.ts';
import type { Proof } from './messages.ts';
import { readProof } from './proof.ts';
import type { Proven } from './proof.ts';
import { report } from './speak.ts';
import type { Lead, LeadKeys, LeadTurn } from './types.ts';

/** The files hold another key set, or another private key. What is not newer and not the same stays out: a restored folder revokes nothing back. */
export function onKeys(turn: LeadTurn, signed: SignedKeySet, own: readonly string[]): void {
  const { lead, now } = turn;
  const { trust } = lead.options;
  const set = trust == null ? null : readKeySet(signed, trust);
  if (set === null) return report(turn, 'key-set', 'keys', 'a key set that the root has not signed');
  const before = lead.keys;
  const same = before !== null && before.signed.payload === signed.payload;
  if (before !== null && !same && set.version <= before.set.version) {
    return report(turn, 'key-set', 'keys', `version ${set.version} of the key set, ${before.set.version} is in use`);
  }
  lead.keys = { set, signed, own, sinceMs: same ? before.sinceMs : now.monoMs };
  chooseKey(turn);
}

/**
 * Signs with the newest key once all who are there know it, or after a day; at once when the key in use is taken out or over. A process that
 * starts begins with the oldest: everybody knows that one.
 */
export function chooseKey(turn: LeadTurn): void {
  const { lead, now } = turn;
  if (lead.keys === null) return;
  const usable = signing(lead.keys, now.wallMs);
  const newest = usable.at(-1);
  if (newest === undefined)
    return report(turn, 'no-key', 'keys', 'no key of the key set is at hand and in force: nothing that is signed now is believed');
  const present = usable.find(({ id }) => id === lead.keyId);
  if (present === newest) return;
  if (present !== undefined && now.wallMs - newest.from < keyForceMs && !spread(turn, lead.keys)) return;
  lead.keyId = newest.id;
  report(turn, 'key-in-use', 'keys', `signs with ${newest.id} from now on`);
}

/** A proof of what this engine, or one before it, once stood for. */
export function readOwn({ options, keys }: Lead, proof: Proof): Proven | null {
  const { trust } = options;
  if (keys === null || trust == null) return readProof(proof, options.verify);
  // A key that is over still proves what it signed while it was in force: it went out of use, and is not suspected. One that was taken out
  // proves nothing, because whoever has it could stop every commit by proving a future.
  const key = keys.set.keys.find(({ id }) => id === proof.key);
  if (key === undefined) return null;
  const proven = readProof(proof, (kind, payload, _id, signature) => trust.signedBy(key.public, kind, payload, signature));
  return proven === null || !inForce(key, proven.issued) ? null : proven;
}

/** Keys that can sign now, oldest first. */
function signing({ set, own }: LeadKeys, wallMs: number): readonly SetKey[] {
  return set.keys.filter((key) => own.includes(key.id) && inForce(key, wallMs)).toSorted((a, b) => a.from - b.from);
}

/** Every live target keeps this key set. */
function spread({ lead, now }: LeadTurn, { set, sinceMs }: LeadKeys): boolean {
  if (now.monoMs - sinceMs < (lead.options.keySpreadMs ?? keySpreadMs)) return false;
  const live = [...lead.targets.values()].filter(({ heardMs }) => heardMs !== null && now.monoMs - heardMs <= targetLiveMs);
  return live.every(({ keys }) => keys >= set.version);
}
