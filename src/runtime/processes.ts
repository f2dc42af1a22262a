import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { codeOf } from './files.ts';

const pollMs = 10;
/** A look at another process must never hang us. */
const psMsMax = 2_000;

/** Whether a process with this id runs; one that ended and was not reaped yet (a zombie) does not. */
export function alive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (codeOf(error) !== 'EPERM') return false;
  }
  return statOf(pid)?.state !== 'Z';
}

/**
 * Names one life of a process: ids are used again, above all in containers, where they restart from 1. Boot id and start tick on Linux,
 * the start time as ps prints it elsewhere; null when the process is gone or will not say.
 */
export function birthOf(pid: number): string | null {
  if (process.platform === 'linux') {
    const stat = statOf(pid);
    return stat === null ? null : `${bootId()}/${stat.startTicks}`;
  }
  const ps = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', timeout: psMsMax });
  return ps.status === 0 && ps.stdout.trim() !== '' ? ps.stdout.trim() : null;
}

/** The command line, words joined by a space; null when the process is gone or will not say. */
export function commandOf(pid: number): string | null {
  if (process.platform === 'linux') {
    const text = readProc(`/proc/${pid}/cmdline`);
    return text === null ? null : text.replace(/\0+$/, '').replaceAll('\0', ' ');
  }
  const ps = spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8', timeout: psMsMax });
  return ps.status === 0 ? ps.stdout.trim() : null;
}

/** Sends a signal; false when the process is gone. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false;
    throw error;
  }
}

/** True as soon as the process is gone, false when it still runs after `ms`. */
export async function gone(pid: number, ms: number): Promise<boolean> {
  const end = performance.now() + ms;
  while (alive(pid)) {
    if (performance.now() >= end) return false;
    await pause(pollMs);
  }
  return true;
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function statOf(pid: number): { readonly state: string; readonly startTicks: string } | null {
  if (process.platform !== 'linux') return null;
  const text = readProc(`/proc/${pid}/stat`);
  // The second field is the name in brackets and may itself hold brackets and spaces: proc(5).
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ') ?? [];
  const [state, startTicks] = [fields[0], fields[19]];
  return state === undefined || startTicks === undefined ? null : { state, startTicks };
}

const bootId = (): string => readProc('/proc/sys/kernel/random/boot_id')?.trim() ?? '';

function readProc(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    // Gone between two looks (ENOENT, ESRCH), or not ours to see (EACCES, EPERM).
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(codeOf(error))) return null;
    throw error;
  }
}
