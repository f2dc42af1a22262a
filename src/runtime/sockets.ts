import { createHash } from 'node:crypto';
import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fail, ok } from '../model/problem.ts';
import type { Result } from '../model/problem.ts';
import { codeOf, fileProblem } from './files.ts';
import { makePrivateFolder } from './home.ts';
import type { Home } from './home.ts';

/** sun_path without its final 0: 108 bytes on Linux, 104 on macOS and the BSDs (unix(7), unix(4)). */
const pathBytesMax = process.platform === 'linux' ? 107 : 103;

/**
 * The path of a Unix socket of this home: home/sockets/NAME, or, where that is longer than the system takes, a folder of the home's own
 * (mode 0700) below the temporary folder, which is said. The same home gives the same path in every process.
 */
export function socketPath(home: Home, name: string, say: (line: string) => void): Result<string> {
  const path = join(home.sockets, name);
  if (fits(path)) return ok(path);
  const short = shortFolders(home).find((folder) => fits(join(folder, name)));
  if (short === undefined) {
    return fail({
      code: 'E-SOCKET-PATH',
      what: `the path of a socket would be longer than ${pathBytesMax} bytes`,
      at: path,
      todo: 'set FLYBALL_HOME or TMPDIR to a shorter path',
    });
  }
  try {
    const problem = makePrivateFolder(short, say);
    if (problem !== null) return fail(problem);
  } catch (error) {
    return fail(fileProblem('cannot make the folder for sockets', short, error));
  }
  say(`${path} is too long for a socket (more than ${pathBytesMax} bytes): using ${join(short, name)}`);
  return ok(join(short, name));
}

/** Removes the folder that stood in for a path that was too long, once it is empty; to be called when the last server closed. */
export function removeShortSockets(home: Home): void {
  for (const folder of shortFolders(home)) {
    try {
      if (readdirSync(folder).length === 0) rmdirSync(folder);
    } catch (error) {
      if (!['ENOENT', 'ENOTDIR', 'ENOTEMPTY', 'EACCES'].includes(codeOf(error))) throw error;
    }
  }
}

const fits = (path: string): boolean => Buffer.byteLength(path) <= pathBytesMax;

/** Named by home and user; whoever made it first in a shared folder must be us, which makePrivateFolder checks. */
function shortFolders(home: Home): readonly string[] {
  const name = `flyball-${process.getuid?.() ?? 0}-${createHash('sha256').update(home.root).digest('hex').slice(0, 12)}`;
  return [...new Set([tmpdir(), '/tmp'])].map((folder) => join(folder, name));
}

/** The control socket of a target's adapter, among the sockets of a home. */
export const adapterSocket = (target: string): string => `adapter-${target}.sock`;

/** Targets whose adapters have, or had, a control socket in this home. */
export const adapterSockets = (home: Home): readonly string[] =>
  [home.sockets, ...shortFolders(home)]
    .flatMap((folder) => (existsSync(folder) ? readdirSync(folder) : []))
    .flatMap((name) => /^adapter-([a-z0-9-]{1,63})\.sock$/.exec(name)?.[1] ?? [])
    .toSorted();
