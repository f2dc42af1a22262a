import { readdirSync, readlinkSync, realpathSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf, readIfThere } from '../files.ts';
import { alive, commandOf } from '../processes.ts';

/** What postmaster.pid says, read as far as it is written. */
export type Postmaster = { readonly pid: number; readonly port: number };

export type Occupant =
  /** No server: nothing there, or what is there ended. The file of a dead one stays: Postgres itself replaces it when that is safe. */
  | { readonly state: 'none' }
  | { readonly state: 'running'; readonly postmaster: Postmaster }
  /** The id in the file now belongs to another program, and nobody uses the folder: Postgres would refuse for ever. */
  | { readonly state: 'reused'; readonly pid: number; readonly command: string };

/** Who runs on this data folder, by its postmaster.pid (lines: pid, folder, start, port, …). */
export function occupantOf(data: string): Occupant {
  const lines = readIfThere(join(data, 'postmaster.pid'))?.split('\n') ?? [];
  const [pid, folder, , port] = lines;
  const postmaster = { pid: Number(pid), port: Number(port) };
  if (folder === undefined || !alive(postmaster.pid)) return { state: 'none' };
  // A folder that was copied or moved brings the file of the place it came from.
  if (sameFolder(folder, data) && worksIn(postmaster.pid, data) !== false) return { state: 'running', postmaster };
  return usedByAny(data) ? { state: 'none' } : { state: 'reused', pid: postmaster.pid, command: commandOf(postmaster.pid) ?? '?' };
}

/**
 * Puts a pid file out of the way, to be kept for a person. Only for `reused`: a file whose process is dead is left to Postgres, which
 * knows better whether backends of it still live.
 */
export function setAside(data: string): void {
  renameSync(join(data, 'postmaster.pid'), join(data, `postmaster.pid.reused-${Date.now()}`));
}

/** The port it had the last time; whoever has the address from before finds it again. */
export function lastPort(data: string): number | null {
  const port = Number(/"-p" "(\d{1,5})"/.exec(readIfThere(join(data, 'postmaster.opts')) ?? '')?.[1]);
  return port > 0 && port < 65_536 ? port : null;
}

function sameFolder(a: string, b: string): boolean {
  try {
    return realpathSync(a) === realpathSync(b);
  } catch (error) {
    if (['ENOENT', 'EACCES', 'ENOTDIR'].includes(codeOf(error))) return false;
    throw error;
  }
}

/** Where /proc cannot tell, somebody may: true. */
function usedByAny(data: string): boolean {
  if (process.platform !== 'linux') return true;
  return readdirSync('/proc').some((name) => /^\d+$/.test(name) && worksIn(Number(name), data) !== false);
}

/** Postmaster and backends work inside their data folder. Where we may not look, a process that is no Postgres by its name is none. */
function worksIn(pid: number, data: string): boolean | 'unknown' {
  try {
    if (process.platform === 'linux') return readlinkSync(`/proc/${pid}/cwd`) === data;
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(codeOf(error))) return false;
    if (!['EACCES', 'EPERM'].includes(codeOf(error))) throw error;
  }
  return /postgres/.test(commandOf(pid) ?? 'postgres') ? 'unknown' : false;
}
