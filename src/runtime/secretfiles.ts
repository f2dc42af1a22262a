import { fail, ok } from '../model/problem.ts';
import type { Result } from '../model/problem.ts';
import { readIfThere, textOf } from './files.ts';

/** Variables that may hold a password. */
const names = ['DATABASE_URL', 'NATS_URL', 'ALERTMANAGER_URL'] as const;
/** An address, not a document. */
const charsMax = 8_192;

/**
 * The environment with what lies in files: DATABASE_URL_FILE names the file that holds DATABASE_URL, and so on. A container's environment is
 * shown to everybody who may look at containers; a file of it is not. Errors: E-SECRET-FILE.
 */
export function withSecretFiles(env: NodeJS.ProcessEnv): Result<NodeJS.ProcessEnv> {
  const all = { ...env };
  for (const name of names) {
    const path = env[`${name}_FILE`];
    if (!path) continue;
    if (env[name]) return refuse(name, 'is given as well: which of the two is meant?', path);
    try {
      const text = readIfThere(path)?.trim() ?? '';
      if (text === '' || text.length > charsMax || text.includes('\n')) return refuse(name, 'is not one line of text', path);
      all[name] = text;
      // For a child this is then the one that counts.
      delete all[`${name}_FILE`];
    } catch (error) {
      return refuse(name, `cannot be read: ${textOf(error)}`, path);
    }
  }
  return ok(all);
}

const refuse = (name: string, what: string, at: string): Result<never> =>
  fail({ code: 'E-SECRET-FILE', what: `${name}_FILE ${what}`, at, todo: `put the ${name} alone into that file, or set ${name} instead` });
