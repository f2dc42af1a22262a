import { createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { lstatSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fail, ok } from '../model/problem.ts';
import type { Result } from '../model/problem.ts';
import type { Clock } from '../ports/clock.ts';
import type { KeyRing, Signer, Trust, Verifier } from '../ports/signer.ts';
import { fileProblem, readIfThere } from './files.ts';
import { keyIdOf, keyProblem, openPublic, publicOfRaw, signWith, verifyWith } from './keys/pem.ts';
import { names, openOwn, openSet, takeOver } from './keys/set.ts';
import type { SignedSet } from './keys/set.ts';

export { keyIdOf } from './keys/pem.ts';

const lookEveryMs = 1_000;
/** Public keys of key sets that were seen; more than one set may hold. */
const rememberedMax = 64;

export type EngineKeys = {
  readonly signer: Signer;
  readonly verifier: Verifier;
  readonly ring: (on: { readonly clock: Clock; readonly say: (line: string) => void }) => KeyRing;
  /** What an adapter needs to know: the root's public key. */
  readonly publicFile: string;
};

/**
 * The keys of an engine from its keys folder (0700): a root that signs the key set, and the private keys (0600) that sign messages. What is
 * missing at the first start is made; the one key of a home from before key sets becomes version 1. Errors: E-KEY for a file that is not
 * such a key or that others can read, or a key set without a key that is here; E-FILE.
 */
export function engineKeys(folder: string): Result<EngineKeys> {
  try {
    const missing = takeOver(folder);
    if (missing !== null) return fail(missing);
    const first = read(folder);
    if (!first.ok) return first;
    let { own, signed } = first.value;
    const { root, oldest } = first.value;
    const reread = (): Result<void> => {
      const again = read(folder);
      if (!again.ok) return again;
      ({ own, signed } = again.value);
      return ok(undefined);
    };
    const signer: Signer = {
      keyId: oldest,
      sign: (kind, payload, keyId = oldest) => {
        // One that was revoked this moment: what it signs is refused by whoever has heard of it.
        const key = own.get(keyId) ?? first.value.own.get(keyId);
        if (key === undefined) throw new Error(`the engine has no key ${keyId}`);
        return signWith(key, kind, payload);
      },
    };
    const verify: Verifier['verify'] = (kind, payload, keyId, signature) => {
      const key = own.get(keyId);
      return key !== undefined && verifyWith(createPublicKey(key), kind, payload, signature);
    };
    const now = () => ({ signed, own: [...own.keys()] });
    return ok({
      signer,
      verifier: { verify, root: trustOf(root) },
      ring: ({ clock, say }) => ({ now, watch: (change) => watch(folder, clock, say, reread, change) }),
      publicFile: join(folder, names.rootPublic),
    });
  } catch (error) {
    return fail(fileProblem('cannot open the engine key', join(folder, names.set), error));
  }
}

/**
 * What an adapter checks messages with: a folder of keys, whose root it pins (`root.pub`); or one public key of an engine as a file, which
 * is then the only one for ever.
 */
export function readVerifier(path: string): Result<Verifier> {
  return reading(path, () => {
    const folder = lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
    const file = folder ? join(path, names.firstPublic) : path;
    const pinned = folder && readIfThere(join(path, names.rootPublic)) !== null ? openPublic(join(path, names.rootPublic)) : null;
    if (pinned !== null && !pinned.ok) return pinned;
    const root = pinned === null ? null : trustOf(pinned.value);
    if (root !== null && readIfThere(file) === null) return ok({ verify: () => false, root });
    const key = openPublic(file);
    return key.ok ? ok({ verify: verifyBy(key.value), root }) : key;
  });
}

/** As readVerifier, from the root's public key alone. */
export const readRoot = (file: string): Result<Verifier> =>
  reading(file, () => {
    const root = openPublic(file);
    return root.ok ? ok({ verify: () => false, root: trustOf(root.value) }) : root;
  });

function reading(path: string, read: () => Result<Verifier>): Result<Verifier> {
  try {
    return read();
  } catch (error) {
    return fail(fileProblem('cannot read the public key of the engine', path, error));
  }
}

type Read = { readonly own: ReadonlyMap<string, KeyObject>; readonly signed: SignedSet; readonly root: KeyObject; readonly oldest: string };

function read(folder: string): Result<Read> {
  const opened = openSet(folder);
  if (!opened.ok) return opened;
  const { set, signed, root } = opened.value;
  const own = openOwn(folder, set);
  if (!own.ok) return own;
  const mine = set.keys.filter(({ id }) => own.value.has(id)).toSorted((a, b) => a.from - b.from);
  const inForce = mine.filter(({ to }) => to === null || to > Date.now());
  const oldest = inForce[0];
  if (oldest === undefined) return fail(keyProblem('no private key of the key set that is in force is here', folder, 'put it back, or make one: `flyball keys rotate`')); // prettier-ignore
  return ok({ own: own.value, signed, root, oldest: oldest.id });
}

/** Calls back when the key set was written anew; one that cannot be read is said, and changes nothing. */
function watch(folder: string, clock: Clock, say: (line: string) => void, reread: () => Result<void>, change: () => void): () => void {
  const stamp = (): string => {
    const stat = statSync(join(folder, names.set), { throwIfNoEntry: false });
    return stat === undefined ? 'none' : `${stat.mtimeMs} ${stat.size} ${stat.ino}`;
  };
  let seen = stamp();
  return clock.each(lookEveryMs, () => {
    try {
      const now = stamp();
      if (now === seen) return;
      seen = now;
      const again = reread();
      if (again.ok) change();
      else say(`${again.problem.what}: the keys stay as they were`);
    } catch (error) {
      say(`${fileProblem('cannot read the keys', folder, error).what}: they stay as they were`);
    }
  });
}

function trustOf(root: KeyObject): Trust {
  const known = new Map<string, KeyObject | null>();
  const keyOf = (raw: string): KeyObject | null => {
    const there = known.get(raw);
    if (there !== undefined) return there;
    const key = publicOfRaw(raw);
    if (known.size >= rememberedMax) known.clear();
    known.set(raw, key);
    return key;
  };
  return {
    rootSigned: (payload, signature) => verifyWith(root, 'keys', payload, signature),
    signedBy: (raw, kind, payload, signature) => {
      const key = keyOf(raw);
      return key !== null && verifyWith(key, kind, payload, signature);
    },
  };
}

function verifyBy(key: KeyObject): Verifier['verify'] {
  const id = keyIdOf(key);
  return (kind, payload, keyId, signature) => keyId === id && verifyWith(key, kind, payload, signature);
}
