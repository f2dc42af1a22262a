import { randomBytes } from 'node:crypto';
import { rmSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fail, ok } from '../model/problem.ts';
import type { Result } from '../model/problem.ts';
import { serverConfiguration } from './access/natsconf.ts';
import type { NatsBinary } from './bus/natsbinary.ts';
import { startWatched, stopWatched } from './bus/natsprocess.ts';
import type { Watched } from './bus/natsprocess.ts';
import { fileProblem, writeAtomic } from './files.ts';
import type { Home } from './home.ts';
import { freePort } from './ports.ts';
import { pause, signal } from './processes.ts';

export { findNatsServer } from './bus/natsbinary.ts';
export type { NatsBinary } from './bus/natsbinary.ts';

const portsTried = 3;
const backoffMsMin = 100;
const backoffMsMax = 2_000;
/** How soon a change of the users is seen. */
const lookEveryMs = 200;

export type NatsServer = {
  /** Without credentials: each user has a seed of its own. */
  readonly url: string;
  readonly version: string;
  /** Of the server; changes when it had to be started again. */
  readonly pid: () => number;
  readonly stop: () => Promise<void>;
};

/**
 * A nats-server of our own on a free loopback port, for the users of `usersFile` (access/natsconf.ts) and nobody else; when that file changes
 * it is read again, and who is no longer in it is cut off. One that dies is started again on the same port. It ends with us, however we
 * end: see bus/natsprocess.ts.
 */
export async function startNatsServer(options: {
  readonly home: Home;
  readonly binary: NatsBinary;
  readonly usersFile: string;
  readonly say: (line: string) => void;
}): Promise<Result<NatsServer>> {
  const { home, binary, usersFile, say } = options;
  const files = { conf: join(home.root, 'nats.conf'), log: join(home.logs, 'nats.log') };
  // Before it reads them: a change that comes in between is read twice, not missed.
  const seen = stampOf(usersFile);
  for (let i = 1; ; i++) {
    const port = await freePort();
    const name = `flyball-${randomBytes(6).toString('hex')}`;
    const begin = async (): Promise<Result<Watched>> => await startWatched({ binary, files, port, name });
    try {
      writeAtomic(
        files.conf,
        serverConfiguration({
          name,
          listen: `127.0.0.1:${port}`,
          usersFile: relative(home.root, usersFile),
          log: files.log,
          jetstream: join(home.data, 'jetstream'),
          tls: null,
        }),
      );
    } catch (error) {
      return fail(fileProblem('cannot write the configuration of nats-server', files.conf, error));
    }
    const first = await begin();
    // The port may have been taken in between.
    if (!first.ok && i < portsTried) continue;
    if (!first.ok) return first;
    const kept = keep(first.value, begin, say);
    const unwatch = watchUsers(usersFile, seen, kept.pid);
    return ok({
      url: `nats://127.0.0.1:${port}`,
      version: binary.version,
      pid: kept.pid,
      stop: async () => {
        unwatch();
        await kept.stop();
        rmSync(files.conf, { force: true });
      },
    });
  }
}

/** nats-server reads its configuration again at SIGHUP; one that was started in between has read it already. */
function watchUsers(path: string, since: string, pid: () => number): () => void {
  let seen = since;
  const timer = setInterval(() => {
    const stamp = stampOf(path);
    if (stamp === seen || stamp === 'none') return;
    seen = stamp;
    signal(pid(), 'SIGHUP');
  }, lookEveryMs);
  return () => clearInterval(timer);
}

/** Changes whenever the file is written. */
function stampOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? 'none' : `${stat.mtimeMs} ${stat.size} ${stat.ino}`;
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
      say(next.problem.what);
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
