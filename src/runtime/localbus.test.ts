import { spawnSync } from 'node:child_process';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, expect, test } from 'vitest';
import { seeded, testHome, until, unwrap } from '../../test/conformance/tools.ts';
import type { Bus } from '../ports/bus.ts';
import { frameReader, helloFrame, messageFrame, patternFrame } from './bus/frames.ts';
import { connectLocalBus, serveLocalBus } from './localbus.ts';

const { home, remove } = testHome();
let number = 0;
const newPath = (): string => join(home.sockets, `b${number++}.sock`);
const closing: Bus[] = [];
afterAll(async () => {
  await Promise.all(closing.map((bus) => bus.close()));
  remove();
});

const serve = async (path: string): Promise<Bus> => {
  const bus = unwrap(await serveLocalBus({ path }));
  closing.push(bus);
  return bus;
};
const joined = async (path: string): Promise<Bus> => {
  const bus = connectLocalBus({ path });
  closing.push(bus);
  await until('connected', () => bus.state().connected);
  return bus;
};
const raw = async (path: string): Promise<Socket> => {
  const socket = connect(path);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
};

test('the engine and the others hear each other', async () => {
  const path = newPath();
  const engine = await serve(path);
  const other = await joined(path);
  const heard: string[] = [];
  engine.subscribe('to.engine', (m) => heard.push(`engine ${Buffer.from(m.payload)}`));
  engine.subscribe('to.*', (m) => heard.push(`own ${m.subject}`));
  other.subscribe('to.other', (m) => heard.push(`other ${m.headers['K']}`));
  await other.flush();
  let inside = true;
  engine.subscribe('to.other', () => expect(inside).toBe(false));
  engine.publish({ subject: 'to.other', payload: new Uint8Array(0), headers: { K: 'v' } });
  inside = false;
  await engine.flush();
  other.publish({ subject: 'to.engine', payload: Buffer.from('x'), headers: {} });
  await until('all heard', () => heard.length === 4);
  expect(heard.sort()).toEqual(['engine x', 'other v', 'own to.engine', 'own to.other']);
  expect([engine.kind, engine.address]).toEqual(['local', `unix:${path}`]);
});

test('the socket is ours alone, and goes when the bus is closed', async () => {
  const path = newPath();
  const bus = await serve(path);
  expect((statSync(path).mode & 0o777).toString(8)).toBe('600');
  await bus.close();
  expect(existsSync(path)).toBe(false);
});

