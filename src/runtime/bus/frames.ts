import type { BusMessage } from '../../ports/bus.ts';
import { sendable } from './message.ts';
import { patternOk } from './subject.ts';

/**
 * The local bus's wire: frames of a length (u32, big endian, of what follows), a type (u8) and a body. A message's body: subject length
 * (u16), subject, headers length (u16), headers as JSON, payload.
 */
export type Frame =
  | { readonly kind: 'hello' }
  | { readonly kind: 'subscribe' | 'unsubscribe'; readonly pattern: string }
  | { readonly kind: 'message'; readonly message: BusMessage; /** The frame as it came, to be passed on. */ readonly bytes: Buffer }
  | { readonly kind: 'ping' | 'pong'; readonly number: number };

export const frameBytesMax = 1024 * 1024;
const prefixBytes = 5;
const types = { hello: 1, subscribe: 2, unsubscribe: 3, message: 4, ping: 5, pong: 6 } as const;
/** Says which protocol this is, and its version. */
const hello = 'flyball-bus/1';

export const helloFrame = (): Buffer => frame(types.hello, Buffer.from(hello));
export const patternFrame = (kind: 'subscribe' | 'unsubscribe', pattern: string): Buffer =>
  frame(types[kind], Buffer.from(pattern, 'latin1'));

export function numberFrame(kind: 'ping' | 'pong', number: number): Buffer {
  const body = Buffer.alloc(4);
  body.writeUInt32BE(number);
  return frame(types[kind], body);
}

/** The message must be `sendable`. */
export function messageFrame({ subject, payload, headers }: BusMessage): Buffer {
  const name = Buffer.from(subject, 'latin1');
  const json = Buffer.from(JSON.stringify(headers), 'latin1');
  const lengths = Buffer.alloc(4);
  lengths.writeUInt16BE(name.length);
  lengths.writeUInt16BE(json.length, 2);
  return frame(types.message, lengths.subarray(0, 2), name, lengths.subarray(2), json, payload);
}

/** Cuts a stream into frames; null from then on when it is not one of ours. */
export function frameReader(): (chunk: Buffer) => readonly Frame[] | null {
  let rest: Buffer = Buffer.alloc(0);
  let broken = false;
  return (chunk) => {
    if (broken) return null;
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const frames: Frame[] = [];
    while (rest.length >= prefixBytes) {
      const length = rest.readUInt32BE();
      broken = length < 1 || length > frameBytesMax;
      if (broken) return null;
      if (rest.length < 4 + length) break;
      const read = readFrame(rest.subarray(0, 4 + length));
      if (read === null) {
        broken = true;
        return null;
      }
      frames.push(read);
      rest = rest.subarray(4 + length);
    }
    return frames;
  };
}

function readFrame(bytes: Buffer): Frame | null {
  const type = bytes[4];
  const body = bytes.subarray(prefixBytes);
  switch (type) {
    case types.hello:
      return body.toString('latin1') === hello ? { kind: 'hello' } : null;
    case types.subscribe:
    case types.unsubscribe: {
      const pattern = body.toString('latin1');
      return patternOk(pattern) ? { kind: type === types.subscribe ? 'subscribe' : 'unsubscribe', pattern } : null;
    }
    case types.message: {
      const message = readMessage(body);
      return message === null ? null : { kind: 'message', message, bytes };
    }
    case types.ping:
    case types.pong:
      return body.length === 4 ? { kind: type === types.ping ? 'ping' : 'pong', number: body.readUInt32BE() } : null;
    default:
      return null;
  }
}

function readMessage(body: Buffer): BusMessage | null {
  if (body.length < 2) return null;
  const headersAt = 2 + body.readUInt16BE();
  if (body.length < headersAt + 2) return null;
  const payloadAt = headersAt + 2 + body.readUInt16BE(headersAt);
  if (body.length < payloadAt) return null;
  const headers = readHeaders(body.toString('latin1', headersAt + 2, payloadAt));
  if (headers === null) return null;
  // A copy: whoever keeps a payload must not keep the whole chunk it came in.
  const message = { subject: body.toString('latin1', 2, headersAt), headers, payload: new Uint8Array(body.subarray(payloadAt)) };
  return sendable(message) ? message : null;
}

function readHeaders(json: string): Readonly<Record<string, string>> | null {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
    const entries: [string, string][] = [];
    for (const [name, text] of Object.entries(value)) {
      if (typeof text !== 'string') return null;
      entries.push([name, text]);
    }
    return Object.fromEntries(entries);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function frame(type: number, ...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 1);
  const prefix = Buffer.alloc(prefixBytes);
  prefix.writeUInt32BE(length);
  prefix[4] = type;
  return Buffer.concat([prefix, ...parts]);
}
