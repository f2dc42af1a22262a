import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { cannot, testHome, until, unwrap } from '../../test/conformance/tools.ts';
import type { TestHome } from '../../test/conformance/tools.ts';
import { runAdapter } from '../adapter/adapter.ts';
import { createLead, step } from '../core/publish/lead.ts';
import { headersOf, subjectOf } from '../core/publish/subjects.ts';
import { avoid, byId, capabilities } from '../../test/protocol/fixtures.ts';
import type { LeadEffect, LeadInput } from '../core/publish/types.ts';
import type { Connector } from '../ports/connector.ts';
import type { Table } from '../model/table.ts';
import { tableHash } from '../core/publish/bytes.ts';
import { systemClock } from './clock.ts';
import { engineKeys, readVerifier } from './keys.ts';
import { connectNats } from './nats.ts';
import { findNatsServer, startNatsServer } from './natsserver.ts';
import type { NatsServer } from './natsserver.ts';
import { signal } from './processes.ts';
import { systemRandom } from './random.ts';

vi.setConfig({ testTimeout: 60_000 });

const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const message = (text: string, headers: Readonly<Record<string, string>> = {}) => ({ payload: Buffer.from(text), headers });

test('a snapshot is kept in order, whole, through a crash of the server; the newest counts', async (context) => {
  const home = newHome();
  const server = await start(home);
  if (typeof server === 'string') return cannot(context, server);
  const bus = await connected(server);
  expect(bus.cache?.problem()).toBe('not asked yet');
  expect(await bus.cache?.read('side-1')).toBe(null);
  await bus.cache?.open();
  // Made again by another engine: nothing to say.
  await bus.cache?.open();
  expect(bus.cache?.problem()).toBe(null);
  bus.cache?.store('side-1', [message('list', { 'Flyball-Key': 'k' }), message('one'), message('two')]);
  await bus.flush();
  const read = async (): Promise<readonly string[]> => (await bus.cache?.read('side-1'))?.map(({ payload }) => Buffer.from(payload).toString('utf8')) ?? []; // prettier-ignore
  await until('stored', async () => (await read()).length === 3);
  expect(await read()).toEqual(['list', 'one', 'two']);
  expect((await bus.cache?.read('side-1'))?.[0]?.headers['Flyball-Key']).toBe('k');
  const before = server.pid();
  signal(before, 'SIGKILL');
  await until('another', () => server.pid() !== before);
  await until('back', () => bus.state().connected);
  await until('there again', async () => (await read()).length === 3);
  bus.cache?.store('side-1', [message('newer')]);
  await until('newer', async () => (await read()).join() === 'newer');
  expect(await bus.cache?.read('side-2')).toBe(null);
});

test('a diff is kept once, however often it is sent', async (context) => {
  const home = newHome();
  const server = await start(home);
  if (typeof server === 'string') return cannot(context, server);
  const bus = await connected(server);
  await bus.cache?.open();
  let heard = 0;
  bus.subscribe('flyball.v1.diff.*', () => void heard++);
  await bus.flush();
  const headers = headersOf({ keyId: 'k', signature: 's', id: 'side-1:7:3' });
  for (let i = 0; i < 5; i++) bus.publish({ subject: subjectOf('diff', 'side-1'), payload: Buffer.from('{}'), headers });
  await until('heard', () => heard === 5);
  const { connect } = await import('@nats-io/transport-node');
  const url = new URL(server.url);
  const raw = await connect({ servers: url.host, user: url.username, pass: url.password });
  const info = await raw.request('$JS.API.STREAM.INFO.FLYBALL_DIFF', '');
  await raw.close();
  const { config, state } = JSON.parse(new TextDecoder().decode(info.data));
  expect(state.messages).toBe(1);
  expect(config).toMatchObject({ max_msgs_per_subject: 64, max_age: 600_000_000_000, max_bytes: 1_073_741_824, discard: 'old', storage: 'file',
    duplicate_window: 120_000_000_000, num_replicas: 1, allow_direct: true }); // prettier-ignore
});

test('an adapter that holds nothing, and hears from nobody, begins with the stored table, provisionally', async (context) => {
  const home = newHome();
  const server = await start(home);
  if (typeof server === 'string') return cannot(context, server);
  const bus = await connected(server);
  await bus.cache?.open();
  const clock = systemClock();
  const keys = unwrap(engineKeys(home.home.keys));
  const { signer, verifier } = keys;
  const entries: Table = byId([1, 2, 3, 4].map((n) => avoid(n, null)));
  const lead = createLead({
    keyId: signer.keyId,
    sign: signer.sign,
    verify: verifier.verify,
    trust: verifier.root ?? null,
    messageBytesMax: 900,
  });
  const give = (input: LeadInput): readonly LeadEffect[] => step(lead, input, { monoMs: clock.monotonic(), wallMs: clock.now() });
  const epoch = Math.floor(clock.now());
  const row = { name: 'side-1', revision: 4, hash: tableHash('side-1', entries), epoch, entries, enrolled: true };
  give({ kind: 'keys', ...keys.ring({ clock, say: () => undefined }).now() });
  give({ kind: 'loaded', epoch, targets: [row], table: 1, unsent: [] });
  give({ kind: 'cache', on: true });
  const stored = give({ kind: 'tick' }).find((effect) => effect.kind === 'store');
  const messages = stored?.kind === 'store' ? stored.messages : [];
  expect(messages.length).toBeGreaterThan(2);
  bus.cache?.store('side-1', messages.map((one) => ({ payload: one.payload, headers: headersOf(one) }))); // prettier-ignore
  await until('stored', async () => (await bus.cache?.read('side-1')) !== null);

  const applied: Table[] = [];
  const adapter = unwrap(
    await runAdapter({
      target: 'side-1',
      connector: device(applied),
      settings: {},
      bus: await connected(server),
      verifier: unwrap(readVerifier(home.home.keys)),
      clock,
      random: systemRandom,
      file: join(home.home.data, 'side-1.json'),
      onEmpty: 'closed',
      socket: null,
      say: () => undefined,
    }),
  );
  ends.push(adapter.stop);
  await until('ready', () => adapter.status()?.ready === true);
  expect(adapter.status()).toMatchObject({ revision: 4, provisional: true });
  expect(applied.at(-1)).toEqual(entries);
});

const device = (applied: Table[]): Connector => ({
  name: 'fake',
  about: 'a device in memory',
  open: async () => ({
    address: '',
    target: {
      kind: 'fake',
      capabilities,
      sees: { services: [] },
      apply: async (table) => {
        applied.push(table);
        return { result: 'accepted' };
      },
      readback: async () => applied.at(-1) ?? [],
      stop: async () => undefined,
    },
  }),
});

function newHome(): TestHome {
  const home = testHome();
  ends.push(home.remove);
  return home;
}

async function connected(server: NatsServer) {
  const bus = unwrap(await connectNats({ url: server.url, name: 'test', waitMs: 2_000 }));
  ends.push(bus.close);
  return bus;
}

async function start(home: TestHome): Promise<NatsServer | string> {
  const binary = await findNatsServer({ env: process.env, logFile: join(home.home.logs, 'pip.log'), say: home.say });
  if (!binary.ok) return binary.problem.what;
  const usersFile = join(home.home.root, 'users.conf');
  writeFileSync(usersFile, 'authorization { user: test, password: test }\n');
  const started = unwrap(await startNatsServer({ home: home.home, binary: binary.value, usersFile, say: home.say }));
  const server = { ...started, url: started.url.replace('//', '//test:test@') };
  ends.push(server.stop);
  return server;
}
