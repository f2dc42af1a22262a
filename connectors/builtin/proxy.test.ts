import { Agent, createServer, request } from 'node:http';
import type { IncomingMessage, RequestListener, Server } from 'node:http';
import { connect, createServer as createTcp } from 'node:net';
import type { AddressInfo, Server as TcpServer, Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { RpcRecord } from '../../src/model/record.ts';
import type { Enforced } from './enforce.ts';
import { emptyPolicy } from './policy.ts';
import { openProxy } from './proxy.ts';
import type { Proxy } from './proxy.ts';
import { parseSettings } from './settings.ts';
import { testClock, testRandom } from './testing.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function listen<S extends Server | TcpServer>(server: S): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(
    () =>
      new Promise((resolve) => {
        if ('closeAllConnections' in server) server.closeAllConnections();
        server.close(resolve);
      }),
  );
  return (server.address() as AddressInfo).port;
}

type Bench = { readonly proxy: Proxy; readonly records: RpcRecord[]; enforced: Enforced };

async function bench(port: number, settings: Readonly<Record<string, string>> = {}): Promise<Bench> {
  const parsed = parseSettings({ service: 'checkout', ...settings });
  if (!parsed.ok) throw new Error(parsed.problem.what);
  const records: RpcRecord[] = [];
  const upstream = { address: '127.0.0.1', port };
  const run: { enforced: Enforced } = {
    enforced: {
      answer: null,
      upstream,
      destination: { service: 'checkout', instance: 'c1' },
      applied: ['gray@1'],
      mirrors: [],
      edits: null,
      spend: null,
    },
  };
  const proxy = await openProxy({
    settings: parsed.value,
    target: 't',
    clock: testClock,
    random: testRandom(1),
    policy: () => emptyPolicy,
    enforce: () => run.enforced,
    onRecord: (record) => records.push(record),
  });
  closing.push(proxy.stop);
  return Object.assign(run, { proxy, records });
}

const upstreamOf = (handler: RequestListener): Promise<number> => listen(createServer({ keepAliveTimeout: 60_000 }, handler));

type Got = {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly raw: readonly string[];
  readonly trailers: IncomingMessage['trailers'];
  readonly body: string;
};
type Ask = {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string;
  readonly agent?: Agent;
};

function ask(port: number, { method = 'GET', path = '/', headers = {}, body, agent }: Ask = {}): Promise<Got> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, method, path, headers, ...(agent === undefined ? {} : { agent }) }, (res) => {
      let text = '';
      res.setEncoding('latin1');
      res.on('data', (chunk: string) => (text += chunk));
      res.on('error', reject);
      res.on('end', () =>
        resolve({ status: res.statusCode ?? 0, headers: res.headers, raw: res.rawHeaders, trailers: res.trailers, body: text }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Bytes in, bytes out, until the other side closes. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let got = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => (got += chunk));
    socket.on('error', reject);
    socket.on('close', () => resolve(got));
  });
}

