import { createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fail, ok } from '../../model/problem.ts';
import type { Problem, Result } from '../../model/problem.ts';
import { fileProblem, readIfThere } from '../files.ts';
import { takeLock } from '../lock.ts';
import { keepPrivate, keyIdOf, keyProblem, newPrivate, openPrivate, rawOf } from './pem.ts';
import { names, openOwn, openSet, writeSet } from './set.ts';
import type { KeySet, OpenedSet, SetKey } from './set.ts';

/** protocol.md section 4: a new key signs after a day at the latest; the one before it may be heard of for as long again. */
const overlapMs = 48 * 3_600_000;
/** As src/core/limits.ts has it. */
const keysMax = 16;

export type KeyView = SetKey & {
  readonly state: 'in force' | 'over';
  /** Whether its private key is in this folder. */ readonly here: boolean;
};
export type KeysView = {
  readonly version: number;
  readonly root: { readonly here: boolean; readonly path: string };
  readonly keys: readonly KeyView[];
};

/** What the folder holds, oldest key first. Errors: E-KEY, E-FILE. */
export function listKeys(folder: string, nowMs: number): Result<KeysView> {
  return guarded(folder, () => {
    const opened = openSet(folder);
    if (!opened.ok) return opened;
    const own = openOwn(folder, opened.value.set);
    if (!own.ok) return own;
    const path = join(folder, names.root);
    const view = (key: SetKey): KeyView => ({ ...key, state: isOver(key, nowMs) ? 'over' : 'in force', here: own.value.has(key.id) });
    const { version, keys } = opened.value.set;
    return ok({ version, root: { here: readIfThere(path) !== null, path }, keys: keys.map(view).toSorted((a, b) => a.from - b.from) });
  });
}

/** Adds a key; those before it are over two days later. Errors: E-KEY, E-KEY-ROOT when the root's private key is not here, E-FILE, E-LOCKED. */
export function rotateKeys(folder: string, nowMs: number, rootFile: string | null): Result<{ readonly id: string; readonly set: KeySet }> {
  return changed(folder, rootFile, (opened, root) => {
    const key = newPrivate();
    const publicKey = createPublicKey(key);
    const id = keyIdOf(publicKey);
    // What is over for long has nothing left to prove; its private half is not needed at all.
    const over = opened.set.keys.filter((one) => isOver(one, nowMs));
    for (const one of over) removePrivate(folder, one.id);
    const before = opened.set.keys.filter((one) => !over.includes(one) || opened.set.keys.length < keysMax);
    if (before.length >= keysMax)
      return fail(keyProblem(`there are ${before.length} keys already`, folder, 'revoke one with `flyball keys revoke ID`'));
    const keys = before.map((one) => ({ ...one, to: one.to ?? nowMs + overlapMs }));
    // The private key first: a set must not name what nobody can sign with.
    keepPrivate(join(folder, `${id}.key`), key);
    const set: KeySet = { version: opened.set.version + 1, keys: [...keys, { id, public: rawOf(publicKey), from: nowMs, to: null }] };
    writeSet(folder, set, root);
    return ok({ id, set });
  });
}

/** Takes a key out: it is refused by everybody who has heard of it. Errors: as rotateKeys; E-KEY-NONE; E-KEY-LAST when none would be left. */
export function revokeKey(folder: string, id: string, nowMs: number, rootFile: string | null): Result<KeySet> {
  return changed(folder, rootFile, (opened, root) => {
    const { version, keys } = opened.set;
    if (!keys.some((key) => key.id === id))
      return fail({
        code: 'E-KEY-NONE',
        what: `no key ${id} in version ${version} of the key set`,
        at: folder,
        todo: 'see `flyball keys ls`',
      });
    const left = withLast(keys.filter((key) => key.id !== id));
    if (!keys.some((key) => key.id !== id && !isOver(key, nowMs)))
      return fail({ code: 'E-KEY-LAST', what: 'no other key is in force', at: id, todo: 'make one first: `flyball keys rotate`' });
    const set: KeySet = { version: version + 1, keys: left };
    writeSet(folder, set, root);
    removePrivate(folder, id);
    return ok(set);
  });
}

function changed<T>(folder: string, rootFile: string | null, change: (opened: OpenedSet, root: KeyObject) => Result<T>): Result<T> {
  return guarded(folder, () => {
    const lock = takeLock(join(folder, 'keys.lock'), 'flyball keys');
    if (!lock.ok) return lock;
    try {
      const opened = openSet(folder);
      if (!opened.ok) return opened;
      const path = rootFile ?? join(folder, names.root);
      if (readIfThere(path) === null) return fail(rootProblem('its root key is not here', path));
      const root = openPrivate(path);
      if (!root.ok) return root;
      if (keyIdOf(createPublicKey(root.value)) !== keyIdOf(opened.value.root)) return fail(rootProblem('it is another root key', path));
      return change(opened.value, root.value);
    } finally {
      lock.value.release();
    }
  });
}

function guarded<T>(folder: string, run: () => Result<T>): Result<T> {
  try {
    return run();
  } catch (error) {
    return fail(fileProblem('cannot read or write the keys', folder, error));
  }
}

/** The first key's file has a name of its own. */
function removePrivate(folder: string, id: string): void {
  rmSync(join(folder, `${id}.key`), { force: true });
  const first = join(folder, names.first);
  if (readIfThere(first) === null) return;
  const key = openPrivate(first);
  if (!key.ok || keyIdOf(createPublicKey(key.value)) !== id) return;
  rmSync(first, { force: true });
  rmSync(join(folder, names.firstPublic), { force: true });
}

/** Without the newest, the one before it does not end any more: there would be none. */
function withLast(keys: readonly SetKey[]): readonly SetKey[] {
  const newest = keys.toSorted((a, b) => a.from - b.from).at(-1);
  return keys.map((key) => (key === newest ? { ...key, to: null } : key));
}

const isOver = ({ to }: SetKey, nowMs: number): boolean => to !== null && to <= nowMs;

const rootProblem = (what: string, at: string): Problem => ({
  code: 'E-KEY-ROOT',
  what: `the key set cannot be changed: ${what}`,
  at,
  todo: 'put root.key back for as long as this takes, or give it with --root FILE',
});
