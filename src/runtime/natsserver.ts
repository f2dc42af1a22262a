import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fail, ok } from '../model/problem.ts';
import type { Result } from '../model/problem.ts';
import type { NatsBinary } from './bus/natsbinary.ts';
import { startWatched, stopWatched } from './bus/natsprocess.ts';
import type { Watched } from './bus/natsprocess.ts';
import { fileProblem, writeAtomic } from './files.ts';
import type { Home } from './home.ts';
import { freePort } from './ports.ts';
import { pause } from './processes.ts';

export { findNatsServer } from './bus/natsbinary.ts';
export type { NatsBinary } from './bus/natsbinary.ts';

const portsTried = 3;
const backoffMsMin = 100;
const backoffMsMax = 2_000;

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
 * again on the same port. It ends with us, however we end: see bus/natsprocess.ts.
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
    const begin = async (): Promise<Result<Watched>> => await startWatched({ binary, files, port, name });
    try {
      writeAtomic(files.conf, configuration({ port, name, password, log: files.log, store: join(home.data, 'jetstream') }));
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

/** No user without credentials, and credentials in the file only: a command line is everybody's to read. */
const configuration = ({
  port,
  name,
  password,
  log,
  store,
}: {
  port: number;
  name: string;
  password: string;
  log: string;
  store: string;
}): string =>
  [
    `server_name: ${name}`,
    `listen: "127.0.0.1:${port}"`,
    'max_payload: 1048576',
    'max_connections: 1024',
    'write_deadline: "5s"',
    `log_file: ${JSON.stringify(log)}`,
    'logfile_size_limit: 10485760',
    'logfile_max_num: 2',
    // Room for both streams (protocol.md section 7); a full one keeps nothing more, and nothing depends on it.
    `jetstream { store_dir: ${JSON.stringify(store)}, max_memory_store: 16777216, max_file_store: 2415919104 }`,
    `authorization { user: flyball, password: "${password}", timeout: 2 }`,
    '',
  ].join('\n');

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
