import { connect } from 'node:net';
import type { Socket } from 'node:net';

export type Origin = { readonly host: string; readonly port: number; readonly authority: string };

export type Call = {
  readonly to: Origin;
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** Names and values without line ends. */
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
};

export type Caller = {
  /** Sends one request without a body and throws the answer's body away. `done` is called once: with the status, or null for no whole answer. */
  readonly call: (call: Call, done: (status: number | null) => void) => void;
  readonly close: () => void;
};

/** A shorter time than servers keep idle connections here, so that one is hardly ever reused in the moment it is closed. */
const idleMs = 30_000;
/** Bytes of head and body together; the shop's answers have some hundred. */
const answerMax = 1_000_000;

/**
 * A keep-alive client for the shop's own traffic, two thousand calls a second over processes that have just started. It speaks the little
 * HTTP/1.1 that the shop needs, because node:http's client costs 233 µs of CPU a call while its code is cold and 54 µs hot, this 38 and 24
 * (16 at a time, 8,000 calls, Node 20), and two cores must do for everything. No more calls at a time than the user of it makes.
 */
export function createCaller(): Caller {
  const idle = new Map<string, Connection[]>();
  const open = new Set<Connection>();
  const use = ({ to }: Call): Connection => {
    const free = idle.get(to.authority)?.pop();
    if (free !== undefined) return free;
    const connection = openConnection(to, {
      onIdle: (self) => {
        const list = idle.get(to.authority);
        if (list === undefined) idle.set(to.authority, [self]);
        else list.push(self);
      },
      onClose: (self) => {
        open.delete(self);
        const list = idle.get(to.authority) ?? [];
        if (list.includes(self)) list.splice(list.indexOf(self), 1);
      },
    });
    open.add(connection);
    return connection;
  };
  return {
    call: (call, done) => use(call).send(call, done),
    close: () => {
      for (const connection of open) connection.close();
    },
  };
}

type Connection = { readonly send: (call: Call, done: (status: number | null) => void) => void; readonly close: () => void };
type Events = { readonly onIdle: (self: Connection) => void; readonly onClose: (self: Connection) => void };

function openConnection(to: Origin, { onIdle, onClose }: Events): Connection {
  const socket: Socket = connect({ host: to.host, port: to.port, noDelay: true });
  let got = '';
  let waiting: ((status: number | null) => void) | null = null;
  const end = (status: number | null): void => {
    const done = waiting;
    waiting = null;
    done?.(status);
  };
  const self: Connection = {
    send: ({ method, path, headers, timeoutMs }, done) => {
      waiting = done;
      got = '';
      let head = `${method} ${path} HTTP/1.1\r\nhost: ${to.authority}\r\n`;
      for (const name in headers) head += `${name}: ${headers[name] ?? ''}\r\n`;
      if (method === 'POST') head += 'content-length: 0\r\n';
      socket.setTimeout(timeoutMs);
      socket.write(`${head}\r\n`, 'latin1');
    },
    close: () => socket.destroy(),
  };
  socket.on('data', (chunk: Buffer) => {
    if (waiting === null) return void socket.destroy();
    got += chunk.toString('latin1');
    const answer = wholeAnswer(got);
    if (answer === null) return got.length > answerMax ? void socket.destroy() : undefined;
    if (answer.reusable) {
      socket.setTimeout(idleMs);
      onIdle(self);
    } else socket.destroy();
    end(answer.status);
  });
  socket.on('timeout', () => socket.destroy());
  // What went wrong is told by `close`, which always follows.
  socket.on('error', () => undefined);
  socket.on('close', () => {
    onClose(self);
    const status = /^HTTP\/1\.[01] (\d{3}) /.exec(got)?.[1];
    // Without a length the end of the connection is the end of the answer.
    const endsSo = got.includes('\r\n\r\n') && lengthOf(got) === null && !isChunked(got);
    end(status !== undefined && endsSo ? Number(status) : null);
  });
  return self;
}

/** The answer once all of it is here; null until then. */
export function wholeAnswer(text: string): { readonly status: number; readonly reusable: boolean } | null {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const status = Number(text.slice(9, 12));
  if (status < 200) return wholeAnswer(text.slice(end + 4));
  const length = lengthOf(text);
  // In chunks, which nobody here sends: seen to its end, and the connection not used again.
  if (length === null && isChunked(text) && text.endsWith('\r\n0\r\n\r\n')) return { status, reusable: false };
  if (length === null || text.length < end + 4 + length) return null;
  const reusable = text.startsWith('HTTP/1.1 ') && text.length === end + 4 + length && !/\r\nconnection: *close\r\n/i.test(text);
  return { status, reusable };
}

const isChunked = (text: string): boolean => /\r\ntransfer-encoding: *chunked *\r\n/i.test(text.slice(0, text.indexOf('\r\n\r\n') + 2));

/** What content-length says; null: the answer ends with the connection. A 204 or 304 has no content. */
function lengthOf(text: string): number | null {
  const head = text.slice(0, text.indexOf('\r\n\r\n') + 2);
  if (/^HTTP\/1\.[01] (?:204|304) /.test(head)) return 0;
  const length = /\r\ncontent-length: *(\d{1,9}) *\r\n/i.exec(head)?.[1];
  return length === undefined ? null : Number(length);
}

/** Where a base URL points; throws on text that is no http URL, which only a supervisor's error can bring about. */
export function originOf(url: string): Origin {
  const { protocol, hostname, port, host } = new URL(url);
  if (protocol !== 'http:') throw new Error(`not an http URL: ${url}`);
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: port === '' ? 80 : Number(port), authority: host };
}
