import { rmSync } from 'node:fs';
import { fail, ok } from '../model/problem.ts';
import type { Result } from '../model/problem.ts';
import { fileProblem, readIfThere, writeAtomic } from './files.ts';
import type { Home } from './home.ts';
import { takeLock } from './lock.ts';
import { alive, birthOf } from './processes.ts';

/** A part is written in microseconds; another writer is waited for in turns of this many ms. */
const turnMs = 2;
const turnsMax = 1_000;
const partsMax = 1_000;

/** One running process, as run.json tells of it: "engine", "postgres", "nats", "adapter.checkout-1". */
export type RunPart = {
  readonly pid: number;
  /** Tells this process from a later one with the same id; null where the system does not say. */
  readonly birth: string | null;
  /** Where it listens, without credentials; null if nowhere. */
  readonly address: string | null;
};

export type Run = { readonly parts: Readonly<Record<string, RunPart>> };

const emptyRun: Run = { parts: {} };

/** What runs by run.json; no file: nothing. A part may have died since: `partRuns`. */
export function readRun(home: Home): Result<Run> {
  try {
    const text = readIfThere(home.runFile);
    if (text === null) return ok(emptyRun);
    const run: unknown = JSON.parse(text);
    if (isRun(run)) return ok(run);
  } catch (error) {
    if (!(error instanceof SyntaxError)) return fail(fileProblem('cannot read what runs', home.runFile, error));
  }
  return fail({
    code: 'E-RUN-FILE',
    what: 'run.json is not what Flyball writes',
    at: home.runFile,
    todo: 'remove the file while nothing of Flyball runs in this home',
  });
}

/** Puts one process into run.json. Several processes write it: each changes its own part, one after the other. */
export const writeRun = (home: Home, name: string, part: { readonly pid: number; readonly address: string | null }): Result<Run> =>
  change(home, (parts) => ({ ...parts, [name]: { pid: part.pid, birth: birthOf(part.pid), address: part.address } }));

/** Takes one process out; the file goes with the last. */
export const removeRun = (home: Home, name: string): Result<Run> =>
  change(home, (parts) => Object.fromEntries(Object.entries(parts).filter(([other]) => other !== name)));

/** Whether the very process that wrote the part still runs. */
export const partRuns = (part: RunPart): boolean => alive(part.pid) && (part.birth === null || part.birth === birthOf(part.pid));

function change(home: Home, edit: (parts: Run['parts']) => Run['parts']): Result<Run> {
  const lock = takeInTurn(home);
  if (!lock.ok) return lock;
  try {
    const before = readRun(home);
    // A broken file is not worth keeping: what it said is found again from the processes themselves.
    const parts = edit(before.ok ? before.value.parts : {});
    if (Object.keys(parts).length === 0) rmSync(home.runFile, { force: true });
    else writeAtomic(home.runFile, `${JSON.stringify({ parts }, null, 2)}\n`);
    return ok({ parts });
  } catch (error) {
    return fail(fileProblem('cannot write what runs', home.runFile, error));
  } finally {
    lock.value.release();
  }
}

/** Synchronous, so that it can be the last thing a process does. */
function takeInTurn(home: Home): ReturnType<typeof takeLock> {
  for (let i = 1; ; i++) {
    const lock = takeLock(`${home.runFile}.lock`, 'a writer of run.json');
    if (lock.ok || lock.problem.code !== 'E-LOCKED' || i === turnsMax) return lock;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, turnMs);
  }
}

function isRun(value: unknown): value is Run {
  if (typeof value !== 'object' || value === null || !('parts' in value)) return false;
  const { parts } = value;
  if (typeof parts !== 'object' || parts === null || Array.isArray(parts)) return false;
  const all: readonly unknown[] = Object.values(parts);
  return all.length <= partsMax && all.every(isPart);
}

const isPart = (value: unknown): value is RunPart =>
  typeof value === 'object' &&
  value !== null &&
  'pid' in value &&
  Number.isSafeInteger(value.pid) &&
  'birth' in value &&
  (value.birth === null || typeof value.birth === 'string') &&
  'address' in value &&
  (value.address === null || typeof value.address === 'string');
