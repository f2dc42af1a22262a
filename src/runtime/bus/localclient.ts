import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { Bus } from '../../ports/bus.ts';
import { frameReader, helloFrame, messageFrame, numberFrame, patternFrame } from './frames.ts';
import type { Frame } from './frames.ts';
import { makeHandlers, makeState } from './handlers.ts';
import { sendable } from './message.ts';
import { makeSender } from './sender.ts';
import type { Sender } from './sender.ts';

const backoffMsMin = 20;
const backoffMsMax = 500;
const flushMsMax = 2_000;
const flushesMax = 1_000;
const closeMsMax = 1_000;

type Link = { readonly socket: Socket; readonly sender: Sender };
type Flush = { readonly done: () => void; readonly failed: (error: Error) => void };

/**
 * A client of `serveLocalBus`, at once; it connects, and connects again after each loss, by itself. What is published meanwhile is dropped
 * and counted.
 */
export function connectLocalBus(options: { readonly path: string }): Bus {
  const { path } = options;
  const { state, watch, set, drop } = makeState(false);
  const flushes = new Map<number, Flush>();
  let link: Link | null = null;
  let socket: Socket | null = null;
  let timer: NodeJS.Timeout | undefined;
  let backoff = backoffMsMin;
  let closed = false;
  let number = 0;
  const control = (frame: Buffer): void => link?.sender.send(frame, 'control');
  const handlers = makeHandlers({
    used: (pattern) => control(patternFrame('subscribe', pattern)),
    unused: (pattern) => control(patternFrame('unsubscribe', pattern)),
  });

  const open = (): void => {
    const next = connect(path);
    const sender = makeSender(next, drop);
    const read = frameReader();
    socket = next;
    next.on('connect', () => sender.send(helloFrame(), 'control'));
    next.on('data', (chunk) => {
      const frames = read(chunk);
      if (frames === null || !frames.every((frame) => handle(frame, { socket: next, sender }))) next.destroy();
    });
    // 'close' follows.
    next.on('error', () => undefined);
    next.on('close', lost);
  };
  const handle = (frame: Frame, from: Link): boolean => {
    switch (frame.kind) {
      case 'hello':
        link = from;
        backoff = backoffMsMin;
        for (const pattern of handlers.patterns()) control(patternFrame('subscribe', pattern));
        set(true);
        return true;
      case 'message':
        handlers.dispatch(frame.message);
        return true;
      case 'pong':
        flushes.get(frame.number)?.done();
        return true;
      default:
        return false;
    }
  };
  const lost = (): void => {
    link = null;
    set(false);
    for (const flush of flushes.values()) flush.failed(new Error('the local bus was lost before it had everything'));
    if (closed) return;
    timer = setTimeout(open, backoff);
    backoff = Math.min(backoff * 2, backoffMsMax);
  };
  open();

  return {
    kind: 'local',
    address: `unix:${path}`,
    publish: (message) => {
      if (link === null || !sendable(message)) return drop();
      link.sender.send(messageFrame(message), 'message');
    },
    subscribe: handlers.subscribe,
    state,
    watch,
    flush: () =>
      new Promise((resolve, reject) => {
        if (link === null || flushes.size >= flushesMax) return reject(new Error('the local bus is away'));
        const mine = (number = (number + 1) % 2 ** 32);
        const end = (): void => {
          clearTimeout(late);
          flushes.delete(mine);
        };
        const late = setTimeout(() => {
          end();
          reject(new Error(`the local bus did not answer within ${flushMsMax} ms`));
        }, flushMsMax);
        flushes.set(mine, {
          done: () => {
            end();
            resolve();
          },
          failed: (error) => {
            end();
            reject(error);
          },
        });
        control(numberFrame('ping', mine));
      }),
    close: async () => {
      closed = true;
      clearTimeout(timer);
      if (socket !== null) await closeSocket(socket);
    },
  };
}

/** Lets what was published go out. */
function closeSocket(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) return resolve();
    const late = setTimeout(() => socket.destroy(), closeMsMax);
    socket.once('close', () => {
      clearTimeout(late);
      resolve();
    });
    if (socket.connecting) socket.destroy();
    // A turn later: frames of this turn are still on their way to the socket.
    else setImmediate(() => socket.end());
  });
}
