import type { KeyObject } from 'node:crypto';
import { createPublicKey } from 'node:crypto';
import { chmodSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { canon } from '../../model/canon.ts';
import { fail, ok } from '../../model/problem.ts';
import type { Problem, Result } from '../../model/problem.ts';
import { createWhole, readIfThere, writeAtomic } from '../files.ts';
import { keepPrivate, keyIdOf, keyProblem, newPrivate, openPrivate, openPublic, publicText, rawOf, signWith, verifyWith } from './pem.ts';

/** The files of a keys folder (0700). `root.key` is needed to change the key set only, and may be kept elsewhere. */
export const names = {
  root: 'root.key',
  rootPublic: 'root.pub',
  first: 'engine.key',
  firstPublic: 'engine.pub',
  set: 'keys.json',
} as const;

export type SetKey = { readonly id: string; readonly public: string; readonly from: number; readonly to: number | null };
export type KeySet = { readonly version: number; readonly keys: readonly SetKey[] };
export type SignedSet = { readonly payload: string; readonly signature: string };
export type OpenedSet = { readonly set: KeySet; readonly signed: SignedSet; readonly root: KeyObject };

/** The key set of the folder, as its root signed it. Errors: E-KEY. Throws as node:fs does. */
export function openSet(folder: string): Result<OpenedSet> {
  const path = join(folder, names.set);
  const root = openPublic(join(folder, names.rootPublic));
  if (!root.ok) return root;
  const text = readIfThere(path);
  if (text === null) return fail(keyProblem('there is no key set', path));
  const signed = signedOf(text);
  if (signed === null || !verifyWith(root.value, 'keys', Buffer.from(signed.payload, 'utf8'), signed.signature))
    return fail(keyProblem(`the root key beside it has not signed it`, path, 'put back the keys.json and root.pub that belong together'));
  // The root stands for its shape, too: only we write one.
  return ok({ set: JSON.parse(signed.payload) as KeySet, signed, root: root.value });
}

/** Signs the set and puts it in place of the one before; who reads meanwhile sees the one or the other. */
export function writeSet(folder: string, set: KeySet, root: KeyObject): SignedSet {
  const payload = canon(set);
  const signed = { payload, signature: signWith(root, 'keys', Buffer.from(payload, 'utf8')) };
  writeAtomic(join(folder, names.set), `${JSON.stringify(signed)}\n`, 0o644);
  return signed;
}

/**
 * What a folder needs at the first start: a root, and version 1 of the key set, with the one key that a home of before has, or a new one.
 * null: it is all there.
 */
export function takeOver(folder: string): Problem | null {
  const [setFile, first] = [join(folder, names.set), join(folder, names.first)];
  const firstTime = readIfThere(setFile) === null;
  // A first key that is not there any more was revoked.
  if (!firstTime && readIfThere(first) === null) return null;
  if (firstTime && readIfThere(first) === null) keepPrivate(first, newPrivate());
  const key = openPrivate(first);
  if (!key.ok) return key.problem;
  const publicKey = createPublicKey(key.value);
  const published = publish(join(folder, names.firstPublic), publicKey);
  if (published !== null || !firstTime) return published;
  const rootFile = join(folder, names.root);
  // A root that was moved away is not replaced: adapters have pinned it.
  if (readIfThere(join(folder, names.rootPublic)) === null && readIfThere(rootFile) === null) keepPrivate(rootFile, newPrivate());
  const root = openPrivate(rootFile);
  if (!root.ok) return root.problem;
  const rootPublished = publish(join(folder, names.rootPublic), createPublicKey(root.value));
  if (rootPublished !== null) return rootPublished;
  writeSet(folder, { version: 1, keys: [{ id: keyIdOf(publicKey), public: rawOf(publicKey), from: 0, to: null }] }, root.value);
  return null;
}

/** The private keys of the folder that stand in the set, by id. Errors: E-KEY for a key file that others can read or that is none. */
export function openOwn(folder: string, { keys }: KeySet): Result<ReadonlyMap<string, KeyObject>> {
  const own = new Map<string, KeyObject>();
  for (const name of readdirSync(folder).toSorted()) {
    if (!name.endsWith('.key') || name === names.root) continue;
    const key = openPrivate(join(folder, name));
    if (!key.ok) return key;
    const id = keyIdOf(createPublicKey(key.value));
    if (keys.some((one) => one.id === id)) own.set(id, key.value);
  }
  return ok(own);
}

/** Puts a public key beside its private one; a file that holds another key is somebody's mistake, not ours to replace. */
export function publish(path: string, key: KeyObject): Problem | null {
  if (readIfThere(path) !== null) {
    const known = openPublic(path);
    return known.ok && keyIdOf(known.value) === keyIdOf(key) ? null : keyProblem('it does not belong to the private key beside it', path);
  }
  createWhole(path, publicText(key), 0o644);
  chmodSync(path, 0o644);
  return null;
}

function signedOf(text: string): SignedSet | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('payload' in value) || !('signature' in value)) return null;
    const { payload, signature } = value;
    return typeof payload === 'string' && typeof signature === 'string' ? { payload, signature } : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