test('the socket of a killed server is replaced, that of a living one is not, and neither is a file', async () => {
  const path = newPath();
  const first = await serve(path);
  expect(await serveLocalBus({ path })).toMatchObject({ ok: false, problem: { code: 'E-BUS-TAKEN' } });
  expect(first.state().connected).toBe(true);
  const file = newPath();
  writeFileSync(file, 'mine');
  expect(await serveLocalBus({ path: file })).toMatchObject({ ok: false, problem: { code: 'E-FILE' } });
  expect(existsSync(file)).toBe(true);
  const dead = newPath();
  const script = `require('net').createServer().listen(${JSON.stringify(dead)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  expect(statSync(dead).isSocket()).toBe(true);
  await serve(dead);
  await joined(dead);
});

test('garbage costs its sender the connection, and nobody else anything', async () => {
  const path = newPath();
  const engine = await serve(path);
  const other = await joined(path);
  const random = seeded(7);
  const good = messageFrame({ subject: 'a', payload: Buffer.from('p'), headers: {} });
  const cases: readonly Uint8Array[] = [
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    Buffer.from([0, 0, 0, 0, 1]),
    Buffer.from([0xff, 0xff, 0xff, 0xff, 4]),
    // Before the greeting.
    good,
    Buffer.concat([helloFrame(), helloFrame()]),
    Buffer.concat([helloFrame(), patternFrame('subscribe', 'a..b')]),
    Buffer.concat([helloFrame(), messageFrame({ subject: 'a b', payload: new Uint8Array(0), headers: {} })]),
    Buffer.concat([helloFrame(), messageFrame({ subject: 'a', payload: new Uint8Array(600_000), headers: {} })]),
    Buffer.concat([helloFrame(), Buffer.from([0, 0, 0, 2, 9, 9])]),
  ];
  // May look like the beginning of a long frame: then the server waits, and it is we who leave.
  const noise: readonly Uint8Array[] = Array.from({ length: 30 }, () => {
    const frame = Buffer.from(good);
    frame[random.below(8)] = random.below(256);
    return Buffer.concat([helloFrame(), frame, random.bytes(3_000)]);
  });
  for (const bytes of [...cases, ...noise]) {
    const socket = (await raw(path)).resume();
    const closed = once(socket, 'close');
    socket.write(bytes);
    if (noise.includes(bytes)) socket.end();
    await closed;
  }
  const heard: string[] = [];
  other.subscribe('still', (m) => heard.push(m.subject));
  await other.flush();
  engine.publish({ subject: 'still', payload: new Uint8Array(0), headers: {} });
  await until('heard', () => heard.length === 1);
  expect([engine.state().connected, other.state()]).toEqual([true, { connected: true, dropped: 0 }]);
});

/** Bytes outside the heap that are still referred to. */
function buffersHeld(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  const { external, arrayBuffers } = process.memoryUsage();
  return external + arrayBuffers;
}

test('a reader that does not read loses the oldest, is counted, and holds nobody up', async () => {
  const path = newPath();
  const engine = await serve(path);
  const other = await joined(path);
  const slow = await raw(path);
  slow.pause();
  slow.write(Buffer.concat([helloFrame(), patternFrame('subscribe', 'load')]));
  let last = -1;
  let count = 0;
  other.subscribe('load', (m) => {
    last = Buffer.from(m.payload).readUInt32BE();
    count++;
  });
  await other.flush();
  await new Promise((resolve) => setTimeout(resolve, 50));
  const before = buffersHeld();
  const total = 400;
  for (let i = 0; i < total; i++) {
    const payload = Buffer.alloc(256 * 1024);
    payload.writeUInt32BE(i);
    engine.publish({ subject: 'load', payload, headers: {} });
    if (i % 10 === 9) await other.flush();
  }
  await until('the other has all', () => last === total - 1);
  expect(count).toBe(total);
  // 100 MiB were published; the slow one may hold 8 MiB here and what the kernel takes.
  expect(engine.state().dropped).toBeGreaterThan(total / 2);
  // What was just sent to the other may be in use for a moment still.
  await until('the rest is let go', () => buffersHeld() - before < 64 * 1024 * 1024);
  // What it gets at last is the newest.
  const read = frameReader();
  let newest = -1;
  slow.on('data', (chunk: Buffer) => {
    for (const frame of read(chunk) ?? []) if (frame.kind === 'message') newest = Buffer.from(frame.message.payload).readUInt32BE();
  });
  slow.resume();
  await until('the slow one has the newest', () => newest === total - 1);
  slow.destroy();
});

test('frames survive any cutting of the stream', () => {
  const random = seeded(9);
  const frames = Array.from({ length: 40 }, (_, i) =>
    messageFrame({ subject: `s.${i}`, payload: random.bytes(random.below(2_000)), headers: i % 2 === 0 ? {} : { A: String(i) } }),
  );
  const stream = Buffer.concat(frames);
  const read = frameReader();
  const got: Buffer[] = [];
  for (let at = 0; at < stream.length;) {
    const size = 1 + random.below(700);
    for (const frame of read(stream.subarray(at, at + size)) ?? []) if (frame.kind === 'message') got.push(Buffer.from(frame.bytes));
    at += size;
  }
  expect(Buffer.concat(got).equals(stream)).toBe(true);
});
