import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { nkeys } from '@nats-io/transport-node';

/** One client that speaks NATS's text protocol itself, so that each operation's answer is the server's own word and not a library's. */
export type RawClient = {
  /** null: taken. Otherwise the server's -ERR. */
  readonly publish: (subject: string, payload?: string, reply?: string) => Promise<string | null>;
  readonly subscribe: (subject: string) => Promise<string | null>;
  /** Publishes with a reply subject that is subscribed to already, and waits for the answer (NATS's headers cut off); null: none in time. */
  readonly request: (subject: string, payload: string, inbox: string) => Promise<string | null>;
  /** Everything that has come so far: subject and payload. */
  readonly received: () => readonly { readonly subject: string; readonly payload: string }[];
  readonly close: () => void;
};

const answerMsMax = 5_000;

/** Connects as the owner of the seed (null: as nobody); rejects with the server's -ERR. */
export async function rawClient(url: string, seed: string | null): Promise<RawClient> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  const reader = makeReader(socket);
  const info = JSON.parse((await reader.until((line) => line.startsWith('INFO '))).line.slice(5)) as { readonly nonce?: string };
  const pair = seed === null ? null : nkeys.fromSeed(Buffer.from(seed, 'latin1'));
  const who =
    pair === null ? {} : { nkey: pair.getPublicKey(), sig: Buffer.from(pair.sign(Buffer.from(info.nonce ?? ''))).toString('base64url') };
  socket.write(`CONNECT ${JSON.stringify({ verbose: false, pedantic: true, headers: true, protocol: 1, ...who })}\r\nPING\r\n`);
  const refused = (await reader.until((line) => line === 'PONG')).error;
  if (refused !== null) throw new Error(refused);
  let sid = 0;
  // The answer to an operation comes before the PONG of the PING that follows it.
  const ask = async (bytes: string): Promise<string | null> => {
    socket.write(`${bytes}PING\r\n`);
    return (await reader.until((line) => line === 'PONG')).error;
  };
  const publish = (subject: string, payload = '', reply = ''): Promise<string | null> =>
    ask(`PUB ${subject} ${reply === '' ? '' : `${reply} `}${Buffer.byteLength(payload)}\r\n${payload}\r\n`);
  return {
    publish,
    subscribe: (subject) => ask(`SUB ${subject} ${++sid}\r\n`),
    request: async (subject, payload, inbox) => {
      const before = reader.messages.filter((m) => m.subject === inbox).length;
      const error = await publish(subject, payload, inbox);
      if (error !== null) throw new Error(error);
      const end = performance.now() + answerMsMax;
      while (performance.now() < end) {
        const answer = reader.messages.filter((m) => m.subject === inbox)[before];
        if (answer !== undefined) return answer.payload;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      return null;
    },
    received: () => reader.messages,
    close: () => socket.destroy(),
  };
}

type Message = { readonly subject: string; readonly payload: string };

function makeReader(socket: Socket) {
  const messages: Message[] = [];
  let rest = Buffer.alloc(0);
  let ended = false;
  let error: string | null = null;
  const lines: string[] = [];
  let wake = (): void => undefined;
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (let at = rest.indexOf('\r\n'); at >= 0; at = rest.indexOf('\r\n')) {
      const line = rest.subarray(0, at).toString('utf8');
      const [verb = '', subject = '', ...more] = line.split(' ');
      if (verb === 'MSG' || verb === 'HMSG') {
        const total = Number(more.at(-1));
        if (rest.length < at + 2 + total + 2) break;
        const skip = verb === 'HMSG' ? Number(more.at(-2)) : 0;
        messages.push({ subject, payload: rest.subarray(at + 2 + skip, at + 2 + total).toString('utf8') });
        rest = rest.subarray(at + 2 + total + 2);
        continue;
      }
      rest = rest.subarray(at + 2);
      if (line.startsWith('-ERR')) error = line;
      else if (line === 'PING') socket.write('PONG\r\n');
      else lines.push(line);
    }
    wake();
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    ended = true;
    wake();
  });
  return {
    messages: messages as readonly Message[],
    /** The next such line, and the -ERR that came before it. */
    until: async (wanted: (line: string) => boolean): Promise<{ readonly line: string; readonly error: string | null }> => {
      for (;;) {
        const at = lines.findIndex(wanted);
        if (at >= 0 || ended) {
          const [line = ''] = lines.splice(0, at + 1).slice(-1);
          const said = error ?? (ended && at < 0 ? 'the connection was closed' : null);
          error = null;
          return { line, error: said };
        }
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
}
