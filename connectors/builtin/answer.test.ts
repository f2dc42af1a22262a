import { createServer as createTcp } from 'node:net';
import type { AddressInfo } from 'node:net';
import { request } from 'node:http';
import { expect, test } from 'vitest';
import { answerReader } from './answer.ts';
import { testRandom } from './testing.ts';

type Read = {
  readonly status?: number;
  readonly fields: readonly string[];
  readonly content: string;
  readonly trailers: readonly string[];
  readonly whole: boolean;
  readonly broken: boolean;
  readonly reusable: boolean;
};

/** Reads a response that comes in these pieces, after which the connection ends. */
function read(pieces: readonly string[], method = 'GET'): Read {
  let status: number | undefined;
  let fields: readonly string[] = [];
  let content = '';
  let trailers: readonly string[] = [];
  let whole = false;
  const reader = answerReader(method, {
    head: (head) => {
      status = head.status;
      fields = head.raw;
    },
    data: (chunk) => (content += chunk.toString('latin1')),
    end: (raw) => {
      whole = true;
      trailers = raw;
    },
  });
  const broken = !pieces.every((piece) => reader.push(Buffer.from(piece, 'latin1')));
  const reusable = reader.reusable();
  if (!broken) reader.finish();
  return { ...(status === undefined ? {} : { status }), fields, content, trailers, whole, broken, reusable };
}

const good = {
  'a length': 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\nx-a:  2 \t\r\n\r\nhello',
  nothing: 'HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n',
  chunks: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n00A;x="y"\r\n0123456789\r\n0\r\n\r\n',
  'chunks and trailers': 'HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n1\r\n\r\r\n0\r\nX-Sum: 7\r\nb:\r\n\r\n',
  'the end of the connection': 'HTTP/1.1 200 OK\r\n\r\nsome\r\n\r\nthing',
  'interim responses': 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nlink: x\r\n\r\nHTTP/1.1 201 Made\r\ncontent-length: 2\r\n\r\nok',
  'no content': 'HTTP/1.1 204 No Content\r\n\r\n',
  'not modified, with the length it would have': 'HTTP/1.1 304 Not Modified\r\ncontent-length: 10\r\n\r\n',
  'a close': 'HTTP/1.1 200 OK\r\nconnection: x, Close\r\ncontent-length: 1\r\n\r\na',
  'HTTP/1.0': 'HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\na',
  'HTTP/1.0 kept': 'HTTP/1.0 200 OK\r\nconnection: Keep-Alive\r\ncontent-length: 1\r\n\r\na',
} as const;

test.each(Object.entries(good))('%s: the same however the bytes are cut', (name, text) => {
  const expected = read([text]);
  expect(expected).toMatchObject({ whole: true, broken: false });
  expect(expected.reusable).toBe(!['the end of the connection', 'a close', 'HTTP/1.0'].includes(name));
  expect(read([...text])).toEqual(expected);
  for (let cut = 1; cut < text.length; cut++) expect(read([text.slice(0, cut), text.slice(cut)])).toEqual(expected);
});

test('what was read is what was sent', () => {
  expect(read([good['a length']])).toMatchObject({
    status: 200,
    content: 'hello',
    fields: ['Content-Length', '5', 'X-A', '1', 'x-a', '2'],
  });
  expect(read(['HTTP/1.1 200 OK\r\nx:\t\xa0é\xa0 \r\ncontent-length: 0\r\n\r\n']).fields[1]).toBe('\xa0é\xa0');
  expect(read([good['chunks and trailers']])).toMatchObject({ content: '\r', trailers: ['X-Sum', '7', 'b', ''] });
  expect(read([good['interim responses']])).toMatchObject({ status: 201, content: 'ok' });
  expect(read(['HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n'], 'HEAD')).toMatchObject({ whole: true, content: '', reusable: true });
});