describe('what is forwarded', () => {
  test('method, target with query, host, body and end-to-end fields arrive as sent; hop-by-hop fields do not (RFC 9110 section 7.6.1)', async () => {
    let seen: {
      readonly method: string | undefined;
      readonly url: string | undefined;
      readonly raw: readonly string[];
      body: string;
    } | null = null;
    const { proxy, records } = await bench(
      await upstreamOf((req, res) => {
        let body = '';
        req.on('data', (chunk: Buffer) => (body += chunk.toString()));
        req.on('end', () => {
          seen = { method: req.method, url: req.url, raw: req.rawHeaders, body };
          res.writeHead(201, [
            'Connection',
            'X-Gone',
            'X-Gone',
            '1',
            'Keep-Alive',
            'timeout=9',
            'Set-Cookie',
            'a=1',
            'Set-Cookie',
            'b=2',
            'X-Kept',
            'yes',
          ]);
          res.end('made');
        });
      }),
    );
    const got = await ask(proxy.port, {
      method: 'POST',
      path: '/a%20b/../c?x=1&y=%2F',
      headers: {
        host: 'shop.example:81',
        connection: 'X-Drop, Host',
        'x-drop': 'secret',
        'proxy-authorization': 'x',
        te: 'trailers',
        'X-Case': 'Kept',
        cookie: 'k=v',
        'x-flyball-source': 'gateway',
        'x-flyball-attempt': '3',
        'x-forwarded-for': '10.1.1.1',
        'x-request-id': 'r-1',
        'x-user': 'u7',
      },
      body: 'hello',
    });
    expect(got.status).toBe(201);
    expect(got.body).toBe('made');
    expect(got.headers['set-cookie']).toEqual(['a=1', 'b=2']);
    expect(got.headers['x-kept']).toBe('yes');
    expect(got.headers['x-gone']).toBeUndefined();
    expect(seen).toMatchObject({ method: 'POST', url: '/a%20b/../c?x=1&y=%2F', body: 'hello' });
    const names = (seen as unknown as { raw: string[] }).raw.filter((_, i) => i % 2 === 0);
    expect(names).toEqual(['X-Case', 'cookie', 'x-user', 'Content-Length', 'host', 'x-request-id', 'x-forwarded-for', 'via']);
    const values = (seen as unknown as { raw: string[] }).raw;
    expect(values[values.indexOf('host') + 1]).toBe('shop.example:81');
    expect(values[values.indexOf('x-forwarded-for') + 1]).toBe('10.1.1.1, 127.0.0.1');
    expect(values[values.indexOf('via') + 1]).toBe('1.1 flyball');

    expect(records).toHaveLength(1);
    const [record] = records;
    expect(record).toMatchObject({
      stream: 'rpc',
      source: { service: 'gateway', address: '127.0.0.1' },
      destination: { service: 'checkout', instance: 'c1' },
      reporter: { side: 'destination', target: 't' },
      request: { protocol: 'http/1.1', method: 'POST', host: 'shop.example:81', path: '/a%20b/../c', id: 'r-1', attempt: 3, size: 5 },
      response: { code: 201, size: 4, flags: [], failed: false },
      applied: ['gray@1'],
    });
    expect([...(record?.request.headers ?? [])]).toEqual([['x-user', 'u7']]);
    expect(typeof record?.response.duration).toBe('bigint');
  });

  test('an absolute target names the host; two Host fields, or none of the forms, are refused', async () => {
    const { proxy, records } = await bench(await upstreamOf((req, res) => res.end(`${String(req.headers.host)} ${String(req.url)}`)));
    const text = await raw(proxy.port, 'GET http://real.example/p?q HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n');
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(text).toMatch(/real\.example \/p\?q/);
    expect(await raw(proxy.port, 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    expect(await raw(proxy.port, 'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 400 /,
    );
    expect(await raw(proxy.port, 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n')).toMatch(/^HTTP\/1\.1 501 /);
    expect(records).toHaveLength(1);
  });

  test('chunked bodies and trailers pass, a HEAD has no body, an empty POST stays empty, 204 and 304 have none', async () => {
    const lengths: (string | undefined)[] = [];
    const { proxy } = await bench(
      await upstreamOf((req, res) => {
        lengths.push(`${String(req.method)} ${String(req.headers['content-length'])} ${String(req.headers['transfer-encoding'])}`);
        if (req.url === '/204') return void res.writeHead(204).end();
        if (req.url === '/304') return void res.writeHead(304, { etag: '"x"' }).end();
        if (req.method === 'HEAD') return void res.writeHead(200, { 'content-length': '1234' }).end();
        res.writeHead(200, { trailer: 'x-sum' });
        req.on('data', (chunk: Buffer) => res.write(chunk));
        req.on('end', () => {
          res.addTrailers({ 'x-sum': String(req.trailers['x-in'] ?? 'none') });
          res.end();
        });
      }),
    );
    const chunked = await ask(proxy.port, { method: 'POST', headers: { 'transfer-encoding': 'chunked' }, body: 'abc' });
    expect(chunked).toMatchObject({ status: 200, body: 'abc', trailers: { 'x-sum': 'none' } });
    const text = await raw(
      proxy.port,
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: x-in\r\nConnection: close\r\n\r\n2\r\nhi\r\n0\r\nx-in: 7\r\n\r\n',
    );
    expect(text).toMatch(/2\r\nhi\r\n0\r\nx-sum: 7\r\n/);
    expect(await ask(proxy.port, { method: 'HEAD' })).toMatchObject({ status: 200, body: '', headers: { 'content-length': '1234' } });
    expect((await ask(proxy.port, { method: 'POST' })).status).toBe(200);
    expect((await ask(proxy.port, { path: '/204' })).status).toBe(204);
    expect(await ask(proxy.port, { path: '/304' })).toMatchObject({ status: 304, body: '', headers: { etag: '"x"' } });
    expect(lengths).toEqual([
      'POST undefined chunked',
      'POST undefined chunked',
      'HEAD undefined undefined',
      'POST 0 undefined',
      'GET undefined undefined',
      'GET undefined undefined',
    ]);
  });

  test('a request without an id gets one, the same upstream and in the record', async () => {
    let id: unknown;
    const { proxy, records } = await bench(
      await upstreamOf((req, res) => {
        id = req.headers['x-request-id'];
        res.end();
      }),
    );
    await ask(proxy.port);
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect(records[0]?.request).toMatchObject({ id, attempt: 1 });
  });

  test('100 MB stream through with little memory: a slow reader holds the writer back', async () => {
    const chunk = Buffer.alloc(64 * 1024, 7);
    let written = 0;
    const { proxy } = await bench(
      await upstreamOf((_req, res) => {
        const more = (): void => {
          while (written < 1_600) {
            written++;
            if (!res.write(chunk)) return void res.once('drain', more);
          }
          res.end();
        };
        more();
      }),
    );
    const got = await new Promise<number>((resolve, reject) => {
      request({ host: '127.0.0.1', port: proxy.port }, (res) => {
        res.pause();
        setTimeout(() => {
          // Nobody reads: what is on the way fits into sockets and buffers, far from everything.
          expect(written).toBeLessThan(800);
          let size = 0;
          res.on('data', (data: Buffer) => (size += data.length));
          res.on('end', () => resolve(size));
          res.on('error', reject);
          res.resume();
        }, 300);
      })
        .on('error', reject)
        .end();
    });
    expect(got).toBe(1_600 * chunk.length);
  });
});

describe('what goes wrong', () => {
  test('no connection: 503 UF', async () => {
    const port = await listen(createTcp());
    await closing.pop()?.();
    const { proxy, records } = await bench(port);
    expect((await ask(proxy.port)).status).toBe(503);
    expect(records[0]?.response).toMatchObject({ code: 503, flags: ['UF'], failed: true });
  });

  test('no answer in time: 504 UT', async () => {
    const { proxy, records } = await bench(await upstreamOf(() => undefined), { 'timeout-ms': '80' });
    expect((await ask(proxy.port)).status).toBe(504);
    expect(records[0]?.response).toMatchObject({ code: 504, flags: ['UT'], failed: true });
  });

  test('a client that stops sending: 408 SI, not the fault of the upstream', async () => {
    const { proxy, records } = await bench(await upstreamOf((req) => req.resume()), { 'timeout-ms': '80' });
    const text = await raw(proxy.port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc');
    expect(text).toMatch(/^HTTP\/1\.1 408 /);
    expect(records[0]?.response).toMatchObject({ code: 408, flags: ['SI'], failed: false });
  });

  test('the upstream breaks off before or within its answer: 503 UC, or a broken answer that nobody takes for whole', async () => {
    const { proxy, records } = await bench(
      await upstreamOf((req, res) => {
        if (req.url === '/before') return void req.socket.destroy();
        res.writeHead(200, { 'content-length': '100' });
        res.write('half', () => req.socket.destroy());
      }),
    );
    expect((await ask(proxy.port, { path: '/before' })).status).toBe(503);
    await expect(ask(proxy.port, { path: '/within' })).rejects.toThrow(/aborted|hang up|ECONNRESET/);
    await expect.poll(() => records.length).toBe(2);
    expect(records.map(({ response: { code, flags, failed } }) => ({ code, flags, failed }))).toEqual([
      { code: 503, flags: ['UC'], failed: true },
      { code: 200, flags: ['UC'], failed: true },
    ]);
  });

  test.each([
    ['HTTP/1.1 000 Nothing\r\ncontent-length: 0\r\n\r\n', 502, 'UPE'],
    ['HTTP/1.1 099 Low\r\ncontent-length: 0\r\n\r\n', 502, 'UPE'],
    ['HTTP/1.1 999 High\r\ncontent-length: 0\r\n\r\n', 502, 'UPE'],
    ['SSH-2.0-OpenSSH_9.2\r\n', 502, 'UPE'],
    ['HTTP/1.1 200 OK\r\nx: a\x01b\r\ncontent-length: 0\r\n\r\n', 502, 'UPE'],
    ['HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab', 502, 'UPE'],
    ['HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n', 502, 'UPE'],
    ['HTTP/1.1 200 \xe9t\xe9\r\nx: \xff\r\ncontent-length: 0\r\n\r\n', 200, ''],
    ['HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 204 Done\r\n\r\n', 204, ''],
    ['HTTP/1.0 200 OK\r\n\r\nuntil the end', 200, ''],
  ])('an upstream that says %j: %i %s, and the sidecar lives on', async (said, status, flag) => {
    const garbage = createTcp((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(said, 'latin1'));
    });
    const { proxy, records } = await bench(await listen(garbage));
    expect((await ask(proxy.port)).status).toBe(status);
    await expect.poll(() => records.length).toBe(1);
    expect(records[0]?.response.flags).toEqual(flag === '' ? [] : [flag]);
    expect((await ask(proxy.port)).status).toBe(status);
  });

  test('a body that breaks its chunking is not passed off as whole', async () => {
    const garbage = createTcp((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nxyz\r\n'));
    });
    const { proxy, records } = await bench(await listen(garbage));
    await expect(ask(proxy.port)).rejects.toThrow(/aborted|hang up|ECONNRESET/);
    await expect.poll(() => records.length).toBe(1);
    expect(records[0]?.response).toMatchObject({ code: 200, failed: true });
  });

  test('the client leaves: the upstream is told, the record says DC', async () => {
    let left = false;
    const { proxy, records } = await bench(await upstreamOf((_req, res) => void res.on('close', () => (left = true))));
    const sent = request({ host: '127.0.0.1', port: proxy.port });
    sent.on('error', () => undefined);
    sent.end();
    setTimeout(() => sent.destroy(), 50);
    await expect.poll(() => left && records.length === 1).toBe(true);
    expect(records[0]?.response).toMatchObject({ flags: ['DC'], failed: true });
    expect(records[0]?.response.code).toBeUndefined();
  });

  test('600 clients and an upstream that break off at any moment: each request is told of once, and the next one is served', async () => {
    const random = testRandom(23);
    const { proxy, records } = await bench(
      await upstreamOf((req, res) => {
        if (req.url === '/calm') return void res.end('calm');
        const delay = random.integer(4);
        setTimeout(() => {
          const how = random.integer(5);
          if (how === 0) return void req.socket.destroy();
          res.writeHead(200, how === 1 ? { 'content-length': '70000' } : {});
          res.write('x'.repeat(random.integer(70_000)));
          if (how === 2) req.socket.resetAndDestroy();
          else if (how > 2) res.end();
        }, delay);
      }),
      { 'timeout-ms': '300' },
    );
    const heads = [
      'GET / HTTP/1.1\r\nhost: a\r\n\r\n',
      `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9000\r\n\r\n${'x'.repeat(4_000)}`,
      'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n4\r\nabcd\r\n',
      'CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n',
      'GET / HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n',
    ] as const;
    const asked = await Promise.all(
      Array.from({ length: 600 }, async (_, n) => {
        await new Promise((resolve) => setTimeout(resolve, random.integer(400)));
        const socket = connect(proxy.port, '127.0.0.1');
        socket.on('error', () => undefined);
        socket.resume();
        socket.write(heads[n % heads.length] ?? heads[0]);
        const stays = 1 + random.integer(12);
        await new Promise((resolve) => setTimeout(resolve, stays));
        if (random.integer(2) === 0) socket.resetAndDestroy();
        else socket.destroy();
        return n % heads.length === 3 ? 0 : 1;
      }),
    );
    const most = asked.reduce<number>((sum, one) => sum + one, 0);
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(await ask(proxy.port, { path: '/calm' })).toMatchObject({ status: 200, body: 'calm' });
    // A connection reset before it was read asked for nothing.
    expect(records.length).toBeLessThanOrEqual(most + 1);
    expect(records.length).toBeGreaterThan(most / 2);
    expect(new Set(records.map(({ request: { id } }) => id)).size).toBe(records.length);
  });

  test('an answer before the end of the upload reaches the client', async () => {
    const { proxy, records } = await bench(await upstreamOf((_req, res) => res.writeHead(413).end('too much')));
    const got = await ask(proxy.port, { method: 'POST', body: 'x'.repeat(4_000_000) });
    expect(got).toMatchObject({ status: 413, body: 'too much' });
    expect(records[0]?.response).toMatchObject({ code: 413, flags: [] });
  });

  /** Answers the first request on each connection; `after` closes it once the second has begun to arrive. */
  async function forgetful(): Promise<{ readonly port: number; readonly count: () => number }> {
    let count = 0;
    const server = createTcp((socket: Socket) => {
      let first = true;
      socket.on('error', () => undefined);
      socket.on('data', () => {
        count++;
        if (first) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
        else socket.resetAndDestroy();
        first = false;
      });
    });
    return { port: await listen(server), count: () => count };
  }

  test('a kept connection closed in the moment of reuse: an idempotent request is sent again, once, and any other is not', async () => {
    const { port, count } = await forgetful();
    const { proxy, records } = await bench(port);
    expect((await ask(proxy.port)).body).toBe('ok');
    expect((await ask(proxy.port)).body).toBe('ok');
    expect(count()).toBe(3);
    expect(records.map(({ request: { attempt }, response: { code, flags } }) => ({ attempt, code, flags }))).toEqual([
      { attempt: 1, code: 200, flags: [] },
      { attempt: 1, code: 200, flags: [] },
    ]);
    expect((await ask(proxy.port)).body).toBe('ok');
    expect((await ask(proxy.port, { method: 'POST', body: 'pay' })).status).toBe(503);
    expect(records.at(-1)?.response).toMatchObject({ code: 503, flags: ['UC'] });
  });

  test('nobody is ready: 503 UH; a service that is not here: 404 NR', async () => {
    const run = await bench(9, { service: 'checkout,catalog' });
    run.enforced = { ...run.enforced, upstream: null };
    expect((await ask(run.proxy.port, { headers: { host: 'catalog.shop:80' } })).status).toBe(503);
    expect((await ask(run.proxy.port, { headers: { host: 'payments' } })).status).toBe(404);
    await expect.poll(() => run.records.length).toBe(2);
    expect(run.records.map(({ response }) => response.flags)).toEqual([['UH'], ['NR']]);
  });
});

test('a denied request is answered here, gRPC callers in their own way', async () => {
  let reached = 0;
  const run = await bench(await upstreamOf((_req, res) => void (reached++, res.end())));
  run.enforced = { ...run.enforced, answer: { kind: 'denied', status: 429, grpcStatus: 8 }, upstream: null };
  expect((await ask(run.proxy.port, { method: 'POST', body: 'x'.repeat(100_000) })).status).toBe(429);
  const grpc = await ask(run.proxy.port, { headers: { 'content-type': 'application/grpc-web' } });
  expect(grpc).toMatchObject({ status: 200, headers: { 'grpc-status': '8' } });
  expect(reached).toBe(0);
  expect(run.records[0]).toMatchObject({ response: { code: 429, flags: [] }, applied: ['gray@1'] });
});

test('what was applied is told to whoever asks, and to nobody else', async () => {
  const { proxy } = await bench(await upstreamOf((_req, res) => res.end()));
  expect((await ask(proxy.port)).headers['x-flyball-applied']).toBeUndefined();
  expect((await ask(proxy.port, { headers: { 'x-flyball-debug': '1' } })).headers).toMatchObject({
    'x-flyball-applied': 'gray@1',
    'x-flyball-upstream': 'c1',
  });
});

test('stopping answers what was accepted and takes nothing new', async () => {
  const { proxy, records } = await bench(await upstreamOf((_req, res) => void setTimeout(() => res.end('late'), 200)));
  const agent = new Agent({ keepAlive: true });
  const pending = ask(proxy.port, { agent });
  await new Promise((resolve) => setTimeout(resolve, 50));
  const began = performance.now();
  const stopped = proxy.stop();
  await expect(ask(proxy.port)).rejects.toThrow(/ECONNREFUSED/);
  expect(await pending).toMatchObject({ status: 200, body: 'late', headers: { connection: 'close' } });
  await stopped;
  expect(performance.now() - began).toBeLessThan(1_500);
  expect(records).toHaveLength(1);
  agent.destroy();
});
