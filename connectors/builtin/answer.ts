import { parseFields, parseStatusLine } from './fields.ts';
import type { Fields, StatusLine } from './fields.ts';

export type AnswerHead = StatusLine & Fields;

export type AnswerEvents = {
  /** The final response's head: interim ones (1xx) are passed over. */
  readonly head: (head: AnswerHead) => void;
  /** A piece of content, framing taken off. */
  readonly data: (chunk: Buffer) => void;
  /** The whole message has been read; trailers as name, value, name, value … */
  readonly end: (trailers: readonly string[]) => void;
};

export type AnswerReader = {
  /** False: this is not HTTP/1.x, and nothing after it can be believed. */
  readonly push: (chunk: Buffer) => boolean;
  /** The connection has ended in good order. False: the message was not whole. */
  readonly finish: () => boolean;
  /** Whether the connection can carry another message: this one is whole, nothing came after it, and neither side means to close. */
  readonly reusable: () => boolean;
};

type State = 'head' | 'length' | 'size' | 'chunk' | 'after-chunk' | 'trailers' | 'until-end' | 'done' | 'broken';

/** Bytes of head or of trailers (Node's own limit), and of a chunk-size line with its extensions. */
const headMax = 16_384;
const sizeLineMax = 1_024;
const interimMax = 16;

/**
 * Reads one response to a request with `method`, however its bytes come cut (RFC 9112 sections 4 to 7). Written for this hop because
 * node:http's client costs several times the CPU while a process is young (caller.ts of the shop has figures), and strict because two
 * readers that differ on where a message ends can be played against each other: what node:http would repair is refused here.
 */
export function answerReader(method: string, on: AnswerEvents): AnswerReader {
  let state: State = 'head';
  let pending: Buffer = empty;
  let left = 0;
  let interims = 0;
  let keep = false;

  const broken = (): null => {
    state = 'broken';
    return null;
  };
  const done = (trailers: readonly string[]): void => {
    state = 'done';
    on.end(trailers);
  };

  /** Each step takes what it can from the front and returns the rest; null: it needs more, or all is lost. */
  const steps: Readonly<Record<Exclude<State, 'done' | 'broken'>, (bytes: Buffer) => Buffer | null>> = {
    head: (bytes) => {
      // Said at once, not when a head's end fails to come.
      if (!begins.startsWith(bytes.toString('latin1', 0, Math.min(bytes.length, begins.length)))) return broken();
      const end = bytes.indexOf('\r\n\r\n');
      if (end < 0 || end > headMax) return end > headMax || bytes.length > headMax ? broken() : null;
      const [first = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
      const line = parseStatusLine(first);
      const fields = parseFields(lines);
      if (line === null || fields === null) return broken();
      const rest = bytes.subarray(end + 4);
      // Nobody asked for another protocol: 101 is an answer to something else.
      if (line.status === 101 || (line.status < 200 && ++interims > interimMax)) return broken();
      if (line.status < 200) return rest;
      const framing = framingOf(method, line, fields);
      if (framing === null) return broken();
      keep = keeps(line, fields) && framing !== 'until-end';
      state = framing === 'chunked' ? 'size' : framing === 'until-end' ? 'until-end' : 'length';
      left = typeof framing === 'number' ? framing : 0;
      on.head({ ...line, ...fields });
      if (framing === 0) done([]);
      return rest;
    },
    length: (bytes) => {
      const rest = content(bytes);
      if (left === 0) done([]);
      return rest;
    },
    size: (bytes) => {
      const end = bytes.indexOf('\r\n');
      if (end < 0 || end > sizeLineMax) return end > sizeLineMax || bytes.length > sizeLineMax ? broken() : null;
      const digits = sizeLine.exec(bytes.toString('latin1', 0, end))?.[1];
      if (digits === undefined) return broken();
      left = Number.parseInt(digits, 16);
      state = left === 0 ? 'trailers' : 'chunk';
      return bytes.subarray(end + 2);
    },
    chunk: (bytes) => {
      const rest = content(bytes);
      if (left === 0) state = 'after-chunk';
      return rest;
    },
    'after-chunk': (bytes) => {
      if (bytes.length < 2) return null;
      if (bytes[0] !== 13 || bytes[1] !== 10) return broken();
      state = 'size';
      return bytes.subarray(2);
    },
    trailers: (bytes) => {
      // An empty section is just its own line end.
      const end = bytes[0] === 13 ? 0 : bytes.indexOf('\r\n\r\n') + 2;
      if (end < 2 && bytes[0] !== 13) return bytes.length > headMax ? broken() : null;
      if (bytes.length < end + 2) return null;
      const fields =
        bytes[end + 1] === 10 && end <= headMax ? parseFields(end === 0 ? [] : bytes.toString('latin1', 0, end - 2).split('\r\n')) : null;
      if (fields === null) return broken();
      done(fields.raw);
      return bytes.subarray(end + 2);
    },
    'until-end': (bytes) => {
      on.data(bytes);
      return empty;
    },
  };

  const content = (bytes: Buffer): Buffer => {
    const own = bytes.length <= left ? bytes : bytes.subarray(0, left);
    left -= own.length;
    on.data(own);
    return bytes.subarray(own.length);
  };

  return {
    push: (chunk) => {
      let bytes = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      pending = empty;
      while (bytes.length > 0) {
        // More than was asked for: it answers nothing, and the connection is out of step.
        if (state === 'done') keep = false;
        if (state === 'done' || state === 'broken') break;
        const rest = steps[state](bytes);
        if (rest === null) {
          pending = bytes;
          break;
        }
        bytes = rest;
      }
      return state !== 'broken';
    },
    finish: () => {
      if (state === 'until-end') done([]);
      return state === 'done';
    },
    reusable: () => state === 'done' && keep,
  };
}

const empty = Buffer.alloc(0);
const begins = 'HTTP/1.';
/** A size and extensions (RFC 9112 section 7.1.1) without the white space that some readers take and some do not. */
const sizeLine = /^([0-9a-fA-F]{1,12})(?:;[\w!#$%&'*+.^`|~-]+(?:=(?:[\w!#$%&'*+.^`|~-]+|"[\t !#-[\]-~\x80-\xff]*"))?)*$/;

/** Where the content ends (RFC 9112 section 6.3): after so many bytes, with its last chunk, or with the connection; null: nobody can say. */
function framingOf(method: string, { minor, status }: StatusLine, { byName }: Fields): number | 'chunked' | 'until-end' | null {
  const coding = byName.get('transfer-encoding');
  const length = byName.get('content-length');
  // Both, or a coding from HTTP/1.0, is how responses are split (section 6.1).
  if (coding !== undefined && (length !== undefined || minor === 0 || coding.toLowerCase() !== 'chunked')) return null;
  // A list of equal lengths could be taken for one; no honest upstream needs it.
  if (length !== undefined && !/^\d{1,15}$/.test(length)) return null;
  if (method === 'HEAD' || status === 204 || status === 304) return 0;
  return coding === undefined ? (length === undefined ? 'until-end' : Number(length)) : 'chunked';
}

function keeps({ minor }: StatusLine, { byName }: Fields): boolean {
  const options = (byName.get('connection') ?? '').toLowerCase();
  return minor === 1 ? !/\bclose\b/.test(options) : /\bkeep-alive\b/.test(options);
}
