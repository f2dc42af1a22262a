import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { fail, ok } from '../../model/problem.ts';
import type { Problem, Result } from '../../model/problem.ts';
import { freePort, portIsFree } from '../ports.ts';
import { alive, gone, pause, signal } from '../processes.ts';
import type { Account } from './account.ts';
import type { Binaries } from './binaries.ts';
import { logTail, serverEnv } from './cluster.ts';
import type { Place } from './cluster.ts';
import { contact } from './contact.ts';
import { lastPort, occupantOf, setAside } from './pidfile.ts';
import { serverArguments } from './settings.ts';

/** Each look at a server that starts up leaves a line in its log: looked at less and less often. */
const pollMsMin = 10;
const pollMsMax = 100;
/** A start that ends for a reason that passes (backends of a killed postmaster still there, a port lost) is tried again for this long. */
const retryMsMax = 20_000;
const retryEveryMs = 250;
/** Replaying the log after a crash may take long, and must not be cut short. */
const readyMsMax = 120_000;
const silentMsMax = 2_000;
const stopFastMsMax = 20_000;
const stopNowMsMax = 5_000;
const logBytesMax = 10 * 1024 * 1024;

/** Reasons in the server's log for which starting again helps. */
const passing = /lock file|shared memory block|could not bind|address already in use|could not create any TCP/i;

export type Running = { readonly pid: number; readonly port: number; readonly version: string; readonly how: 'started' | 'adopted' };

export type Start = {
  readonly place: Place;
  readonly binaries: Binaries;
  readonly account: Account;
  readonly say: (line: string) => void;
};

/** A server on the data folder: the one that runs there already, or a new one. To be called under the start lock. */
export async function runServer(start: Start): Promise<Result<Running>> {
  const password = readFileSync(start.place.passwordFile, 'utf8').trim();
  const began = performance.now();
  for (;;) {
    const occupant = occupantOf(start.place.data);
    if (occupant.state === 'reused') {
      start.say(`postmaster.pid names process ${occupant.pid}, which is "${occupant.command.slice(0, 60)}" now: file set aside`);
      setAside(start.place.data);
    }
    const tried =
      occupant.state === 'running'
        ? await adopt(start, password, occupant.postmaster.pid)
        : await launch(start, password, await choosePort(start.place.data));
    if (tried.state === 'running') return ok(tried.running);
    if (tried.state === 'failed' || performance.now() - began > retryMsMax) return fail(tried.problem);
    await pause(retryEveryMs);
  }
}

/** Fast shutdown: sessions are ended, what is committed is on disk. Resolves when the process is gone. */
export async function stopServer(pid: number): Promise<Result<null>> {
  signal(pid, 'SIGINT');
  if (await gone(pid, stopFastMsMax)) return ok(null);
  // Immediate: it will replay its log at the next start. Never SIGKILL: that leaves backends and shared memory behind.
  signal(pid, 'SIGQUIT');
  if (await gone(pid, stopNowMsMax)) return ok(null);
  return fail({
    code: 'E-DB-STOP',
    what: `Postgres does not end, process ${pid}`,
    at: 'embedded-postgres',
    todo: `look into its log, then end process ${pid}`,
  });
}

type Tried =
  | { readonly state: 'running'; readonly running: Running }
  | { readonly state: 'again'; readonly problem: Problem }
  | { readonly state: 'failed'; readonly problem: Problem };

async function adopt({ place, say }: Start, password: string, pid: number): Promise<Tried> {
  // The port stands in the file a moment after the id does: read again at each round.
  const port = (): number => {
    const now = occupantOf(place.data);
    return now.state === 'running' && now.postmaster.pid === pid ? now.postmaster.port : 0;
  };
  const found = await answer({ place, password, say, port, runs: () => alive(pid), since: null });
  if (found.state !== 'ready') return found;
  return { state: 'running', running: { pid, port: port(), version: found.version, how: 'adopted' } };
}

