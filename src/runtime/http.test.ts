import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { testHome, until, unwrap } from '../../test/conformance/tools.ts';
import { apiPart, callApi } from './apiclient.ts';
import { serveHttp } from './http.ts';
import type { HttpServer } from './http.ts';
import { apiToken } from './home.ts';
import { removeRun, writeRun } from './run.ts';

const servers: HttpServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});
const serve = async (options: Parameters<typeof serveHttp>[0]): Promise<HttpServer> => {
  const server = unwrap(await serveHttp(options));
  servers.push(server);
  return server;
};

test('a handler gets the request whole, on a free loopback port', async () => {
  const server = await serve({
    fetch: async (request) =>
      Response.json({
        method: request.method,
        path: new URL(request.url).pathname,
        type: request.headers.get('x-type'),
        text: await request.text(),
      }),
  });
  expect(server.url).toBe(`http://127.0.0.1:${server.port}`);
  const answer = await fetch(`${server.url}/a/b?c`, { method: 'POST', body: '\u00e9'.repeat(100_000), headers: { 'x-type': 'y' } });
  expect(await answer.json()).toEqual({ method: 'POST', path: '/a/b', type: 'y', text: '\u00e9'.repeat(100_000) });
  expect((await (await fetch(server.url)).json()) as unknown).toMatchObject({ method: 'GET', text: '' });
});

test('a body over the bound is 413 and never reaches the handler, announced or not', async () => {
  let calls = 0;
  const server = await serve({
    bodyBytesMax: 1_000,
    fetch: () => {
      calls++;
      return new Response('ok');
    },
  });
  const announced = await fetch(server.url, { method: 'POST', body: 'x'.repeat(1_001) });
  expect([announced.status, ((await announced.json()) as { problems: { code: string }[] }).problems[0]?.code]).toEqual([
    413,
    'E-BODY-SIZE',
  ]);
  const socket = connect(server.port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(`POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`);
  for (let i = 0; i < 5; i++) socket.write(`12c\r\n${'x'.repeat(300)}\r\n`);
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  expect(chunk.toString()).toMatch(/^HTTP\/1\.1 413 /);
  socket.destroy();
  expect(calls).toBe(0);
  expect((await fetch(server.url, { method: 'POST', body: 'x'.repeat(1_000) })).status).toBe(200);
});

test('a taken port is a problem, not an exception', async () => {
  const server = await serve({ fetch: () => new Response() });
  expect(await serveHttp({ fetch: () => new Response(), port: server.port })).toMatchObject({
    ok: false,
    problem: { code: 'E-PORT-TAKEN' },
  });
  expect(await serveHttp({ fetch: () => new Response(), host: 'no.such.host.invalid', insecure: true })).toMatchObject({
    ok: false,
    problem: { code: 'E-LISTEN' },
  });
});

test('closing lets a request under way end, and takes no new one', async () => {
  let release = (): void => undefined;
  let arrived = false;
  const server = await serve({
    fetch: () => {
      arrived = true;
      return new Promise((resolve) => (release = () => resolve(new Response('late'))));
    },
  });
  const answer = fetch(server.url);
  await until('the request arrived', () => arrived);
  const closed = server.close();
  await expect(fetch(server.url)).rejects.toThrow();
  release();
  expect(await (await answer).text()).toBe('late');
  await closed;
  await server.close();
});

test('the client finds the engine of its home, with the token', async () => {
  const { home, remove } = testHome();
  const env = { FLYBALL_HOME: home.root };
  expect(await callApi({ method: 'GET', path: '/x', env })).toMatchObject({ ok: false, problem: { code: 'E-NO-ENGINE' } });
  const token = unwrap(apiToken(home));
  const server = await serve({
    fetch: async (request) =>
      request.headers.get('authorization') === `Bearer ${token}`
        ? Response.json({ got: await request.text(), path: new URL(request.url).pathname })
        : new Response('no', { status: 401 }),
  });
  unwrap(writeRun(home, apiPart, { pid: process.pid, address: server.url }));
  expect(await callApi({ method: 'POST', path: '/v1/rules', body: { a: 1 }, env })).toEqual({
    ok: true,
    value: { status: 200, body: { got: '{"a":1}', path: '/v1/rules' } },
  });
  await server.close();
  expect(await callApi({ method: 'GET', path: '/x', env })).toMatchObject({ ok: false, problem: { code: 'E-NO-ENGINE', at: server.url } });
  unwrap(removeRun(home, apiPart));
  remove();
});
