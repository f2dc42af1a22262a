import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { fail, ok } from '../model/problem.ts';
import type { Problem, Result } from '../model/problem.ts';
import { codeOf, createWhole, fileProblem } from './files.ts';
import { takeLock } from './lock.ts';
import type { Lock } from './lock.ts';

const tokenBytes = 32;

/** FLYBALL_HOME: what one Flyball keeps on one machine. Absolute paths; folders 0700, files 0600. */
export type Home = {
  readonly root: string;
  readonly keys: string;
  readonly data: string;
  readonly sockets: string;
  readonly logs: string;
  /** Which ports and processes are in use: run.ts. */
  readonly runFile: string;
  readonly tokenFile: string;
};

/**
 * Opens (and makes) FLYBALL_HOME, by default .flyball in the working folder; FLYBALL_KEYS is the folder of keys where they are kept apart,
 * e.g. for two engines. A home of ours that others can read is closed to them and
 * that is said; one that is not ours is refused (`E-HOME`).
 */
export function openHome(options: {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly say: (line: string) => void;
}): Result<Home> {
  const { env, cwd, say } = options;
  const path = pathOf(env, cwd);
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    // One home has one name, whatever link led to it: locks, sockets and Postgres compare paths.
    const root = realpathSync(path);
    const home = homeAt(root, env, cwd);
    const refused = closeFolder(root, say);
    if (refused !== null) return fail(refused);
    for (const folder of [home.keys, home.data, home.sockets, home.logs]) {
      const problem = makePrivateFolder(folder, say);
      if (problem !== null) return fail(problem);
    }
    // A home usually lies in somebody's repository, and holds keys.
    createWhole(join(root, '.gitignore'), '*\n');
    return ok(home);
  } catch (error) {
    return fail(homeProblem(fileProblem('cannot open the home folder', path, error).what, path));
  }
}

/** The home that is there, for a client: makes and changes nothing (`E-NO-HOME`). */
export function findHome({ env, cwd }: { readonly env: NodeJS.ProcessEnv; readonly cwd: string }): Result<Home> {
  const path = pathOf(env, cwd);
  try {
    return ok(homeAt(realpathSync(path), env, cwd));
  } catch (error) {
    return fail({
      code: 'E-NO-HOME',
      what: `there is no Flyball here (${codeOf(error)})`,
      at: path,
      todo: 'start one with `flyball up`, or set FLYBALL_HOME to the home of one that runs',
    });
  }
}

/** So that one home has one engine (or one `up`): `E-LOCKED` names the process that runs already. */
export const lockHome = (home: Home, role: string): Result<Lock> => takeLock(join(home.root, `${role}.lock`), `flyball ${role}`);

/** Makes a folder that only we can read, or closes it; a problem when it is not a folder of ours. Throws as node:fs does. */
export function makePrivateFolder(path: string, say: (line: string) => void): Problem | null {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
  return closeFolder(path, say);
}

/** The API's token: 32 random bytes as base64url in a file of mode 0600, made at the first call. */
export function apiToken(home: Home): Result<string> {
  try {
    if (!existsSync(home.tokenFile)) createWhole(home.tokenFile, `${randomBytes(tokenBytes).toString('base64url')}\n`);
    if ((lstatSync(home.tokenFile).mode & 0o077) !== 0) chmodSync(home.tokenFile, 0o600);
    const token = readFileSync(home.tokenFile, 'utf8').trim();
    if (/^[\w-]{20,}$/.test(token)) return ok(token);
    return fail({
      code: 'E-TOKEN',
      what: 'the API token is not one',
      at: home.tokenFile,
      todo: 'remove the file: a new token is made at the next start',
    });
  } catch (error) {
    return fail(fileProblem('cannot read the API token', home.tokenFile, error));
  }
}

const pathOf = (env: NodeJS.ProcessEnv, cwd: string): string => resolve(cwd, env['FLYBALL_HOME'] || '.flyball');

const homeAt = (root: string, env: NodeJS.ProcessEnv, cwd: string): Home => ({
  root,
  keys: env['FLYBALL_KEYS'] ? resolve(cwd, env['FLYBALL_KEYS']) : join(root, 'keys'),
  data: join(root, 'data'),
  sockets: join(root, 'sockets'),
  logs: join(root, 'logs'),
  runFile: join(root, 'run.json'),
  tokenFile: join(root, 'token'),
});

function closeFolder(path: string, say: (line: string) => void): Problem | null {
  const stat = lstatSync(path);
  if (!stat.isDirectory()) return homeProblem('not a folder', path);
  const uid = process.getuid?.();
  if (uid === undefined) return null;
  if (stat.uid !== uid) return homeProblem(`belongs to user ${stat.uid}, we are ${uid}`, path);
  const mode = stat.mode & 0o777;
  if (mode === 0o700) return null;
  chmodSync(path, 0o700);
  // File systems without permissions (some mounts) take the call and keep the mode.
  if ((lstatSync(path).mode & 0o077) !== 0) return homeProblem('others can read it, and its mode cannot be changed', path);
  if ((mode & 0o077) !== 0) say(`${path} was open to others (mode ${mode.toString(8)}): closed to 700`);
  return null;
}

const homeProblem = (what: string, at: string): Problem => ({
  code: 'E-HOME',
  what: `the home folder cannot be used: ${what}`,
  at,
  todo: 'set FLYBALL_HOME to a folder of your own on a local disk, which only you can read (mode 0700)',
});

/** Who sits at the keyboard, as the audit names them; "unknown" where the system has no name for us. */
export function userName(): string {
  try {
    return userInfo().username || 'unknown';
  } catch (error) {
    // No entry in the user database (a container run with a bare uid).
    if (error instanceof Error) return process.getuid === undefined ? 'unknown' : `uid ${process.getuid()}`;
    throw error;
  }
}
