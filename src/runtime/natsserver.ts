import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync, statSync } from 'node:fs';
import { connect as connectSocket } from 'node:net';
import { join } from 'node:path';
import { fail, ok } from '../model/problem.ts';
import type { Problem, Result } from '../model/problem.ts';
import type { NatsBinary } from './bus/natsbinary.ts';
import { fileProblem, writeAtomic } from './files.ts';
import type { Home } from './home.ts';
import { freePort } from './ports.ts';
import { pause, signal } from './processes.ts';

export { findNatsServer } from './bus/natsbinary.ts';
export type { NatsBinary } from './bus/natsbinary.ts';

const readyMsMax = 5_000;
const pollMs = 20;
const portsTried = 3;
const stopMsMax = 3_000;
const backoffMsMin = 100;
const backoffMsMax = 2_000;
const tailCharsMax = 1_000;

export type NatsServer = {
  /** With credentials. */
  readonly url: string;
  readonly address: string;
  readonly version: string;
  /** Of the server; changes when it had to be started again. */
  readonly pid: () => number;
  readonly stop: () => Promise<void>;
};

/**
 * A nats-server of our own on a free loopback port, for whoever has the password (random, in files of mode 0600). One that dies is started
 * again on the same port. It ends with us, however we end: see `watched`.
 */
export async function startNatsServer(options: {
  readonly home: Home;
  readonly binary: NatsBinary;
  readonly say: (line: string) => void;
}): Promise<Result<NatsServer>> {
  const { home, binary, say } = options;
  const password = randomBytes(24).toString('base64url');
  const files = { conf: join(home.root, 'nats.conf'), log: join(home.logs, 'nats.log') };
  for (let i = 1; ; i++) {
    const port = await freePort();
    const name = `flyball-${randomBytes(6).toString('hex')}`;
    const begin = async (): Promise<Result<Watched>> => await startOnce({ binary, files, port, name });
    try {
      writeAtomic(files.conf, configuration({ port, name, password, log: files.log }));
    } catch (error) {
      return fail(fileProblem('cannot write the configuration of nats-server', files.conf, error));
    }
    const first = await begin();
    // The port may have been taken in between.
    if (!first.ok && i < portsTried) continue;
    if (!first.ok) return first;
    const kept = keep(first.value, begin, say);
    return ok({
      url: `nats://flyball:${password}@127.0.0.1:${port}`,
      address: `nats://127.0.0.1:${port}`,
      version: binary.version,
      pid: kept.pid,
      stop: async () => {
        await kept.stop();
        rmSync(files.conf, { force: true });
      },
    });
  }
}

type Watched = { readonly child: ChildProcess; readonly pid: number };

/** No user without credentials, and credentials in the file only: a command line is everybody's to read. */
const configuration = ({ port, name, password, log }: { port: number; name: string; password: string; log: string }): string =>
  [
    `server_name: ${name}`,
    `listen: "127.0.0.1:${port}"`,
    'max_payload: 1048576',
    'max_connections: 1024',
    'write_deadline: "5s"',
    `log_file: ${JSON.stringify(log)}`,
    'logfile_size_limit: 10485760',
    'logfile_max_num: 2',
    `authorization { user: flyball, password: "${password}", timeout: 2 }`,
    '',
  ].join('\n');

/**
 * The shell between us and the server holds the other end of a pipe. When we end, killed or not, the pipe closes and the shell ends the
 * server; when the server ends, so does the shell. The first line it prints is the server's process id.
 */
const watched = `
"$0" -c "$1" >/dev/null 2>&1 3<&- </dev/null & server=$!
echo $server
( while read -r line; do :; done; kill -TERM $server ) <&3 >/dev/null 2>&1 & watch=$!
wait $server; code=$?
kill $watch 2>/dev/null
exit $code`;

type Once = {
  readonly binary: NatsBinary;
  readonly files: { readonly conf: string; readonly log: string };
  readonly port: number;
  readonly name: string;
};

async function startOnce({ binary, files, port, name }: Once): Promise<Result<Watched>> {
  const since = statSync(files.log, { throwIfNoEntry: false })?.size ?? 0;
  // A group of its own: Ctrl-C at the terminal reaches us alone.
  const child = spawn('/bin/sh', ['-c', watched, binary.path, files.conf], { detached: true, stdio: ['ignore', 'pipe', 'ignore', 'pipe'] });
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

/** Starts it again for as long as nobody stops it. */
function keep(first: Watched, begin: () => Promise<Result<Watched>>, say: (line: string) => void): Pick<NatsServer, 'pid' | 'stop'> {
  let now = first;
  let stopping = false;
  let again: Promise<void> = Promise.resolve();
  const watch = ({ child }: Watched): void => {
    child.once('exit', () => {
      if (stopping) return;
      say('nats-server ended: starting it again');
      again = restart();
    });
    // It ended between its greeting and this line.
    if ((child.exitCode !== null || child.signalCode !== null) && !stopping) again = restart();
  };
  const restart = async (): Promise<void> => {
    for (let wait = backoffMsMin; !stopping; wait = Math.min(wait * 2, backoffMsMax)) {
      const next = await begin();
      if (next.ok) {
        now = next.value;
        return watch(now);
      }
      await pause(wait);
    }
  };
  watch(first);
  return {
    pid: () => now.pid,
    stop: async () => {
      stopping = true;
      await again;
      await stopWatched(now.child);
    },
  };
}

/** Closing the pipe is the request; the group is ended if that is not heard. */
function stopWatched(child: ChildProcess): Promise<void> {
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
