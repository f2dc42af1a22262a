import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fail, ok } from '../model/problem.ts';
import type { Result } from '../model/problem.ts';
import { fileProblem } from './files.ts';

const graceMsDefault = 3_000;

export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

export type Child = {
  readonly name: string;
  readonly pid: number;
  readonly exited: Promise<Exit>;
  /** False once the child is gone, or cannot be told any more. */
  readonly send: (message: unknown) => boolean;
  readonly onMessage: (handler: (message: unknown) => void) => () => void;
  /** SIGTERM, and SIGKILL after the grace (ms); resolves when it is gone. Harmless when it already is. */
  readonly stop: (graceMs?: number) => Promise<Exit>;
};

/**
 * Starts a Node process of ours. It leads a session of its own, so Ctrl-C at the terminal reaches us alone and we end things in order; it
 * ends with us, however we end, if it calls `endWithParent`.
 */
export async function startChild(options: {
  readonly name: string;
  /** The module's path. */
  readonly module: string;
  readonly args?: readonly string[];
  /** The whole environment. */
  readonly env: NodeJS.ProcessEnv;
  /** Where its output goes: our own standard error, or a file. Never our standard output, which is for machine output. */
  readonly output: 'stderr' | { readonly file: string };
}): Promise<Result<Child>> {
  const { name, module, args = [], env, output } = options;
  try {
    const out = output === 'stderr' ? 2 : openSync(output.file, 'a', 0o600);
    const child = fork(module, [...args], { detached: true, env, stdio: ['ignore', out, out, 'ipc'], serialization: 'json' });
    if (output !== 'stderr') closeSync(out);
    const spawned = await new Promise<Error | null>((resolve) => {
      child.once('spawn', () => resolve(null));
      child.once('error', resolve);
    });
    if (spawned !== null || child.pid === undefined) throw spawned ?? new Error('no process');
    return ok(watch(name, child, child.pid));
  } catch (error) {
    return fail({ ...fileProblem(`cannot start ${name}`, module, error), code: 'E-CHILD' });
  }
}

/**
 * In the child: calls `gone` once when the parent ended or let go, and at the latest `graceMs` later ends this process, whatever still
 * runs in it. Without an IPC channel (started by hand) it does nothing.
 */
export function endWithParent(gone: () => void, graceMs = graceMsDefault): void {
  if (process.channel === undefined) return;
  const end = (): void => {
    setTimeout(() => process.exit(0), graceMs).unref();
    gone();
  };
  // null: the parent was faster in ending than we in starting.
  if (process.channel === null || !process.connected) return end();
  process.once('disconnect', end);
  // The channel must not keep a process alive that has nothing else to do; 'disconnect' comes all the same while it lives.
  process.channel.unref();
}

/** Ends this process with its exit code, once all is closed: what still waits for an answer (an export to a dead collector) has so many ms left. */
export const endWithin = (ms: number): void => void setTimeout(() => process.exit(), ms).unref();

function watch(name: string, child: ChildProcess, pid: number): Child {
  const exited = new Promise<Exit>((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  // A channel that breaks while we write is the child's end, which 'exit' reports.
  child.on('error', () => undefined);
  return {
    name,
    pid,
    exited,
    send: (message) => child.connected && typeof message === 'object' && message !== null && child.send(message),
    onMessage: (handler) => {
      const mine = (message: unknown): void => handler(message);
      child.on('message', mine);
      return () => child.off('message', mine);
    },
    stop: async (graceMs = graceMsDefault) => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        const grace = setTimeout(() => child.kill('SIGKILL'), graceMs);
        await exited;
        clearTimeout(grace);
      }
      return await exited;
    },
  };
}
