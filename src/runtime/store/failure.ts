import { DrizzleQueryError } from 'drizzle-orm/errors';
import pg from 'pg';
import type { Problem } from '../../model/problem.ts';
import { codeOf } from '../files.ts';
import { withoutCredentials } from '../log.ts';

const messageCharsMax = 300;
const causesMax = 8;

/** The database did not do it, for a reason that is not the caller's. */
export class StoreFailure extends Error {
  readonly problem: Problem;
  constructor(problem: Problem, cause: unknown) {
    super(`${problem.code}: ${problem.what}`, { cause });
    this.name = 'StoreFailure';
    this.problem = problem;
  }
}

/** A named statement failed; `cause` is what the driver threw. */
export class StatementFailure extends Error {
  constructor(name: string, cause: unknown) {
    super(`statement "${name}" failed`, { cause });
    this.name = 'StatementFailure';
  }
}

/**
 * 'down': the database is away, full, or gave up on this transaction: the same again may work later.
 * 'conflict': another wrote it first. 'bug': the statement itself is wrong.
 */
export type FailureKind = 'down' | 'conflict' | 'bug';

/** Classes of SQLSTATE (PostgreSQL documentation, appendix A). */
const downClasses: readonly string[] = [
  '08', // connection exception
  '25', // e.g. read-only: this is a standby now
  '28', // credentials changed
  '3D', // the database is gone
  '40', // serialization failure, deadlock: rolled back whole
  '53', // out of disk, memory or connections
  '55', // lock not available, cannot connect now
  '57', // cancelled, shut down, crashed, starting up
  '58', // system error below it
];

/** Only what went wrong inside a statement can be the database's fault: drizzle and runNamed mark it. Everything else that is thrown is a bug of ours. */
export function failureKind(error: unknown): FailureKind {
  if (error instanceof StoreFailure) return 'down';
  if (!(error instanceof DrizzleQueryError) && !(error instanceof StatementFailure)) return 'bug';
  const root = rootOf(error);
  // The driver's own errors ("Connection terminated unexpectedly", "Query read timeout") and the socket's have no SQLSTATE: no answer came.
  if (!(root instanceof pg.DatabaseError)) return root instanceof TypeError ? 'bug' : 'down';
  if (root.code === '23505') return 'conflict';
  return downClasses.includes(root.code?.slice(0, 2) ?? '') ? 'down' : 'bug';
}

/** Wrong credentials and a missing database do not mend themselves within a start. */
export function isFinal(error: unknown): boolean {
  const root = rootOf(error);
  return root instanceof pg.DatabaseError && /^(?:28|3D)/.test(root.code ?? '');
}

/**
 * Whether the server said no to the statement and the session goes on: then the transaction is not committed. Silence is no such answer, nor
 * is FATAL, which may come when COMMIT is done and only its answer is missing.
 */
export function isRefusal(error: unknown): boolean {
  const root = rootOf(error);
  return root instanceof pg.DatabaseError && root.severity === 'ERROR';
}

/** What the database or the driver said, without statement and parameters: they may hold what a user typed. */
export function messageOf(error: unknown): string {
  const root = rootOf(error);
  const text =
    root instanceof AggregateError && root.errors.length > 0 ? String(root.errors[0]) : root instanceof Error ? root.message : String(root);
  return withoutCredentials(text).slice(0, messageCharsMax) || codeOf(root);
}

export const downProblem = (error: unknown, at: string): Problem => ({
  code: 'E-DB-DOWN',
  what: `the database did not answer: ${messageOf(error)}`,
  at,
  todo: 'check that it runs and can be reached; Flyball goes on by itself once it does',
});

/** drizzle wraps what the driver threw. */
function rootOf(error: unknown): unknown {
  let root = error;
  for (let i = 0; i < causesMax && root instanceof Error && root.cause instanceof Error; i++) root = root.cause;
  return root;
}
