import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { commandFile } from '../../src/runtime/package.ts';

/** A `flyball …` process of a test, in a home of its own. */
export type Running = {
  readonly home: string;
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Another command in the same home; resolves with its output. */
  readonly run: (...args: readonly string[]) => Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>;
  /** Ctrl-C, and the end of everything. */
  readonly stop: () => Promise<void>;
};

/** A Ctrl-C takes 2 s; a wait that nobody ended, 40. */
const stopMsMax = 20_000;

export function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
  const home = mkdtempSync(join(tmpdir(), 'flyball-e2e-'));
  const environment = { ...process.env, ...env, FLYBALL_HOME: home };
  const { child, exited, stdout, stderr } = launch(args, environment);
  return {
    home,
    child,
    exited,
    stdout,
    stderr,
    run: async (...more) => {
      const other = launch(more, environment);
      const code = await other.exited;
      return { code, stdout: other.stdout(), stderr: other.stderr() };
    },
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGINT');
      const ended = await Promise.race([exited.then(() => true), pause(stopMsMax, false)]);
      if (!ended) child.kill('SIGKILL');
      await exited;
      const left = readdirSync(join(home, 'sockets'));
      rmSync(home, { recursive: true, force: true });
      if (!ended) throw new Error(`Ctrl-C did not end it within ${stopMsMax} ms:\n${stderr()}`);
      if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`);
    },
  };
}

function launch(args: readonly string[], env: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, [commandFile(), ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err]: [string[], string[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk.toString('utf8')));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk.toString('utf8')));
  const exited = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  return { child, exited, stdout: () => out.join(''), stderr: () => err.join('') };
}

/** Asks until it is so; fails with what was seen last. */
export async function until<T>(what: string, ask: () => Promise<T | null>, msMax: number): Promise<T> {
  const end = performance.now() + msMax;
  for (;;) {
    const answer = await ask();
    if (answer !== null) return answer;
    if (performance.now() > end) throw new Error(`not within ${msMax} ms: ${what}`);
    await pause(50);
  }
}
