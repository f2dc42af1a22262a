import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { expect, test } from 'vitest';
import { newClient } from './client.ts';

test('end() comes to an end though the server never closes, and leaves no socket', async () => {
  const taken: Socket[] = [];
  // Half open: it reads our goodbye and keeps its own side.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    taken.push(socket);
    socket.on('error', () => undefined);
    // The driver believes in a server that says AuthenticationOk and ReadyForQuery.
    socket.once('data', () => socket.write(Buffer.from('52000000080000000' + '05a0000000549', 'hex')));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const client = newClient({ host: '127.0.0.1', port, user: 'u', database: 'd', connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  await client.connect();
  const closed = new Promise((resolve) => taken[0]?.once('close', resolve));
  await client.end();
  taken[0]?.end();
  await closed;
  await new Promise((resolve) => server.close(resolve));
  expect(taken.map((socket) => socket.destroyed)).toEqual([true]);
  await newClient({ host: '127.0.0.1', port }).end();
});