async function launch({ place, binaries, account, say }: Start, password: string, port: number): Promise<Tried> {
  turnLog(place.logFile);
  const log = openSync(place.logFile, 'a', 0o600);
  const since = statSync(place.logFile).size;
  const [command = '', ...words] = [...account.prefix, binaries.postgres, ...serverArguments(place.data, port)];
  // A session of its own: Ctrl-C at the terminal reaches us alone, and we end it when nobody needs it any more.
  const child = spawn(command, words, {
    detached: true,
    stdio: ['ignore', log, log],
    env: serverEnv(binaries),
    cwd: dirname(place.data),
  });
  closeSync(log);
  child.unref();
  let ended = false;
  let reason = '';
  child.once('exit', () => (ended = true));
  child.once('error', (error) => {
    ended = true;
    reason = error.message;
  });
  const found = await answer({ place, password, say, port: () => port, runs: () => !ended, since });
  if (found.state === 'ready') return { state: 'running', running: { pid: child.pid ?? 0, port, version: found.version, how: 'started' } };
  if (!ended && child.pid !== undefined) await stopServer(child.pid);
  return reason === '' ? found : { state: 'failed', problem: startProblem(reason, place) };
}

type Wait = {
  readonly place: Place;
  readonly password: string;
  readonly say: (line: string) => void;
  readonly port: () => number;
  readonly runs: () => boolean;
  /** Where this start's part of the log begins; null when it is not our start. */
  readonly since: number | null;
};

async function answer(wait: Wait): Promise<Exclude<Tried, { state: 'running' }> | { readonly state: 'ready'; readonly version: string }> {
  const began = performance.now();
  let said = false;
  let poll = pollMsMin;
  for (;;) {
    const port = wait.port();
    const got = port === 0 ? ({ state: 'not yet', why: 'no port yet' } as const) : await contact({ port, password: wait.password });
    const ms = performance.now() - began;
    // Ours only if it says so: the port may be another server's.
    if (got.state === 'ready' && got.dataFolder === wait.place.data) return { state: 'ready', version: got.version };
    if (!wait.runs()) return whyEnded(wait);
    if (got.state === 'refused') return { state: 'failed', problem: wrongPassword(wait.place, got.why) };
    if (ms > readyMsMax) {
      return { state: 'failed', problem: startProblem(got.state === 'ready' ? 'another server has its port' : got.why, wait.place) };
    }
    if (!said && ms > silentMsMax) {
      said = true;
      wait.say(`waiting for the database${got.state === 'ready' ? '' : ` (${got.why})`}…`);
    }
    await pause(poll);
    poll = Math.min(poll * 1.5, pollMsMax);
  }
}

function whyEnded({ place, since }: Wait): Tried & { readonly state: 'again' | 'failed' } {
  const tail = since === null ? '' : logTail(place.logFile, since);
  // One that we found and that ended while we watched: start our own.
  return { state: since === null || passing.test(tail) ? 'again' : 'failed', problem: startProblem(tail || 'it ended', place) };
}

async function choosePort(data: string): Promise<number> {
  const last = lastPort(data);
  return last !== null && (await portIsFree(last)) ? last : await freePort();
}

/** One older log is kept. */
function turnLog(logFile: string): void {
  const stat = statSync(logFile, { throwIfNoEntry: false });
  if (stat !== undefined && stat.size > logBytesMax) renameSync(logFile, `${logFile}.1`);
}

const startProblem = (what: string, place: Place): Problem => ({
  code: 'E-DB-START',
  what: `Postgres does not start: ${what}`,
  at: place.logFile,
  todo: 'read the log; or set DATABASE_URL',
});

const wrongPassword = (place: Place, what: string): Problem => ({
  code: 'E-DB-PASSWORD',
  what: `Postgres runs, but does not take our password: ${what}`,
  at: place.passwordFile,
  todo: 'put back the password file that was made with the data folder',
});
