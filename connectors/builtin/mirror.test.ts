import { Agent, createServer, request } from 'node:http';
import type { RequestListener } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { RpcRecord } from '../../src/model/record.ts';
import type { Enforced } from './enforce.ts';
import { emptyPolicy } from './policy.ts';
import { openProxy } from './proxy.ts';
import { parseSettings } from './settings.ts';
import { testClock, testRandom } from './testing.ts';

const closing: (() => unknown)[] = [];
const agent = new Agent({ keepAlive: true, maxSockets: 400 });
afterEach(async () => {
  agent.destroy();
  for (const close of closing.splice(0).reverse()) await close();
});

async function listen(handler: RequestListener): Promise<{ readonly address: string; readonly port: number }> {
  const server = createServer({ keepAliveTimeout: 60_000 }, handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return { address: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

const answering: RequestListener = (req, res) => void req.resume().on('end', () => res.end('ok'));

async function mirroring(to: Enforced['mirrors'][number], timeoutMs = 60_000) {
  const settings = parseSettings({ service: 'checkout', 'timeout-ms': String(timeoutMs) });
  if (!settings.ok) throw new Error(settings.problem.what);
  const records: RpcRecord[] = [];
  const edits = { set: { 'x-canary': 'yes' }, remove: ['x-secret'] };
  const enforced: Enforced = {
    answer: null,
    upstream: await listen(answering),
    destination: {},
    applied: [],
    mirrors: [to],
    edits,
    spend: null,
  };
  const proxy = await openProxy({
    settings: settings.value,
    target: 't',
    clock: testClock,
    random: testRandom(1),
    policy: () => emptyPolicy,
    enforce: () => enforced,
    onRecord: (record) => records.push(record),
  });
  closing.push(proxy.stop);
  const ask = (content?: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const headers = { 'x-secret': '1', ...(content === undefined ? {} : { 'transfer-encoding': 'chunked' }) };
      const sent = request({ agent, host: '127.0.0.1', port: proxy.port, path: '/p?q', method: content === undefined ? 'GET' : 'POST', headers }, (res) => {
        let body = '';
        res.on('data', (chunk: Buffer) => (body += chunk.toString()));
        res.on('error', reject);
        res.on('end', () => resolve(`${String(res.statusCode)} ${body}`));
      }); // prettier-ignore
      sent.on('error', reject);
      sent.end(content);
    });
  return { proxy, ask, records };
}

test('a copy is the whole request, edited as the real one; it is no record', async () => {
  const got: string[] = [];
  const to = await listen((req, res) => {
    let body = '';
    req.on('data', (chunk: Buffer) => (body += chunk.toString()));
    req.on('end', () => {
      const { headers } = req;
      got.push(`${String(req.method)} ${String(req.url)} ${String(headers['x-canary'])} ${String(headers['x-secret'])} ${String(headers['content-length'])} ${body.length}`); // prettier-ignore
      res.writeHead(500).end('nobody reads this');
    });
  });
  const { proxy, ask, records } = await mirroring(to);
  expect(await ask()).toBe('200 ok');
  expect(await ask('y'.repeat(60_000))).toBe('200 ok');
  await expect.poll(() => proxy.mirrors()).toMatchObject({ sent: 2, answered: 2, failed: 0 });
  expect(got).toEqual(['GET /p?q yes undefined undefined 0', 'POST /p?q yes undefined 60000 60000']);
  expect(records).toHaveLength(2);
});

test('one that never answers, is not there, or breaks off holds nobody up, and is counted', async () => {
  const silent = await mirroring(await listen(() => undefined), 2_000);
  expect(await silent.ask()).toBe('200 ok');
  expect(silent.proxy.mirrors()).toMatchObject({ sent: 1, answered: 0, failed: 0 });
  await expect.poll(() => silent.proxy.mirrors().failed, { timeout: 5_000 }).toBe(1);
  const rude = await mirroring(await listen((req) => req.socket.destroy()));
  expect(await rude.ask('content')).toBe('200 ok');
  await expect.poll(() => rude.proxy.mirrors().failed).toBe(1);
  const nobody = await mirroring(null);
  expect(await nobody.ask()).toBe('200 ok');
  expect(nobody.proxy.mirrors()).toMatchObject({ sent: 0, nobody: 1 });
});

test('no more than 256 are under way: the others are not sent, and the requests are answered all the same', async () => {
  const held: (() => void)[] = [];
  const { proxy, ask } = await mirroring(await listen((_req, res) => void held.push(() => res.end())));
  const answers = await Promise.all(Array.from({ length: 300 }, () => ask()));
  expect(new Set(answers)).toEqual(new Set(['200 ok']));
  expect(proxy.mirrors()).toMatchObject({ sent: 256, full: 44 });
  await expect.poll(() => held.length).toBe(256);
  for (const answer of held.splice(0)) answer();
  await expect.poll(() => proxy.mirrors().answered).toBe(256);
  expect(await ask()).toBe('200 ok');
  expect(proxy.mirrors()).toMatchObject({ sent: 257, full: 44 });
});

test('content that is too long, or a caller that leaves, makes no half copy', async () => {
  let reached = 0;
  const { proxy, ask } = await mirroring(await listen((_req, res) => void (reached++, res.end())));
  expect(await ask('z'.repeat(70_000))).toBe('200 ok');
  const socket = connect(proxy.port, '127.0.0.1', () => socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc'));
  socket.on('error', () => undefined);
  await new Promise((resolve) => setTimeout(resolve, 50));
  socket.destroy();
  await expect.poll(() => proxy.mirrors()).toMatchObject({ sent: 0, 'too-long': 1, 'cut-off': 1 });
  // Both have given their places back.
  await Promise.all(Array.from({ length: 256 }, () => ask()));
  expect(proxy.mirrors()).toMatchObject({ sent: 256, full: 0 });
  await expect.poll(() => reached).toBe(256);
});
