import { connect, headers as natsHeaders, nkeyAuthenticator } from '@nats-io/transport-node';
import type { NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node';
import { fail, ok } from '../model/problem.ts';
import type { Problem, Result } from '../model/problem.ts';
import type { Bus, BusMessage } from '../ports/bus.ts';
import { makeHandlers, makeState } from './bus/handlers.ts';
import { jetstream } from './bus/jetstream.ts';
import type { Ask } from './bus/jetstream.ts';
import { sendable } from './bus/message.ts';
import { parseNatsUrl } from './bus/natsurl.ts';
import type { NatsUrl } from './bus/natsurl.ts';
import { inboxOf } from './access/permissions.ts';
import type { BusUser } from './access/permissions.ts';
import { unverifiedProblem } from './access/tls.ts';
import type { TlsFiles } from './access/tls.ts';
import { readSeed } from './access/users.ts';
import { textOf } from './files.ts';
import { withoutCredentials } from './log.ts';
import { pause } from './processes.ts';

const connectMsMax = 2_000;
const flushMsMax = 2_000;
const backoffMsMin = 50;
const backoffMsMax = 1_000;
/** A server behind a dead link is found out after this much silence, twice. */
const pingEveryMs = 5_000;
const pingsOutMax = 2;
/** What the server has not confirmed to have; more is dropped. Asked each `windowBytes`. */
const pendingBytesMax = 16 * 1024 * 1024;
const windowBytes = 512 * 1024;
const refusalsSaidMax = 20;

/** Who connects, and how the server is known to be the right one. */
export type NatsAccess = {
  /** Its inbox; null: NATS's own default. */
  readonly user: BusUser | null;
  /** An nkey's seed, read anew for each connection: it may have been rotated. null: what the url says. */
  readonly seedFile: string | null;
  /** null: TLS only if the url or the server says so, with the system's authorities. The server is verified always. */
  readonly tls: TlsFiles | null;
};

/**
 * NATS at `nats://[user:password@|token@]host:port` (or `tls://`, and several by commas). Fails (`E-BUS-DOWN`) when it cannot be reached
 * within `waitMs`; once connected it connects again for ever. E-NKEY, E-TLS-UNVERIFIED.
 */
export async function connectNats(options: {
  readonly url: string;
  readonly name: string;
  readonly waitMs: number;
  readonly access?: NatsAccess;
  /** Told what the server refuses this user, each thing once. */
  readonly say?: (line: string) => void;
  readonly env?: NodeJS.ProcessEnv;
}): Promise<Result<Bus>> {
  const { access = { user: null, seedFile: null, tls: null }, say = () => undefined, env = process.env } = options;
  const parsed = parseNatsUrl(options.url);
  if (parsed === null) return fail(urlProblem);
  // A server may ask for TLS although the url does not: so whatever the url.
  const unverified = unverifiedProblem(env, parsed.address);
  if (unverified !== null) return fail(unverified);
  const seed = access.seedFile === null ? ok(null) : readSeed(access.seedFile);
  if (!seed.ok) return seed;
  const end = performance.now() + options.waitMs;
  for (;;) {
    try {
      const tries: Tries = { count: 0 };
      return ok(natsBus(await connect(settings(parsed, options.name, access, tries)), parsed.address, tries, say));
    } catch (error) {
      if (performance.now() >= end) return fail(downProblem(parsed.address, error));
      await pause(Math.min(200, options.waitMs));
    }
  }
}

/** Attempts since the connection was lost. */
type Tries = { count: number };

function natsBus(nats: NatsConnection, address: string, tries: Tries, say: (line: string) => void): Bus {
  const refusals = new Set<string>();
  const { state, watch, set, drop } = makeState(true);
  const subscriptions = new Map<string, () => void>();
  const handlers = makeHandlers({
    used: (pattern) => {
      const subscription = nats.subscribe(pattern, {
        callback: (error, message) => {
          // An error here is the server's refusal of the subscription: no message.
          if (error === null) handlers.dispatchTo(pattern, read(message));
        },
      });
      subscriptions.set(pattern, () => subscription.unsubscribe());
    },
    unused: (pattern) => {
      subscriptions.get(pattern)?.();
      subscriptions.delete(pattern);
    },
  });
  const window = makeWindow(nats);
  void follow(
    nats,
    (connected) => {
      tries.count = 0;
      set(connected);
    },
    (what) => {
      drop();
      if (refusals.has(what) || refusals.size >= refusalsSaidMax) return;
      refusals.add(what);
      say(`NATS refuses: ${what}; are these the credentials of this very target (flyball auth ls)?`);
    },
  );
  let closing: Promise<void> | null = null;
  const publish = (message: BusMessage): void => {
    // The client would keep it, and send what is long past once it is connected again.
    if (!state().connected || !sendable(message) || !window.fits(message.payload.byteLength)) return drop();
    try {
      // A copy: the client reads the payload when this turn of the event loop ends.
      nats.publish(message.subject, new Uint8Array(message.payload), { headers: headersOf(message) });
    } catch {
      // Closed this moment, or larger than this server takes.
      drop();
    }
  };
  return {
    kind: 'nats',
    address,
    publish,
    cache: jetstream(askWith(nats), publish),
    subscribe: handlers.subscribe,
    state,
    watch,
    // The client would wait for the next connection, which never had what went over this one.
    flush: () => (state().connected ? within(flushMsMax, nats.flush(), 'NATS') : Promise.reject(new Error('NATS is away'))),
    close: () => (closing ??= close(nats, state, () => set(false))),
  };
}

/** One question, one answer; a message without content has its status in the first line of its headers. */
const askWith =
  (nats: NatsConnection): Ask =>
  async (subject, payload, msMax) => {
    const answer = await nats.request(subject, payload, { timeout: msMax });
    return { status: answer.headers?.code ?? 0, ...read(answer) };
  };

/** Lets what was published go out, if the server is there to take it. */
async function close(nats: NatsConnection, state: Bus['state'], closed: () => void): Promise<void> {
  if (state().connected) await within(flushMsMax, nats.flush(), 'NATS').catch(() => undefined);
  closed();
  await nats.close();
}

/** An error is the server's word that a message or a subscription is not ours to send or have: counted as dropped. */
async function follow(nats: NatsConnection, set: (connected: boolean) => void, refused: (what: string) => void): Promise<void> {
  for await (const status of nats.status()) {
    if (status.type === 'disconnect' || status.type === 'close') set(false);
    if (status.type === 'reconnect') set(true);
    if (status.type === 'error') refused(status.error.message);
  }
  set(false);
}

/** The client itself has no bound on what it keeps for a server that reads slowly. */
function makeWindow(nats: NatsConnection): { readonly fits: (bytes: number) => boolean } {
  let pending = 0;
  let unasked = 0;
  return {
    fits: (bytes) => {
      if (pending + bytes > pendingBytesMax) return false;
      pending += bytes;
      unasked += bytes;
      if (unasked >= windowBytes) {
        const asked = unasked;
        unasked = 0;
        const done = (): void => void (pending -= asked);
        // Lost with the connection: then it is not pending any more either.
        nats.flush().then(done, done);
      }
      return true;
    },
  };
}

function settings(url: NatsUrl, name: string, { user, seedFile, tls }: NatsAccess, tries: Tries): NodeConnectionOptions {
  const { servers } = url;
  const authenticator = seedFile === null ? url.authenticator : nkeyAuthenticator(seedReader(seedFile));
  return {
    servers,
    name,
    timeout: connectMsMax,
    pingInterval: pingEveryMs,
    maxPingOut: pingsOutMax,
    reconnect: true,
    maxReconnectAttempts: -1,
    ignoreAuthErrorAbort: true,
    noAsyncTraces: true,
    // With jitter, so that all adapters do not come back in the same moment.
    reconnectDelayHandler: () => Math.min(backoffMsMax, backoffMsMin * 2 ** tries.count++) * (0.5 + Math.random() / 2),
    // With this set, a server that offers no TLS is refused.
    ...(url.tls || tls !== null ? { tls: tlsOptions(tls) } : {}),
    ...(user === null ? {} : { inboxPrefix: inboxOf(user) }),
    ...(authenticator === null ? {} : { authenticator }),
  };
}

/** The seed by now; while its file is being replaced, the one before. */
function seedReader(path: string): () => Uint8Array {
  let last = new Uint8Array();
  return () => {
    const seed = readSeed(path);
    // A copy: the client clears what it was given.
    if (seed.ok) last = new Uint8Array(seed.value);
    return new Uint8Array(last);
  };
}

const tlsOptions = (files: TlsFiles | null): NonNullable<NodeConnectionOptions['tls']> => ({
  ...(files?.ca ? { caFile: files.ca } : {}),
  ...(files?.cert ? { certFile: files.cert } : {}),
  ...(files?.key ? { keyFile: files.key } : {}),
});

function read({ subject, data, headers }: { subject: string; data: Uint8Array; headers?: Iterable<[string, string[]]> }): BusMessage {
  const all = [...(headers ?? [])].map(([name, values]) => [name, values[0] ?? ''] as const);
  // A copy: the client's is a window on what came from the network.
  return { subject, payload: new Uint8Array(data), headers: Object.fromEntries(all) };
}

function headersOf(message: BusMessage): ReturnType<typeof natsHeaders> {
  const headers = natsHeaders();
  for (const [name, value] of Object.entries(message.headers)) headers.set(name, value);
  return headers;
}

function within(ms: number, work: Promise<void>, who: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`${who} did not answer within ${ms} ms`)), ms);
    work.then(resolve, reject).finally(() => clearTimeout(late));
  });
}

const urlProblem: Problem = {
  code: 'E-BUS-URL',
  what: 'NATS_URL is not an address of NATS',
  at: 'NATS_URL',
  todo: 'write it as nats://host:4222 or nats://user:password@host:4222',
};

const downProblem = (at: string, error: unknown): Problem => ({
  code: 'E-BUS-DOWN',
  what: `NATS cannot be reached: ${withoutCredentials(textOf(error))}`,
  at,
  todo: 'check that it runs and takes our credentials; or start with --bus local',
});