const bad = {
  'another protocol': 'SSH-2.0-x\r\n',
  'HTTP/2': 'HTTP/2.0 200 OK\r\n\r\n',
  'no status': 'HTTP/1.1 OK\r\n\r\n',
  'a status out of range': 'HTTP/1.1 600 X\r\n\r\n',
  'an upgrade nobody asked for': 'HTTP/1.1 101 Switching\r\n\r\n',
  'a blank before the colon': 'HTTP/1.1 200 OK\r\ncontent-length : 1\r\n\r\na',
  'a folded line': 'HTTP/1.1 200 OK\r\nx: a\r\n b\r\n\r\n',
  'a bare line feed': 'HTTP/1.1 200 OK\r\nx: a\nb: c\r\n\r\n',
  'a bare carriage return': 'HTTP/1.1 200 OK\r\nx: a\rb: c\r\n\r\n',
  'a NUL': 'HTTP/1.1 200 OK\r\nx: \0\r\n\r\n',
  'no name': 'HTTP/1.1 200 OK\r\n: a\r\n\r\n',
  'no colon': 'HTTP/1.1 200 OK\r\nabc\r\n\r\n',
  'a length and chunks': 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
  'two lengths': 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab',
  'a signed length': 'HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\na',
  'a length of an empty text': 'HTTP/1.1 200 OK\r\ncontent-length:\r\n\r\na',
  'an unknown coding': 'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
  'chunks in HTTP/1.0': 'HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
  'a chunk size that is none': 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n',
  'a negative chunk': 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-1\r\na\r\n0\r\n\r\n',
  'a chunk longer than said': 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n',
  'a chunk ended by a line feed alone': 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\n0\r\n\r\n',
  'a head without end': `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(4_000)}`,
  'a line without end': `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(20_000)}`,
  'a chunk extension without end': `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;${'x'.repeat(2_000)}`,
  'trailers without end': `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n${'x: y\r\n'.repeat(4_000)}`,
  'interim responses without end': 'HTTP/1.1 103 Hints\r\n\r\n'.repeat(20),
} as const;

test.each(Object.entries(bad))('%s is refused, however the bytes are cut', (_name, text) => {
  expect(read([text])).toMatchObject({ broken: true, whole: false, reusable: false });
  expect(read([...text])).toMatchObject({ broken: true, whole: false, reusable: false });
});

test('what is cut off is not whole, what goes on too long is not reused', () => {
  for (const name of ['a length', 'chunks', 'chunks and trailers', 'interim responses'] as const) {
    const text = good[name];
    for (let cut = 0; cut < text.length; cut++) expect(read([text.slice(0, cut)]).whole).toBe(false);
    expect(read([`${text}HTTP/1.1 200 OK\r\n`])).toMatchObject({ whole: true, broken: false, reusable: false });
  }
});

/** What node:http's client makes of the same bytes; null: it refuses them. */
function byNode(port: number, id: number): Promise<{ readonly status: number; readonly content: string } | null> {
  return new Promise((resolve) => {
    const sent = request({ host: '127.0.0.1', port, path: `/${id}`, agent: false }, (res) => {
      let content = '';
      res.setEncoding('latin1');
      res.on('data', (chunk: string) => (content += chunk));
      res.on('error', () => resolve(null));
      res.on('close', () => resolve(res.complete ? { status: res.statusCode ?? 0, content } : null));
    });
    sent.on('upgrade', (_res, socket) => socket.destroy());
    sent.on('error', () => resolve(null));
    sent.on('close', () => setImmediate(() => resolve(null)));
    sent.end();
  });
}

test('4,000 damaged responses: what it takes, node:http takes, and reads the same', async () => {
  const random = testRandom(17);
  const texts = Array.from({ length: 4_000 }, () => withoutRest(damaged(random)));
  const server = createTcp((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (chunk) => socket.end(texts[Number(/^GET \/(\d+)/.exec(chunk.toString())?.[1])] ?? '', 'latin1'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  let taken = 0;
  for (let from = 0; from < texts.length; from += 50) {
    const nodes = await Promise.all(texts.slice(from, from + 50).map((_, i) => byNode(port, from + i)));
    for (const [i, node] of nodes.entries()) {
      const text = texts[from + i] ?? '';
      const { status, content, whole, broken } = read([text]);
      if (!whole || broken) continue;
      taken++;
      expect({ text, read: { status, content } }).toEqual({ text, read: node });
    }
  }
  server.close();
  expect(taken).toBeGreaterThan(500);
}, 60_000);

/** Up to the end of the message: node:http gives a whole response up for what follows it, the proxy only the connection. */
function withoutRest(text: string): string {
  let end = text.length;
  while (read([text.slice(0, end)]).whole && read([text.slice(0, end - 1)]).whole && !/^(?!.*content-length|.*chunked)/is.test(text)) end--;
  return text.slice(0, end);
}

/** A good response with up to three bytes changed, left out, doubled or put in. */
function damaged(random: ReturnType<typeof testRandom>): string {
  const all = Object.values(good);
  let text: string = all[random.integer(all.length)] ?? good.nothing;
  for (let n = random.integer(4); n > 0; n--) {
    const at = random.integer(text.length);
    const byte = '\r\n\0 :;,0129aAfF-+\t\x7f\xffchunkedclose'[random.integer(38)] ?? ' ';
    const cut = random.integer(3);
    text = text.slice(0, at) + (cut === 1 ? '' : byte) + text.slice(cut === 0 ? at : at + 1);
  }
  return text;
}
