import { mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { nkeys } from '@nats-io/transport-node';
import { fail, ok } from '../../model/problem.ts';
import type { Problem, Result } from '../../model/problem.ts';
import { targetName } from '../../model/target.ts';
import { fileProblem, readIfThere, writeAtomic } from '../files.ts';
import type { Home } from '../home.ts';
import { waitLock } from '../lock.ts';
import { usersConfiguration } from './natsconf.ts';
import { userNameOf } from './permissions.ts';
import type { BusUser } from './permissions.ts';

/** With more, a nats-server's configuration is the wrong place for them. */
export const busUsersMax = 10_000;
const lockMsMax = 5_000;

/** A user that nats-server knows: its public key, and since when (ISO 8601). The seed lies in a file of its own, or elsewhere by now. */
export type KnownUser = { readonly user: BusUser; readonly key: string; readonly since: string };

/** Everything of FLYBALL_HOME/keys/nats. The seed of a user is its secret. */
export const usersFolder = (home: Home): string => join(home.keys, 'nats');
export const usersConfigFile = (home: Home): string => join(usersFolder(home), 'users.conf');
export const seedFileOf = (home: Home, user: BusUser): string => join(usersFolder(home), `${userNameOf(user)}.seed`);
const listFile = (home: Home): string => join(usersFolder(home), 'users.json');

/** Who has credentials for the bus; nobody when `auth init` or `up` never ran. Errors: E-AUTH-FILE, E-FILE. */
export function busUsers(home: Home): Result<readonly KnownUser[]> {
  try {
    const value: unknown = JSON.parse(readIfThere(listFile(home)) ?? '[]');
    if (Array.isArray(value) && value.length <= busUsersMax && value.every(isKnown)) return ok(value);
  } catch (error) {
    if (!(error instanceof SyntaxError)) return fail(fileProblem('cannot read the users of the bus', listFile(home), error));
  }
  return fail({ code: 'E-AUTH-FILE', what: 'the list of users is not what Flyball writes', at: listFile(home), todo: 'put it back, or remove the folder and run `flyball auth init`' }); // prettier-ignore
}

/** Makes what is missing of these users; those that are there keep their keys. Returns the new ones. */
export const ensureBusUsers = (home: Home, wanted: readonly BusUser[]): Promise<Result<readonly KnownUser[]>> =>
  change(home, (known) => {
    const fresh = wanted.filter((user) => !known.some((k) => sameUser(k.user, user)));
    return ok({ users: [...known, ...fresh.map((user) => issue(home, user))], answer: fresh });
  });

/** A new key for a user that is there; the old one is refused as soon as nats-server has read the list again. E-AUTH-NONE. */
export const rotateBusUser = (home: Home, user: BusUser): Promise<Result<readonly KnownUser[]>> =>
  change(home, (known) =>
    known.some((k) => sameUser(k.user, user))
      ? ok({ users: [...known.filter((k) => !sameUser(k.user, user)), issue(home, user)], answer: [user] })
      : fail(noneProblem(user)),
  );

/** Takes a user away, its seed too. E-AUTH-NONE. */
export const revokeBusUser = (home: Home, user: BusUser): Promise<Result<readonly KnownUser[]>> =>
  change(home, (known) => {
    if (!known.some((k) => sameUser(k.user, user))) return fail(noneProblem(user));
    rmSync(seedFileOf(home, user), { force: true });
    return ok({ users: known.filter((k) => !sameUser(k.user, user)), answer: [] });
  });

/** An adapter's user for this name, which must be a target's. "all" would share a subject with everybody's overrides. */
export const adapterUser = (target: string): Result<BusUser> =>
  targetName.test(target) && target !== 'all'
    ? ok({ role: 'adapter', target })
    : fail({ code: 'E-TARGET', what: 'this cannot be the name of a target', at: target, todo: 'a name is [a-z0-9-]{1,63}, and not "all"' });

const sameUser = (a: BusUser, b: BusUser): boolean => userNameOf(a) === userNameOf(b);

type Changed = { readonly users: readonly KnownUser[]; readonly answer: readonly BusUser[] };

/** The list is written first, then what nats-server reads: a crash between leaves a user too few, and the next change repairs it. */
async function change(home: Home, edit: (known: readonly KnownUser[]) => Result<Changed>): Promise<Result<readonly KnownUser[]>> {
  try {
    mkdirSync(usersFolder(home), { recursive: true, mode: 0o700 });
    const lock = await waitLock(join(usersFolder(home), 'users.lock'), 'the users of the bus', lockMsMax);
    if (!lock.ok) return lock;
    try {
      const known = busUsers(home);
      const edited = known.ok ? edit(known.value) : known;
      if (!edited.ok) return edited;
      const { users, answer } = edited.value;
      if (users.length > busUsersMax) return fail(manyProblem(home));
      writeAtomic(listFile(home), `${JSON.stringify(users, null, 2)}\n`);
      const text = usersConfiguration(users);
      if (readIfThere(usersConfigFile(home)) !== text) writeAtomic(usersConfigFile(home), text);
      return ok(users.filter((u) => answer.some((a) => sameUser(a, u.user))));
    } finally {
      lock.value.release();
    }
  } catch (error) {
    return fail(fileProblem('cannot write the users of the bus', usersFolder(home), error));
  }
}

/** The seed is on disk before anybody is told to accept its key. */
function issue(home: Home, user: BusUser): KnownUser {
  const pair = nkeys.createUser();
  writeAtomic(seedFileOf(home, user), `${Buffer.from(pair.getSeed()).toString('latin1')}\n`, 0o600);
  return { user, key: pair.getPublicKey(), since: new Date().toISOString() };
}

/** A seed from a file that only we can read; E-NKEY. */
export function readSeed(path: string): Result<Uint8Array> {
  try {
    const text = readIfThere(path)?.trim();
    if (text === undefined) return fail(seedProblem('there is no such file', path));
    if ((statSync(path).mode & 0o077) !== 0) return fail(seedProblem('others can read it', path));
    const seed = Buffer.from(text, 'latin1');
    nkeys.fromSeed(seed);
    return ok(seed);
  } catch (error) {
    // What nkeys says of a text that is no seed says nothing to a person.
    if (error instanceof Error) return fail(seedProblem('it is not the seed of an nkey user', path));
    throw error;
  }
}

const seedProblem = (what: string, at: string): Problem => ({
  code: 'E-NKEY',
  what: `the credentials for the bus cannot be used: ${what}`,
  at,
  todo: '`flyball auth issue` makes such a file (mode 0600); NATS_NKEY_FILE names one that lies elsewhere',
});

const noneProblem = (user: BusUser): Problem => ({
  code: 'E-AUTH-NONE',
  what: `${userNameOf(user)} has no credentials for the bus`,
  at: userNameOf(user),
  todo: '`flyball auth ls` shows who has',
});

const manyProblem = (home: Home): Problem => ({
  code: 'E-AUTH-MANY',
  what: `more than ${busUsersMax} users of the bus`,
  at: listFile(home),
  todo: 'revoke those that are not used',
});

function isKnown(value: unknown): value is KnownUser {
  if (typeof value !== 'object' || value === null || !('user' in value && 'key' in value && 'since' in value)) return false;
  const { user, key, since } = value;
  if (typeof key !== 'string' || !/^U[A-Z2-7]{55}$/.test(key) || typeof since !== 'string') return false;
  if (typeof user !== 'object' || user === null || !('role' in user)) return false;
  return (
    user.role === 'engine' ||
    (user.role === 'adapter' && 'target' in user && typeof user.target === 'string' && adapterUser(user.target).ok)
  );
}
