import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Problem } from '../model/problem.ts';

/** The code of a failed system call ("ENOENT"), or "" for any other error. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

export const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** A failed system call on a file, as a person should read it. */
export function fileProblem(what: string, path: string, error: unknown): Problem {
  return { code: 'E-FILE', what: `${what}: ${textOf(error)}`, at: path, todo: 'check that the folder exists, is writable and not full' };
}

/** A reader sees the old text or the new, never half: written aside, synced, renamed, and the folder synced. Throws as node:fs does. */
export function writeAtomic(path: string, text: string | Uint8Array, mode = 0o600): void {
  const aside = asideOf(path);
  try {
    writeSynced(aside, text, mode);
    renameSync(aside, path);
  } catch (error) {
    rmSync(aside, { force: true });
    throw error;
  }
  syncFolder(dirname(path));
}

/** Creates the file whole, or returns false when it is there already; of several at once exactly one wins. */
export function createWhole(path: string, text: string | Uint8Array, mode = 0o600): boolean {
  const aside = asideOf(path);
  try {
    writeSynced(aside, text, mode);
    // link(2) fails when the name exists, and what appears under the name is complete: O_EXCL alone would show an empty file first.
    linkSync(aside, path);
    syncFolder(dirname(path));
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    // Mounts without hard links: there a reader may, for a moment, see the file empty.
    if (['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(codeOf(error))) return createPlain(path, text, mode);
    throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

/** The text, or null when there is no such file. Throws for any other failure. */
export function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

function createPlain(path: string, text: string | Uint8Array, mode: number): boolean {
  try {
    writeSynced(path, text, mode);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

function writeSynced(path: string, text: string | Uint8Array, mode: number): void {
  const fd = openSync(path, 'wx', mode);
  try {
    writeFileSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** A rename is on disk only once its folder is; Windows cannot open folders and does not need it. */
function syncFolder(path: string): void {
  if (process.platform === 'win32') return;
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

const asideOf = (path: string): string => `${path}.${process.pid}.${randomBytes(4).toString('hex')}.aside`;
