import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createCaller, originOf, wholeAnswer } from './caller.ts';
import type { Caller } from './caller.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody';

test.each([
  [ok, { status: 200, reusable: true }],
  ['HTTP/1.1 204 Nothing\r\nx: y\r\n\r\n', { status: 204, reusable: true }],
  ['HTTP/1.1 503 No\r\nconnection: close\r\ncontent-length: 0\r\n\r\n', { status: 503, reusable: false }],
  ['HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n', { status: 200, reusable: false }],
  [`HTTP/1.1 103 Early\r\nlink: x\r\n\r\n${ok}`, { status: 200, reusable: true }],
  ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n', { status: 200, reusable: false }],
  ['HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab and more', { status: 200, reusable: false }],
  ['HTTP/1.1 200 OK\r\n\r\nuntil the end', null],
])('%j is read as %j, and no part of it as more', (text, answer) => {
  expect(wholeAnswer(text)).toEqual(answer);
  if (answer?.reusable === true) for (let cut = 0; cut < text.length; cut++) expect(wholeAnswer(text.slice(0, cut))).toBeNull();
});

async function server(answers: (string | null)[]): Promise<{ readonly port: number; readonly connections: () => number }> {
  let connections = 0;
  const tcp = createServer((socket) => {
    connections++;
    socket.on('error', () => undefined);
    socket.on('data', () => {
      const answer = answers.shift();
      if (answer === null || answer === undefined) socket.destroy();
      else socket.write(answer, 'latin1', () => (answer.startsWith('HTTP/1.1 200 OK\r\n\r\n') ? socket.end() : undefined));
    });
  });
  await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
  closing.push(() => tcp.close());
  return { port: (tcp.address() as AddressInfo).port, connections: () => connections };
}

const ask = (caller: Caller, port: number, timeoutMs = 2_000): Promise<number | null> => {
  const to = originOf(`http://127.0.0.1:${port}`);
  return new Promise((resolve) => caller.call({ to, method: 'POST', path: '/', headers: { 'x-user': 'u' }, timeoutMs }, resolve));
};

test('a connection is used again as long as both sides keep it; what breaks off or is late is no answer', async () => {
  const { port, connections } = await server([
    ok,
    ok,
    'HTTP/1.1 200 OK\r\n\r\nwhole',
    ok,
    null,
    'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf',
    ok,
  ]);
  const caller = createCaller();
  closing.push(caller.close);
  expect([await ask(caller, port), await ask(caller, port)]).toEqual([200, 200]);
  expect(connections()).toBe(1);
  expect(await ask(caller, port)).toBe(200);
  expect([await ask(caller, port), await ask(caller, port)]).toEqual([200, null]);
  expect(await ask(caller, port, 100)).toBeNull();
  expect(await ask(caller, port)).toBe(200);
  expect(await ask(caller, 9)).toBeNull();
});
