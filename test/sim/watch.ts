import { createHash } from 'node:crypto';
import type { HoldFile } from '../../src/core/hold/types.ts';
import type { KeySet, SignedKeySet } from '../../src/core/publish/keyset.ts';
import { must } from './oracle.ts';

/** What protocol.md says of key sets, parts and grants, written apart from the code: it sees bytes, files and what the engine sends. */
export function createWatch(now: () => number) {
  const sets = new Map<number, string>();
  const epochs = new Set<number>([0]);
  const disks = new Map<string, HoldFile>();
  const files = new Map<string, HoldFile>();
  const parts = new Map<string, Set<string>>();
  const closed = new Map<string, number>();
  const taken = new Set<string>();
  let newest: KeySet | null = null;
  let inUse: string | null = null;
  let newestSince = 0;

  const versionOf = (file: HoldFile | undefined): number => (file?.keySet == null ? 0 : JSON.parse(file.keySet.payload).version);
  const over = (to: number | null): boolean => to !== null && to <= now();

  return {
    made: (set: KeySet, signed: SignedKeySet): void => {
      sets.set(set.version, signed.payload);
      newest = set;
      newestSince = now();
    },
    epoch: (epoch: number): void => void epochs.add(epoch),
    delivered: (who: string, channel: string, payload: Uint8Array, signature: string): void => {
      if (channel !== 'snapshot' || signature !== '') return;
      const hash = createHash('sha256').update('flyball/part/v1\n').update(payload).digest('hex');
      parts.set(who, (parts.get(who) ?? new Set()).add(hash));
    },
    restarted: (who: string): void => {
      parts.delete(who);
      const disk = disks.get(who);
      if (disk !== undefined) files.set(who, disk);
    },
    saving: (who: string, file: HoldFile): void => {
      const disk = disks.get(who);
      must(versionOf(file) >= versionOf(disk), `${who} goes back from version ${versionOf(disk)} to ${versionOf(file)} of the key set`);
      if (file.keySet != null) must(sets.get(versionOf(file)) === file.keySet.payload, `${who} keeps a key set that the root never signed`);
      must(epochs.has(file.fence), `${who} has the fence ${file.fence}, which was never an epoch`);
      const { held } = file;
      const before = files.get(who)?.held ?? null;
      files.set(who, file);
      if (held === null || (before?.revision === held.revision && before.hash === held.hash)) return;
      // Back to what it took before, when the device refused the next.
      const place = `${who}:${held.revision}:${held.hash}`;
      if (disk?.held?.revision === held.revision || taken.has(place)) return;
      taken.add(place);
      const { parts: count, hashes } = JSON.parse(held.proof.payload);
      if (held.proof.kind !== 'snapshot' || count === 1) return;
      const had = parts.get(who);
      for (const hash of hashes) must(had?.has(hash) === true, `${who} takes revision ${held.revision} without all of its parts`);
    },
    saved: (who: string, file: HoldFile): void => void disks.set(who, file),
    says: (who: string, payload: Uint8Array): void => {
      const { keys } = JSON.parse(Buffer.from(payload).toString('utf8'));
      must((keys ?? 0) <= versionOf(disks.get(who)), `${who} says that it keeps version ${keys} of the key set, which is not on its disk`);
    },
    engineStarted: (): void => {
      closed.clear();
      inUse = null;
    },
    /** @param live files of the adapters that are there, and that the engine has heard of. */
    signs: (keyId: string): void => {
      if (keyId === '' || newest === null) return;
      const key = newest.keys.find(({ id }) => id === keyId);
      must(key !== undefined, `the engine signs with ${keyId}, which is revoked`);
      must(!over(key?.to ?? null) || now() - (key?.to ?? 0) < 200, `the engine signs with ${keyId}, which is over`);
    },
    /** Seen often enough that nothing comes between. @param live files of the adapters that are there, and that the engine has heard of. */
    inUse: (keyId: string | undefined, live: readonly string[], graceMs: number): void => {
      if (keyId === undefined || newest === null) return;
      if (inUse !== null && inUse !== keyId) {
        const before = newest.keys.find(({ id }) => id === inUse);
        const forced = before === undefined || over(before.to);
        const lacks = live.find((who) => versionOf(disks.get(who)) < (newest?.version ?? 0));
        must(forced || lacks === undefined, `the engine signs with a new key that ${lacks} has not heard of`);
        must(forced || now() - newestSince >= graceMs, 'the engine signs with a new key before anybody could have heard of it');
      }
      inUse = keyId;
    },
    grants: (payload: Uint8Array): void => {
      const { nonce, grant, instance } = JSON.parse(Buffer.from(payload).toString('utf8'));
      if (nonce === undefined) {
        if (instance !== undefined) closed.set(instance.adapter, Math.max(closed.get(instance.adapter) ?? -1, instance.boot));
        return;
      }
      const at = closed.get(grant.instance.adapter) ?? -1;
      must(grant.instance.boot > at, `${grant.instance.adapter} has the grant again, after it was closed`);
    },
  };
}
export type Watch = ReturnType<typeof createWatch>;
