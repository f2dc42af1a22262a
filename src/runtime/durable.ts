import { createHash, randomBytes } from 'node:crypto';
import { closeSync, fsync, openSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { assert, fail, ok } from '../model/problem.ts';
import type { Result } from '../model/problem.ts';
import { codeOf, fileProblem, readIfThere } from './files.ts';
import { takeLock } from './lock.ts';

const asideEnd = /^\d+\.[0-9a-f]{8}\.aside$/;

/** The one file of an adapter (protocol.md section 5): what it says is on disk is on disk. */
export type Durable = {
  /** What was there at the start, parsed; null: nothing, or nothing that could be used. */
  readonly value: unknown;
  /** Where a file that could not be used was put, and why; null: there was none. */
  readonly aside: { readonly path: string; readonly why: string } | null;
  /** Resolves when the value is on disk whole and will survive a power cut. One at a time. */
  readonly save: (value: unknown) => Promise<Result<void>>;
  /** Puts away what is there as unusable: for a value whose shape is right for JSON, not for its reader. */
  readonly reject: (why: string) => { readonly path: string; readonly why: string };
  /** Waits for a save under way, then gives up the lock. */
  readonly close: () => Promise<void>;
};

/**
 * Opens a durable file and locks it until `close` or until this process ends. Errors: E-LOCKED when another process has it (a dead one's
 * lock is taken over), E-FILE. A file that is damaged is set aside as `<path>.corrupt`, the one before it replaced.
 * @param what who holds it, for the message to others: "flyball adapter".
 */
export function openDurable(path: string, what: string): Result<Durable> {
  const lock = takeLock(`${path}.lock`, what);
  if (!lock.ok) return lock;
  try {
    clearAside(path);
    const read = readValue(path);
    const aside = read.why === null ? null : setAside(path, read.why);
    let writing: Promise<unknown> = Promise.resolve();
    let busy = false;
    return ok({
      value: read.value,
      aside,
      save: async (value) => {
        assert(!busy, 'one save at a time');
        busy = true;
        const saving = write(path, textOf(value));
        writing = saving;
        const result = await saving;
        busy = false;
        return result;
      },
      reject: (why) => setAside(path, why),
      close: async () => {
        await writing;
        lock.value.release();
      },
    });
  } catch (error) {
    lock.value.release();
    return fail(fileProblem('cannot read the durable file', path, error));
  }
}

/** First line: SHA-256 of the rest, so that a half-written or edited file is known for what it is. */
function textOf(value: unknown): string {
  const json = `${JSON.stringify(value)}\n`;
  return `${sum(json)}\n${json}`;
}

function readValue(path: string): { readonly value: unknown; readonly why: string | null } {
  const text = readIfThere(path);
  if (text === null) return { value: null, why: null };
  const end = text.indexOf('\n');
  const json = text.slice(end + 1);
  if (end < 0 || text.slice(0, end) !== sum(json)) return { value: null, why: 'its checksum does not fit' };
  try {
    return { value: JSON.parse(json), why: null };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { value: null, why: 'it is not JSON' };
  }
}

/**
 * The two syncs, which wait for the disk, off the main thread: the adapter's process may be carrying traffic. The rest is done at once in
 * the page cache; each step given to another thread would cost a turn of a busy event loop before the table may be switched on.
 */
async function write(path: string, text: string): Promise<Result<void>> {
  const aside = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.aside`;
  try {
    await inFile(aside, 'wx', async (fd) => {
      writeFileSync(fd, text);
      await sync(fd);
    });
    renameSync(aside, path);
    // A rename is on disk only once its folder is; Windows cannot open folders and does not need it.
    if (process.platform !== 'win32') await inFile(dirname(path), 'r', sync);
    return ok(undefined);
  } catch (error) {
    removeAside(aside);
    return fail(fileProblem('cannot write the durable file', path, error));
  }
}

const sync = promisify(fsync);

async function inFile(path: string, flags: 'wx' | 'r', use: (fd: number) => Promise<void>): Promise<void> {
  const fd = openSync(path, flags, 0o600);
  try {
    await use(fd);
  } finally {
    closeSync(fd);
  }
}

function removeAside(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (error) {
    // What cannot be removed now (a disk that has turned read-only), the next start removes.
    if (codeOf(error) === '') throw error;
  }
}

function setAside(path: string, why: string): { readonly path: string; readonly why: string } {
  const to = `${path}.corrupt`;
  renameSync(path, to);
  return { path: to, why };
}

/** What a process killed in the middle of a save has left; the lock is ours, so nobody is writing one. */
function clearAside(path: string): void {
  const start = `${basename(path)}.`;
  for (const file of readdirSync(dirname(path))) {
    // Exactly the names that write() gives: a process that now waits for our lock makes others.
    if (file.startsWith(start) && asideEnd.test(file.slice(start.length))) rmSync(join(dirname(path), file), { force: true });
  }
}

const sum = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex');
