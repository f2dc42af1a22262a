import { timingSafeEqual } from 'node:crypto';
import { statSync } from 'node:fs';
import { fail, ok } from '../../model/problem.ts';
import type { Problem, Result } from '../../model/problem.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Home } from '../home.ts';
import type { Role } from './roles.ts';
import { hashOf, idOf, readTokens, tokensFile } from './tokens.ts';
import type { TokenRow } from './tokens.ts';

/** Wrong tokens that one address may send at once, and how long until it may send one more. */
export const wrongTokensMax = 20;
export const wrongTokenEveryMs = 1_000;
/** Addresses that are remembered; when there are more, the oldest is forgotten. */
const addressesMax = 4_096;

/** Who asks. `local`: the owner of FLYBALL_HOME, who may do everything and says by what name. */
export type Caller = { readonly kind: 'local' } | { readonly kind: 'token'; readonly name: string; readonly role: Role };

export type Gate = {
  /** E-AUTH: no token, a wrong one, or one that expired; E-AUTH-RATE: too many wrong ones from there. */
  readonly enter: (asked: { readonly token: string; readonly address: string; readonly local: boolean }) => Result<Caller>;
};

/**
 * Knows callers by their tokens. The home's own token counts on the loopback only, and is compared before anything is counted: a process
 * of this machine must not be able to lock its owner out. An address that sends too many wrong tokens is refused unread until time passes.
 */
export function makeGate(options: { readonly home: Home; readonly homeToken: string; readonly clock: Clock }): Gate {
  const { home, homeToken, clock } = options;
  const book = makeBook(home);
  const wrong = makeBudget(clock);
  return {
    enter: ({ token, address, local }) => {
      if (local && same(hashOf(token), hashOf(homeToken))) return ok({ kind: 'local' });
      if (!wrong.left(address)) return fail(rateProblem);
      const found = book(token, clock.now());
      // A file that cannot be read is not the caller's fault.
      if (!found.ok && found.problem.code === 'E-AUTH') wrong.spend(address);
      return found;
    },
  };
}

/** The file is read again when it changed, so that a revoked token is refused at the next request. */
function makeBook(home: Home): (token: string, nowMs: number) => Result<Caller> {
  let stamp = '';
  let rows: Result<ReadonlyMap<string, TokenRow>> = ok(new Map());
  return (token, nowMs) => {
    const stat = statSync(tokensFile(home), { throwIfNoEntry: false });
    const now = stat === undefined ? 'none' : `${stat.mtimeMs} ${stat.ctimeMs} ${stat.size} ${stat.ino}`;
    if (now !== stamp) {
      stamp = now;
      const read = readTokens(home);
      rows = read.ok ? ok(new Map(read.value.map((row) => [row.id, row]))) : read;
    }
    if (!rows.ok) return rows;
    const row = rows.value.get(idOf(token) ?? '');
    // A row that is not there takes as long as one that is.
    const right = same(hashOf(token), row?.hash ?? noHash);
    if (row === undefined || !right) return fail(wrongProblem);
    return nowMs < row.expires ? ok({ kind: 'token', name: row.name, role: row.role }) : fail(expiredProblem(row));
  };
}

/** A bucket for each address, refilled with time. */
function makeBudget(clock: Clock): { readonly left: (address: string) => boolean; readonly spend: (address: string) => void } {
  const spent = new Map<string, { readonly count: number; readonly atMs: number }>();
  const countOf = (address: string): number => {
    const known = spent.get(address);
    return known === undefined ? 0 : Math.max(0, known.count - (clock.monotonic() - known.atMs) / wrongTokenEveryMs);
  };
  return {
    left: (address) => countOf(address) <= wrongTokensMax - 1,
    spend: (address) => {
      const count = countOf(address) + 1;
      spent.delete(address);
      spent.set(address, { count, atMs: clock.monotonic() });
      const [oldest] = spent.keys();
      if (spent.size > addressesMax && oldest !== undefined) spent.delete(oldest);
    },
  };
}

const noHash = '0'.repeat(64);
/** Digests are compared, and all of them: time tells nothing of the token. */
const same = (a: string, b: string): boolean => timingSafeEqual(Buffer.from(a, 'hex'), Buffer.from(b, 'hex'));

const wrongProblem: Problem = {
  code: 'E-AUTH',
  what: 'the token is missing or wrong',
  at: 'api',
  todo: 'send one that `flyball auth token` made; the one in FLYBALL_HOME/token counts on this machine only',
};
const expiredProblem = ({ name }: TokenRow): Problem => ({ code: 'E-AUTH', what: `the token ${name} has expired`, at: 'api', todo: 'an admin makes a new one: flyball auth rotate token NAME' }); // prettier-ignore
const rateProblem: Problem = { code: 'E-AUTH-RATE', what: 'too many wrong tokens came from this address', at: 'api', todo: 'wait, then send the right one' }; // prettier-ignore
