import { spawnSync } from 'node:child_process';
import { chownSync, lchownSync, lstatSync, readdirSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { fail, ok } from '../../model/problem.ts';
import type { Result } from '../../model/problem.ts';

/** A look whether a tool works here takes milliseconds. */
const probeMsMax = 5_000;
/** "nobody" by the Linux kernel's own default (overflowuid). */
const nobody = 65_534;
/** A data folder has about a thousand files. */
const filesMax = 1_000_000;

/** How to run a program that refuses to be root. */
export type Account = {
  /** Put before the command; empty for an ordinary user. */
  readonly prefix: readonly string[];
  /** Who must own the files, as seen from here; null: whoever we are. */
  readonly owner: number | null;
  readonly how: 'ordinary user' | 'user namespace' | 'user nobody';
};

// In a namespace of its own the server is "nobody" to itself and still us to the disk: no account is made, no file changes hands.
const namespace: Account = {
  prefix: ['unshare', '--user', `--map-user=${nobody}`, `--map-group=${nobody}`, '--'],
  owner: 0,
  how: 'user namespace',
};

// Containers often forbid namespaces. Then it really is "nobody", and keeps two capabilities to reach its folder below our 0700 home.
const capabilities = '-all,+dac_override,+dac_read_search';
const other: Account = {
  prefix: [
    'setpriv',
    `--reuid=${nobody}`,
    `--regid=${nobody}`,
    '--clear-groups',
    `--inh-caps=${capabilities}`,
    `--ambient-caps=${capabilities}`,
    `--bounding-set=${capabilities}`,
    '--',
  ],
  owner: nobody,
  how: 'user nobody',
};

export type Self = {
  readonly uid: number | undefined;
  /** Whether the user database knows us: initdb looks us up. */ readonly named: boolean;
};

/**
 * Postgres and initdb refuse uid 0, and a uid without a name (a container run with a bare uid). `E-DB-USER` when there is no way around it.
 * @param works whether a way of running can run anything here.
 */
export function ordinaryAccount(self: Self = whoAmI(), works: (account: Account) => boolean = probe): Result<Account> {
  if (self.uid !== 0 && self.named) return ok({ prefix: [], owner: null, how: 'ordinary user' });
  const ways = self.uid === 0 ? [namespace, other] : [{ ...namespace, owner: null }];
  const account = ways.find(works);
  if (account !== undefined) return ok(account);
  return fail({
    code: 'E-DB-USER',
    what:
      self.uid === 0
        ? 'Postgres does not run as root, and neither unshare nor setpriv (util-linux) may change the user here'
        : `Postgres does not run as user ${self.uid}, who has no name here, and unshare (util-linux) may not change that`,
    at: 'embedded-postgres',
    todo: 'run Flyball as an ordinary user, allow user namespaces, or set DATABASE_URL',
  });
}

/** Hands a data folder to the account: the way of running may have changed since it was made. */
export function giveFolder(path: string, account: Account): void {
  const { owner } = account;
  if (owner === null || lstatSync(path).uid === owner) return;
  const folders = [path];
  let files = 0;
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (++files > filesMax) throw new Error(`more than ${filesMax} files below ${path}`);
      const child = join(folder, entry.name);
      if (entry.isDirectory()) folders.push(child);
      lchownSync(child, owner, owner);
    }
  }
  // Last: its owner says whether all of it was given.
  chownSync(path, owner, owner);
}

function whoAmI(): Self {
  const uid = process.getuid?.();
  try {
    return { uid, named: userInfo().username !== '' };
  } catch (error) {
    if (error instanceof Error) return { uid, named: uid === undefined };
    throw error;
  }
}

function probe({ prefix }: Account): boolean {
  const [command = '', ...words] = prefix;
  return spawnSync(command, [...words, 'true'], { stdio: 'ignore', timeout: probeMsMax }).status === 0;
}
