import { connect } from 'node:net';
import { answerReader } from './answer.ts';
import type { AnswerHead, AnswerReader } from './answer.ts';

export type ExchangeEvents = {
  readonly head: (head: AnswerHead) => void;
  readonly data: (chunk: Buffer) => void;
  readonly end: (trailers: readonly string[]) => void;
  /** The last of all, and never after `end`. UF no connection, UC it broke, UPE what came is not HTTP. */
  readonly failed: (why: 'UF' | 'UC' | 'UPE', kept: boolean) => void;
  /** Nothing came or went for timeoutMs. */
  readonly timeout: (connected: boolean) => void;
  /** The upstream takes more. */
  readonly drain: () => void;
};

export type Exchange = {
  /** False: wait for `drain`. */
  readonly write: (bytes: Buffer | string) => boolean;
  /** The request has been written whole. */
  readonly finished: () => void;
  readonly needsDrain: () => boolean;
  readonly pause: () => void;
  readonly resume: () => void;
  /** Gives the exchange up; no event follows. */
  readonly destroy: () => void;
};

export type ExchangeRequest = {
  readonly to: { readonly address: string; readonly port: number };
  readonly method: string;
  /** Request line and fields, with the empty line. */
  readonly head: string;
  readonly timeoutMs: number;
  /** On a new connection, which is not kept. */
  readonly fresh: boolean;
};

export type Upstreams = { readonly open: (request: ExchangeRequest, events: ExchangeEvents) => Exchange; readonly close: () => void };

/** Idle connections kept to one upstream; above that they are closed. How many are in use is bounded by the proxy. */
const idlePerUpstreamMax = 256;
/** Less than the 5 s after which servers begin to close idle connections (Node's default): reuse then rarely meets a closing one. */
const idleMs = 4_000;

type Connection = {
  readonly begin: (request: ExchangeRequest, events: ExchangeEvents) => Exchange;
  readonly close: () => void;
};

/** Kept connections to upstreams, the one used last first. */
export function openUpstreams(): Upstreams {
  const idle = new Map<string, Connection[]>();
  const all = new Set<Connection>();
  let closed = false;
  return {
    open: (request, events) => {
      const name = `${request.to.address} ${request.to.port}`;
      const kept = request.fresh ? undefined : idle.get(name)?.pop();
      if (kept !== undefined) return kept.begin(request, events);
      const connection = openConnection(request.to, {
        idle: (self) => {
          const list = idle.get(name) ?? [];
          if (closed || request.fresh || list.length >= idlePerUpstreamMax) return self.close();
          list.push(self);
          idle.set(name, list);
        },
        gone: (self) => {
          all.delete(self);
          const list = idle.get(name);
          if (list?.includes(self) === true) list.splice(list.indexOf(self), 1);
          // An upstream that has left for good leaves nothing behind.
          if (list?.length === 0) idle.delete(name);
        },
      });
      all.add(connection);
      return connection.begin(request, events);
    },
    close: () => {
      closed = true;
      for (const connection of all) connection.close();
    },
  };
}

type Current = { readonly events: ExchangeEvents; readonly reader: AnswerReader; readonly kept: boolean; written: boolean; over: boolean };

function openConnection(
  to: ExchangeRequest['to'],
  pool: { readonly idle: (self: Connection) => void; readonly gone: (self: Connection) => void },
): Connection {
  const socket = connect({ host: to.address, port: to.port, noDelay: true });
  let current: Current | null = null;
  let connected = false;
  let used = false;
  /** No byte of the answer has come. */
  let untouched = true;

  const fail = (why: 'UF' | 'UC' | 'UPE', kept = false): void => {
    const failing = current;
    current = null;
    socket.destroy();
    if (failing !== null && !failing.over) failing.events.failed(why, kept);
  };
  /** After the answer has come whole: the connection goes back if the request has too, else it can serve no other. */
  const settle = (): void => {
    const settled = current;
    if (settled === null || !settled.over) return;
    current = null;
    if (!settled.written || !settled.reader.reusable()) return void socket.destroy();
    socket.setTimeout(idleMs);
    socket.resume();
    pool.idle(self);
  };

  socket.on('connect', () => (connected = true));
  socket.on('data', (chunk: Buffer) => {
    // Unasked: no answer to anything of ours.
    if (current === null) return void socket.destroy();
    const { reader } = current;
    untouched = false;
    if (!reader.push(chunk)) fail('UPE');
    else settle();
  });
  socket.on('drain', () => current?.events.drain());
  socket.on('timeout', () => {
    if (current === null) socket.destroy();
    else current.events.timeout(connected);
  });
  socket.on('end', () => {
    if (current === null) pool.gone(self);
    else if (current.reader.finish()) settle();
  });
  // What it was does not matter: `close`, which always follows, tells of the loss.
  socket.on('error', () => undefined);
  socket.on('close', () => {
    pool.gone(self);
    fail(connected ? 'UC' : 'UF', current?.kept === true && untouched);
  });
  const self: Connection = {
    begin: ({ method, head, timeoutMs }, events) => {
      const mine: Current = {
        events,
        kept: used,
        written: false,
        over: false,
        reader: answerReader(method, {
          head: (answer) => (mine.over ? undefined : events.head(answer)),
          data: (chunk) => (mine.over ? undefined : events.data(chunk)),
          end: (trailers) => {
            if (mine.over) return;
            mine.over = true;
            events.end(trailers);
          },
        }),
      };
      used = true;
      untouched = true;
      current = mine;
      socket.setTimeout(timeoutMs);
      socket.write(head, 'latin1');
      return {
        write: (bytes) => {
          if (current !== mine) return true;
          return typeof bytes === 'string' ? socket.write(bytes, 'latin1') : socket.write(bytes);
        },
        finished: () => (mine.written = true),
        needsDrain: () => current === mine && socket.writableNeedDrain,
        pause: () => (current === mine ? void socket.pause() : undefined),
        resume: () => (current === mine ? void socket.resume() : undefined),
        destroy: () => {
          mine.over = true;
          if (current !== mine) return;
          current = null;
          socket.destroy();
        },
      };
    },
    close: () => socket.destroy(),
  };
  return self;
}
