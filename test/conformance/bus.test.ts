import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bus } from '../../src/ports/bus.ts';
import { connectLocalBus, serveLocalBus } from '../../src/runtime/localbus.ts';
import { connectNats } from '../../src/runtime/nats.ts';
import { findNatsServer, startNatsServer } from '../../src/runtime/natsserver.ts';
import { signal } from '../../src/runtime/processes.ts';
import { busConformance } from './bus.ts';
import { testHome, unwrap, until } from './tools.ts';

busConformance('local', async () => {
  const { home, remove } = testHome();
  const path = join(home.sockets, 'bus.sock');
  let server: Bus = unwrap(await serveLocalBus({ path }));
  return {
    connect: async () => connectLocalBus({ path }),
    down: () => server.close(),
    up: async () => {
      server = unwrap(await serveLocalBus({ path }));
    },
    stop: async () => {
      await server.close();
      remove();
    },
  };
});

busConformance('nats', async () => {
  const { home, say, remove } = testHome();
  const binary = await findNatsServer({ env: process.env, logFile: join(home.logs, 'pip.log'), say });
  if (!binary.ok) {
    remove();
    return binary.problem.what;
  }
  // The port is tested here, with subjects of all kinds; who may do what is tested in test/security.
  const usersFile = join(home.root, 'users.conf');
  writeFileSync(usersFile, 'authorization { user: test, password: test }\n');
  const server = unwrap(await startNatsServer({ home, binary: binary.value, usersFile, say }));
  const url = server.url.replace('//', '//test:test@');
  let killed = 0;
  return {
    connect: async () => unwrap(await connectNats({ url, name: 'test', waitMs: 5_000 })),
    // Killed, it is started again on its port by whoever runs it.
    down: async () => {
      killed = server.pid();
      signal(killed, 'SIGKILL');
    },
    up: async () => {
      await until('another server', () => server.pid() !== killed);
    },
    stop: async () => {
      await server.stop();
      remove();
    },
  };
});
