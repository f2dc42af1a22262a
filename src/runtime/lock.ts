import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, rmdirSync, statSync } from 'node:fs';
import { fail, ok } from '../model/problem.ts';
import type { Result } from '../model/problem.ts';
import { codeOf, createWhole, fileProblem, readIfThere } from './files.ts';
import { alive, birthOf, pause } from './processes.ts';

/** Taking over takes microseconds; a mark older than this was left by a process killed while it did. */
const takeoverMsMax = 10_000;
/** Rounds of "the lock changed under us" before we say so. */
const attemptsMax = 100;
const pollMs = 20;

/** Held until released or until the holder's process ends. */
export type Lock = { readonly path: string; readonly release: () => void };

type Held = { readonly pid: number; readonly birth: string | null; readonly nonce: string; readonly what: string };

/**
 * Takes the lock file, or tells who has it (`E-LOCKED`). A lock whose process is dead is taken over.
 * @param what what the holder is, for the message to others: "flyball engine".
 */
export function takeLock(path: string, what: string): Result<Lock> {
  const mine: Held = { pid: process.pid, birth: birthOf(process.pid), nonce: randomBytes(8).toString('hex'), what };
  const text = JSON.stringify(mine);
  try {
    for (let i = 0; i < attemptsMax; i++) {
      if (createWhole(path, text)) return ok({ path, release: () => release(path, mine.nonce) });
      const held = readLock(path);
      if (held === 'gone') continue;
      if (held !== 'broken' && runs(held)) return fail(locked(path, held));
      takeOver(path, held === 'broken' ? 'broken' : held.nonce);
    }
  } catch (error) {
    return fail(fileProblem(`cannot take the lock of ${what}`, path, error));
  }
  return fail({ code: 'E-LOCKED', what: 'the lock kept changing hands', at: path, todo: 'start one at a time' });
}

/** As takeLock, waiting up to `ms` for another holder. */
export async function waitLock(path: string, what: string, ms: number): Promise<Result<Lock>> {
  const end = performance.now() + ms;
  for (;;) {
    const taken = takeLock(path, what);
    if (taken.ok || taken.problem.code !== 'E-LOCKED' || performance.now() >= end) return taken;
    await pause(pollMs);
  }
}

/**
 * Removes a dead holder's file. The mark's name holds that holder's nonce and the file is read again under the mark: so whoever removes
 * it removes that very lock, never one that a third process took meanwhile.
 */
function takeOver(path: string, nonce: string): void {
  const mark = `${path}.over-${nonce}`;
  try {
    mkdirSync(mark);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    dropOldMark(mark);
    return;
  }
  try {
    const held = readLock(path);
    if ((held === 'broken' ? held : held === 'gone' ? null : held.nonce) === nonce) rmSync(path, { force: true });
  } finally {
    rmdirSync(mark);
  }
}

function dropOldMark(mark: string): void {
  try {
    if (Date.now() - statSync(mark).mtimeMs > takeoverMsMax) rmdirSync(mark);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

function release(path: string, nonce: string): void {
  const held = readLock(path);
  if (typeof held === 'object' && held.nonce === nonce) rmSync(path, { force: true });
}

function readLock(path: string): Held | 'gone' | 'broken' {
  const text = readIfThere(path);
  if (text === null) return 'gone';
  try {
    const held: unknown = JSON.parse(text);
    return isHeld(held) ? held : 'broken';
  } catch (error) {
    if (error instanceof SyntaxError) return 'broken';
    throw error;
  }
}

/** The id alone is not enough: it may be another program's by now. */
const runs = (held: Held): boolean => alive(held.pid) && (held.birth === null || held.birth === birthOf(held.pid));

const isHeld = (value: unknown): value is Held =>
  typeof value === 'object' &&
  value !== null &&
  'pid' in value &&
  typeof value.pid === 'number' &&
  'birth' in value &&
  (value.birth === null || typeof value.birth === 'string') &&
  'nonce' in value &&
  typeof value.nonce === 'string' &&
  /^[0-9a-f]{1,64}$/.test(value.nonce) &&
  'what' in value &&
  typeof value.what === 'string';

const locked = (path: string, held: Held) =>
  ({
    code: 'E-LOCKED',
    what: `${held.what} already runs here as process ${held.pid}`,
    at: path,
    todo: `stop process ${held.pid}, or set FLYBALL_HOME to another folder`,
  }) as const;
