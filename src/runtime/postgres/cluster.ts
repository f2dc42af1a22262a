import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fail, ok } from '../../model/problem.ts';
import type { Problem, Result } from '../../model/problem.ts';
import { createWhole, readIfThere } from '../files.ts';
import { giveFolder } from './account.ts';
import type { Account } from './account.ts';
import type { Binaries } from './binaries.ts';

const passwordBytes = 24;
/** Major version of the pinned package; its data folders say the same. */
const major = '18';
const initdbMsMax = 120_000;
/** A person who waits longer than this wants to know for what. */
const silentMsMax = 2_000;
const tailCharsMax = 2_000;

export const superuser = 'flyball';

/** The files of one embedded server; all inside FLYBALL_HOME. */
export type Place = { readonly data: string; readonly passwordFile: string; readonly logFile: string; readonly libraries: string };

export const placeIn = (root: string): Place => ({
  data: join(root, 'postgres'),
  passwordFile: join(root, 'postgres.password'),
  logFile: join(root, 'logs', 'postgres.log'),
  libraries: join(root, 'postgres.lib'),
});

/**
 * Makes the data folder if there is none: aside, then renamed, so that one that was interrupted is never taken for whole.
 * To be called under the start lock. Returns whether it was made now.
 */
export async function makeCluster(options: {
  readonly place: Place;
  readonly binaries: Binaries;
  readonly account: Account;
  readonly say: (line: string) => void;
}): Promise<Result<boolean>> {
  const { place, binaries, account, say } = options;
  const version = readIfThere(join(place.data, 'PG_VERSION'))?.trim();
  if (version !== undefined) {
    if (version !== major) return fail(otherVersion(place, version));
    if (readIfThere(place.passwordFile) === null) return fail(noPassword(place));
    giveFolder(place.data, account);
    return ok(false);
  }
  createWhole(place.passwordFile, randomBytes(passwordBytes).toString('base64url'));
  removeUnfinished(place.data);
  const fresh = `${place.data}.new-${process.pid}`;
  mkdirSync(fresh, { mode: 0o700 });
  giveFolder(fresh, account);
  const slow = setTimeout(() => say('making the database, for the first and only time…'), silentMsMax);
  try {
    const made = await initdb(fresh, place, binaries, account);
    if (!made.ok) {
      rmSync(fresh, { recursive: true, force: true });
      return made;
    }
  } finally {
    clearTimeout(slow);
  }
  renameSync(fresh, place.data);
  return ok(true);
}

/** What the server may see of our environment: PGDATA and its like would change where it works. */
export const serverEnv = (binaries: Binaries): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin',
  LC_ALL: 'C',
  TZ: 'UTC',
  ...(binaries.libraries === null ? {} : { [process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH']: binaries.libraries }),
});

/** The end of the log from `offset` on, for a problem's text. */
export function logTail(logFile: string, offset: number): string {
  const text = readFileSync(logFile).subarray(offset).toString('utf8');
  return text.slice(-tailCharsMax).trim();
}

function initdb(folder: string, place: Place, binaries: Binaries, account: Account): Promise<Result<null>> {
  const output = `${place.logFile}.initdb`;
  const log = openSync(output, 'w', 0o600);
  const [command = '', ...words] = [
    ...account.prefix,
    binaries.initdb,
    '-D',
    folder,
    '-U',
    superuser,
    '-A',
    'scram-sha-256',
    `--pwfile=${place.passwordFile}`,
    '-E',
    'UTF8',
    '--no-locale',
    '--no-instructions',
  ];
  const child = spawn(command, words, {
    stdio: ['ignore', log, log],
    env: serverEnv(binaries),
    timeout: initdbMsMax,
    cwd: dirname(place.data),
  });
  closeSync(log);
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(fail(initdbProblem(error.message, output))));
    child.once('close', (code, name) =>
      resolve(
        code === 0 ? ok(null) : fail(initdbProblem(name === null ? logTail(output, 0) || `exit code ${code}` : `ended by ${name}`, output)),
      ),
    );
  });
}

function removeUnfinished(data: string): void {
  const folder = dirname(data);
  for (const name of readdirSync(folder))
    if (name.startsWith(`${basename(data)}.new-`))
      rmSync(join(folder, name), { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

const initdbProblem = (what: string, at: string): Problem => ({
  code: 'E-DB-INIT',
  what: `the database could not be made: ${what}`,
  at,
  todo: 'check that the home folder has 100 MB free and is on a local disk, or set DATABASE_URL',
});

const otherVersion = (place: Place, version: string): Problem => ({
  code: 'E-DB-VERSION',
  what: `the data was written by Postgres ${version}, this Flyball brings Postgres ${major}`,
  at: place.data,
  todo: `dump it with a Postgres ${version} and move the folder away, or set DATABASE_URL`,
});

const noPassword = (place: Place): Problem => ({
  code: 'E-DB-PASSWORD',
  what: 'the data folder is here, but the file with its password is not',
  at: place.passwordFile,
  todo: 'put the file back, or move the data folder away to start with an empty database',
});
