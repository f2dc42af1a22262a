import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { fail, ok } from '../../model/problem.ts';
import type { Result } from '../../model/problem.ts';
import type { Bus, BusMessage } from '../../ports/bus.ts';
import { frameReader, helloFrame, messageFrame, numberFrame } from './frames.ts';
import type { Frame } from './frames.ts';
import { makeHandlers, makeState } from './handlers.ts';
import type { Handlers } from './handlers.ts';
import { sendable } from './message.ts';
import { makeSender } from './sender.ts';
import { matcher } from './subject.ts';
import { bindUnix, closeServer } from './unixserver.ts';

const clientsMax = 256;
const patternsPerClientMax = 1_000;
/** A client says hello at once. */
const helloMsMax = 5_000;
/** Messages of one turn of the event loop that wait for our own handlers. */
const inboxMax = 4_096;

/** Whoever gets messages: a client behind a socket, or this process. */
type Peer = { readonly wants: (subject: string) => boolean; readonly deliver: (message: BusMessage, frame: Buffer) => void };

/**
 * A bus inside this process, with a Unix socket (0600) for the others: NATS's subjects, none of its guarantees beyond the port's. Publishing
 * and subscribing here goes the same way as theirs. A socket file left by a killed server is replaced; `E-BUS-TAKEN` when one lives.
 */
export async function serveLocalBus(options: { readonly path: string }): Promise<Result<Bus>> {
  const { path } = options;
  const { state, watch, set, drop } = makeState(true);
  const handlers = makeHandlers({ used: () => undefined, unused: () => undefined });
  const peers = new Set<Peer>();
  const sockets = new Set<Socket>();
  const route = (message: BusMessage, frame: Buffer): void => {
    for (const peer of peers) if (peer.wants(message.subject)) peer.deliver(message, frame);
  };
  peers.add(inProcess(handlers, drop));

  const server = createServer((socket) => {
    if (sockets.size >= clientsMax) return void socket.destroy();
    sockets.add(socket);
    const peer = serveClient(socket, { route, drop, joined: () => peers.add(peer) });
    socket.on('close', () => {
      sockets.delete(socket);
      peers.delete(peer);
    });
  });
  const bound = await bindUnix(server, path);
  if (bound !== null) return fail(bound);
  let closing: Promise<void> | null = null;
  return ok({
    kind: 'local',
    address: `unix:${path}`,
    publish: (message) => {
      if (!state().connected || !sendable(message)) return drop();
      const frame = messageFrame(message);
      // Handlers here see what handlers elsewhere see: a copy, in a later turn.
      const [read] = frameReader()(frame) ?? [];
      if (read?.kind === 'message') route(read.message, frame);
    },
    subscribe: handlers.subscribe,
    state,
    watch,
    // Published is routed: there is nothing between us and the server.
    flush: async () => {
      if (!state().connected) throw new Error('the local bus is closed');
    },
    close: () => {
      set(false);
      return (closing ??= closeServer(server, sockets));
    },
  });
}

function inProcess({ wants, dispatch }: Handlers, drop: () => void): Peer {
  let inbox: BusMessage[] = [];
  const run = (): void => {
    const messages = inbox;
    inbox = [];
    messages.forEach(dispatch);
  };
  return {
    wants,
    deliver: (message) => {
      if (inbox.length === 0) setImmediate(run);
      inbox.push(message);
      if (inbox.length <= inboxMax) return;
      inbox.shift();
      drop();
    },
  };
}

type Room = {
  readonly route: (message: BusMessage, frame: Buffer) => void;
  readonly drop: () => void;
  readonly joined: () => void;
};

function serveClient(socket: Socket, { route, drop, joined }: Room): Peer {
  const patterns = new Map<string, (subject: string) => boolean>();
  const sender = makeSender(socket, drop);
  const read = frameReader();
  let greeted = false;
  const patience = setTimeout(() => socket.destroy(), helloMsMax);

  /** False: not one of ours, or too much. */
  const handle = (frame: Frame): boolean => {
    if (!greeted && frame.kind !== 'hello') return false;
    switch (frame.kind) {
      case 'hello':
        if (greeted) return false;
        greeted = true;
        clearTimeout(patience);
        sender.send(helloFrame(), 'control');
        joined();
        return true;
      case 'subscribe':
        patterns.set(frame.pattern, matcher(frame.pattern));
        return patterns.size <= patternsPerClientMax;
      case 'unsubscribe':
        patterns.delete(frame.pattern);
        return true;
      case 'message':
        route(frame.message, frame.bytes);
        return true;
      case 'ping':
        sender.send(numberFrame('pong', frame.number), 'control');
        return true;
      default:
        return false;
    }
  };
  socket.on('data', (chunk) => {
    const frames = read(chunk);
    // Garbage costs its sender the connection, and nobody else anything.
    if (frames === null || !frames.every(handle)) socket.destroy();
  });
  // 'close' follows, and says all that matters.
  socket.on('error', () => undefined);
  socket.on('close', () => clearTimeout(patience));
  return {
    wants: (subject) => {
      for (const matches of patterns.values()) if (matches(subject)) return true;
      return false;
    },
    deliver: (_message, frame) => sender.send(frame, 'message'),
  };
}
