import { connect, headers as natsHeaders } from '@nats-io/transport-node';
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

/**
 * NATS at `nats://[user:password@|token@]host:port` (or `tls://`, and several by commas). Fails (`E-BUS-DOWN`) when it cannot be reached
 * within `waitMs`; once connected it connects again for ever.
 */
export async function connectNats(options: { readonly url: string; readonly name: string; readonly waitMs: number }): Promise<Result<Bus>> {
  const parsed = parseNatsUrl(options.url);
  if (parsed === null) return fail(urlProblem);
  const end = performance.now() + options.waitMs;
  for (;;) {
    try {
      const tries: Tries = { count: 0 };
      return ok(natsBus(await connect(settings(parsed, options.name, tries)), parsed.address, tries));
    } catch (error) {
      if (performance.now() >= end) return fail(downProblem(parsed.address, error));
      await pause(Math.min(200, options.waitMs));
    }
  }
}

/** Attempts since the connection was lost. */
type Tries = { count: number };

function natsBus(nats: NatsConnection, address: string, tries: Tries): Bus {
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
  void follow(nats, (connected) => {
    tries.count = 0;
    set(connected);
  });
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

async function follow(nats: NatsConnection, set: (connected: boolean) => void): Promise<void> {
  for await (const status of nats.status()) {
    if (status.type === 'disconnect' || status.type === 'close') set(false);
    if (status.type === 'reconnect') set(true);
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

function settings({ servers, tls, authenticator }: NatsUrl, name: string, tries: Tries): NodeConnectionOptions {
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
    ...(tls ? { tls: {} } : {}),
    ...(authenticator === null ? {} : { authenticator }),
  };
}

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
