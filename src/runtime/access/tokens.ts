import { createHash, randomBytes } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { fail, ok } from '../../model/problem.ts';
import type { Problem, Result } from '../../model/problem.ts';
import { fileProblem, readIfThere, writeAtomic } from '../files.ts';
import type { Home } from '../home.ts';
import { waitLock } from '../lock.ts';
import { isRole } from './roles.ts';
import type { Role } from './roles.ts';

export const tokensMax = 1_000;
/** Nobody remembers a token that lives for ever. */
export const tokenDaysDefault = 90;
export const tokenDaysMax = 3_650;
const secretBytes = 32;
const idBytes = 6;
const lockMsMax = 5_000;
const dayMs = 24 * 3_600_000;
const nameText = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$/;
/** Authors that are nobody's token. */
const reserved: readonly string[] = ['engine', 'unknown'];
const tokenText = /^flyball_([0-9a-f]{12})_[A-Za-z0-9_-]{43}$/;

/** A token of the HTTP API as it is kept: never the token itself. Times in ms, UTC. */
export type TokenRow = {
  /** The part of the token that is no secret: finds its row. */
  readonly id: string;
  /** Who it stands for, as the audit names them. */
  readonly name: string;
  readonly role: Role;
  /** SHA-256 of the whole token; it has 256 random bits, so nothing slower is needed. */
  readonly hash: string;
  readonly made: number;
  readonly by: string;
  readonly expires: number;
};

export type TokenView = Omit<TokenRow, 'hash' | 'id'>;

/** Shown once, when it is made. */
export type MadeToken = TokenView & { readonly token: string };

export const tokensFile = (home: Home): string => join(home.root, 'tokens.json');
export const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');
/** The id in a token's text; null: it is none of ours. */
export const idOf = (token: string): string | null => tokenText.exec(token)?.[1] ?? null;
export const viewOf = ({ name, role, made, by, expires }: TokenRow): TokenView => ({ name, role, made, by, expires });

/**
 * All tokens, also those that have expired. They are in a file and not in Postgres: a restored database must not bring back a token that
 * was revoked. Errors: E-TOKENS for a file that is not ours or that others can read, E-FILE.
 */
export function readTokens(home: Home): Result<readonly TokenRow[]> {
  const path = tokensFile(home);
  try {
    const text = readIfThere(path);
    if (text === null) return ok([]);
    if ((lstatSync(path).mode & 0o077) !== 0) return fail(fileOf('others can read it', path));
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.length <= tokensMax && value.every(isRow)
      ? ok(value)
      : fail(fileOf('it is not what Flyball writes', path));
  } catch (error) {
    return error instanceof SyntaxError ? fail(fileOf('it is not JSON', path)) : fail(fileProblem('cannot read the tokens', path, error));
  }
}

export type TokenAsk = { readonly name: string; readonly role: Role; readonly days: number; readonly by: string };

/** A new token. E-TOKEN-NAME when the name is taken (also by one that expired: the audit knows people by it) or is none. */
export const makeToken = (home: Home, ask: TokenAsk, nowMs: number): Promise<Result<MadeToken>> =>
  change(home, (rows) => {
    if (!nameText.test(ask.name) || reserved.includes(ask.name)) return fail(nameProblem('this is no name of a token', ask.name));
    if (rows.some(({ name }) => name === ask.name)) return fail(nameProblem('there is a token of this name', ask.name));
    return rows.length >= tokensMax ? fail(nameProblem(`there are ${tokensMax} tokens`, ask.name)) : add(rows, ask, nowMs);
  });

/** The same name and role with another secret; the old one is refused from now on. E-TOKEN-NONE. */
export const rotateToken = (home: Home, ask: Omit<TokenAsk, 'role'>, nowMs: number): Promise<Result<MadeToken>> =>
  change(home, (rows) => {
    const row = rows.find(({ name }) => name === ask.name);
    return row === undefined ? fail(noneProblem(ask.name)) : add(rows.filter((r) => r !== row), { ...ask, role: row.role }, nowMs); // prettier-ignore
  });

/** The token is refused from now on. E-TOKEN-NONE. */
export const revokeToken = (home: Home, name: string): Promise<Result<TokenView>> =>
  change(home, (rows) => {
    const row = rows.find((r) => r.name === name);
    return row === undefined ? fail(noneProblem(name)) : ok({ rows: rows.filter((r) => r !== row), answer: viewOf(row) });
  });

type Changed<T> = Result<{ readonly rows: readonly TokenRow[]; readonly answer: T }>;

function add(rows: readonly TokenRow[], { name, role, days, by }: TokenAsk, nowMs: number): Changed<MadeToken> {
  if (!Number.isInteger(days) || days < 1 || days > tokenDaysMax) return fail(nameProblem(`a token lives 1 … ${tokenDaysMax} days`, String(days))); // prettier-ignore
  const id = randomBytes(idBytes).toString('hex');
  const token = `flyball_${id}_${randomBytes(secretBytes).toString('base64url')}`;
  const row: TokenRow = { id, name, role, hash: hashOf(token), made: Math.floor(nowMs), by, expires: Math.floor(nowMs) + days * dayMs };
  return ok({ rows: [...rows, row], answer: { ...viewOf(row), token } });
}

async function change<T>(home: Home, edit: (rows: readonly TokenRow[]) => Changed<T>): Promise<Result<T>> {
  const path = tokensFile(home);
  const lock = await waitLock(`${path}.lock`, 'the tokens', lockMsMax);
  if (!lock.ok) return lock;
  try {
    const rows = readTokens(home);
    const edited = rows.ok ? edit(rows.value) : rows;
    if (!edited.ok) return edited;
    writeAtomic(path, `${JSON.stringify(edited.value.rows, null, 2)}\n`, 0o600);
    return ok(edited.value.answer);
  } catch (error) {
    return fail(fileProblem('cannot write the tokens', path, error));
  } finally {
    lock.value.release();
  }
}

function isRow(value: unknown): value is TokenRow {
  if (typeof value !== 'object' || value === null) return false;
  const row = value as Readonly<Record<string, unknown>>;
  return (
    [row['id'], row['name'], row['hash'], row['by']].every((text) => typeof text === 'string') &&
    /^[0-9a-f]{64}$/.test(String(row['hash'])) &&
    isRole(row['role']) &&
    [row['made'], row['expires']].every(Number.isSafeInteger)
  );
}

const fileOf = (what: string, at: string): Problem => ({ code: 'E-TOKENS', what: `the tokens cannot be used: ${what}`, at, todo: 'put the file back as it was (mode 0600), or remove it: then no token is valid but FLYBALL_HOME/token' }); // prettier-ignore
const nameProblem = (what: string, at: string): Problem => ({ code: 'E-TOKEN-NAME', what, at, todo: 'a name is letters, digits and . _ @ - (63 at most), and nobody else’s; `flyball auth ls` shows them' }); // prettier-ignore
const noneProblem = (at: string): Problem => ({ code: 'E-TOKEN-NONE', what: 'there is no token of this name', at, todo: '`flyball auth ls` shows them' }); // prettier-ignore
