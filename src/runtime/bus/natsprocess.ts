import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { connect as connectSocket } from 'node:net';
import { fail, ok } from '../../model/problem.ts';
import type { Problem, Result } from '../../model/problem.ts';
import { pause, signal } from '../processes.ts';
import type { NatsBinary } from './natsbinary.ts';

const readyMsMax = 5_000;
const pollMs = 20;
const stopMsMax = 3_000;
const tailCharsMax = 1_000;

/** A nats-server, and the shell that holds it. */
export type Watched = { readonly child: ChildProcess; readonly pid: number };

/**
 * The shell between us and the server holds the other end of a pipe. When we end, killed or not, the pipe closes and the shell ends the
 * server; when the server ends, so does the shell. The first line it prints is the server's process id.
 */
const script = `
"$0" -c "$1" >/dev/null 2>&1 3<&- </dev/null & server=$!
echo $server
( while read -r line; do :; done; kill -TERM $server ) <&3 >/dev/null 2>&1 & watch=$!
wait $server; code=$?
kill $watch 2>/dev/null
exit $code`;

export type Once = {
  readonly binary: NatsBinary;
  readonly files: { readonly conf: string; readonly log: string };
  readonly port: number;
  readonly name: string;
};

/** Starts a server and waits until it greets. */
export async function startWatched({ binary, files, port, name }: Once): Promise<Result<Watched>> {
  const since = statSync(files.log, { throwIfNoEntry: false })?.size ?? 0;
  // A group of its own: Ctrl-C at the terminal reaches us alone.
  const child = spawn('/bin/sh', ['-c', script, binary.path, files.conf], { detached: true, stdio: ['ignore', 'pipe', 'ignore', 'pipe'] });
  let failure = '';
  child.once('error', (error) => (failure = error.message));
  const pid = await firstNumber(child);
  const end = performance.now() + readyMsMax;
  while (child.exitCode === null && child.signalCode === null && failure === '' && performance.now() < end) {
    if (await greets(port, name)) return ok({ child, pid });
    await pause(pollMs);
  }
  await stopWatched(child);
  return fail(startProblem(failure || logSince(files.log, since) || 'it did not answer', files.log));
}

/** Closing the pipe is the request; the group is ended if that is not heard. */
export function stopWatched(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return resolve();
    const { pid } = child;
    const late = setTimeout(() => signal(-pid, 'SIGKILL'), stopMsMax);
    child.once('exit', () => {
      clearTimeout(late);
      resolve();
    });
    const pipe = child.stdio[3];
    if (pipe !== null && pipe !== undefined) pipe.destroy();
  });
}

function firstNumber(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.stdout?.once('data', (chunk: Buffer) => resolve(Number(chunk.toString('latin1').trim())));
    child.once('close', () => resolve(0));
    child.once('error', () => resolve(0));
  });
}

/** A NATS server greets with INFO and its name; another's greeting on that port does not count. */
function greets(port: number, name: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectSocket({ host: '127.0.0.1', port, timeout: 1_000 });
    const end = (greeted: boolean): void => {
      socket.destroy();
      resolve(greeted);
    };
    socket.once('data', (chunk) => end(chunk.toString('latin1').startsWith('INFO ') && chunk.includes(`"${name}"`)));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
    socket.once('close', () => end(false));
  });
}

const logSince = (file: string, since: number): string =>
  statSync(file, { throwIfNoEntry: false }) === undefined
    ? ''
    : readFileSync(file).subarray(since).toString('utf8').slice(-tailCharsMax).trim();

const startProblem = (what: string, at: string): Problem => ({
  code: 'E-NATS-SERVER',
  what: `nats-server does not start: ${what}`,
  at,
  todo: 'see its log; or start with --bus local',
});
