import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nkeys } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestContext } from 'vitest';
import type { BusUser } from '../../src/runtime/access/permissions.ts';
import { ensureBusUsers, seedFileOf, usersConfigFile } from '../../src/runtime/access/users.ts';
import { findNatsServer, startNatsServer } from '../../src/runtime/natsserver.ts';
import { cannot, testHome, unwrap, until } from '../conformance/tools.ts';
import { rawClient } from './natsclient.ts';
import type { RawClient } from './natsclient.ts';

/** Written from protocol.md section 8 by hand, not from the code: T is one target, U another. "all" and X are nobody's name. */
type Who = 'engine' | 'T' | 'U';
const everybody: readonly Who[] = ['engine', 'T', 'U'];
/** A subject, and who may publish to it and who subscribe. */
type Row = readonly [subject: string, publish: readonly Who[], subscribe: readonly Who[]];

const nobody: readonly Who[] = [];
const only: readonly Who[] = ['engine'];
const v1 = 'flyball.v1';

const down = ['diff', 'head', 'snapshot', 'override'].flatMap((kind): readonly Row[] => [
  [`${v1}.${kind}.T`.toLowerCase(), only, ['T']],
  [`${v1}.${kind}.u`, only, ['U']],
  [`${v1}.${kind}.x`, only, nobody],
  [`${v1}.${kind}.all`, only, kind === 'override' ? ['T', 'U'] : nobody],
  [`${v1}.${kind}.t.0`, only, nobody],
  [`${v1}.${kind}`, nobody, nobody],
]);
const up = ['announce', 'ack', 'record'].flatMap((kind): readonly Row[] => [
  [`${v1}.${kind}.t`, ['T'], only],
  [`${v1}.${kind}.u`, ['U'], only],
  [`${v1}.${kind}.x`, nobody, only],
  [`${v1}.${kind}.all`, nobody, only],
  [`${v1}.${kind}.t.0`, nobody, only],
  [`${v1}.${kind}`, nobody, nobody],
]);
const others = ['v2.diff.t', 'v1.closed.t', 'v1.t', 'v1', 'v0.announce.t'].map((rest): Row => [`flyball.${rest}`, nobody, nobody]);

const streams: readonly Row[] = [
  ['$KV.FLYBALL_SNAP.t.0', only, nobody],
  ['$KV.FLYBALL_SNAP.u.0', only, nobody],
  ['$KV.OTHER.t.0', nobody, nobody],
  ['$JS.API.INFO', only, nobody],
  ...['FLYBALL_DIFF', 'KV_FLYBALL_SNAP', 'OTHER'].flatMap((stream): readonly Row[] => [
    ...['CREATE', 'UPDATE', 'INFO'].map((verb): Row => [`$JS.API.STREAM.${verb}.${stream}`, stream === 'OTHER' ? nobody : only, nobody]),
    ...['DELETE', 'PURGE', 'SNAPSHOT', 'RESTORE', 'MSG.GET', 'MSG.DELETE', 'LEADER.STEPDOWN', 'PEER.REMOVE'].map((verb): Row => [
      `$JS.API.STREAM.${verb}.${stream}`,
      nobody,
      nobody,
    ]),
    ...['NAMES', 'LIST'].map((verb): Row => [`$JS.API.CONSUMER.${verb}.${stream}`, nobody, nobody]),
  ]),
  ...['NAMES', 'LIST'].map((verb): Row => [`$JS.API.STREAM.${verb}`, nobody, nobody]),
  ['$JS.API.ACCOUNT.PURGE.$G', nobody, nobody],
  ['$JS.API.SERVER.REMOVE', nobody, nobody],
  ['$JS.API.META.LEADER.STEPDOWN', nobody, nobody],
  // Consumers of diffs: the engine makes them, each adapter reads its own.
  ...(['t', 'u'] as const).flatMap((name): readonly Row[] => {
    const owner: readonly Who[] = [name === 't' ? 'T' : 'U'];
    return [
      [`$JS.API.CONSUMER.CREATE.FLYBALL_DIFF.${name}`, only, nobody],
      [`$JS.API.CONSUMER.CREATE.FLYBALL_DIFF.${name}.${v1}.diff.${name}`, only, nobody],
      [`$JS.API.CONSUMER.DURABLE.CREATE.FLYBALL_DIFF.${name}`, nobody, nobody],
      [`$JS.API.CONSUMER.INFO.FLYBALL_DIFF.${name}`, [...only, ...owner], nobody],
      [`$JS.API.CONSUMER.DELETE.FLYBALL_DIFF.${name}`, only, nobody],
      [`$JS.API.CONSUMER.PAUSE.FLYBALL_DIFF.${name}`, nobody, nobody],
      [`$JS.API.CONSUMER.MSG.NEXT.FLYBALL_DIFF.${name}`, owner, nobody],
      [`$JS.ACK.FLYBALL_DIFF.${name}.1.1.1.1.0`, owner, nobody],
      [`$JS.API.CONSUMER.MSG.NEXT.KV_FLYBALL_SNAP.${name}`, nobody, nobody],
      [`$JS.API.CONSUMER.CREATE.KV_FLYBALL_SNAP.${name}`, nobody, nobody],
      [`$JS.API.CONSUMER.INFO.KV_FLYBALL_SNAP.${name}`, nobody, nobody],
      [`$JS.API.DIRECT.GET.KV_FLYBALL_SNAP.$KV.FLYBALL_SNAP.${name}.0`, owner, nobody],
      [`$JS.API.DIRECT.GET.FLYBALL_DIFF.${v1}.diff.${name}`, nobody, nobody],
    ];
  }),
  ['$JS.API.CONSUMER.CREATE.FLYBALL_DIFF', nobody, nobody],
  ['$JS.API.DIRECT.GET.KV_FLYBALL_SNAP', nobody, nobody],
  ['$JS.API.DIRECT.GET.FLYBALL_DIFF', nobody, nobody],
  ['$JS.EVENT.ADVISORY.API', nobody, nobody],
  ['$JS.EVENT.ADVISORY.STREAM.CREATED.FLYBALL_DIFF', nobody, nobody],
];
const system: readonly Row[] = [
  '$SYS.REQ.USER.INFO', '$SYS.REQ.SERVER.PING', '$SYS.REQ.SERVER.PING.CONNZ', '$SYS.REQ.ACCOUNT.$G.CONNS', '$SYS.REQ.SERVER.X.RELOAD',
  '$SYS.ACCOUNT.$G.CONNECT', '$SYS.SERVER.ACCOUNT.$G.CONNS', '$SRV.PING', '$NRG.V.X', '_R_.x', 'anything',
].map((subject): Row => [subject, nobody, nobody]); // prettier-ignore
const inboxes: readonly Row[] = [
  ['_INBOX_engine.a', nobody, only],
  ['_INBOX_adapter_t.a', nobody, ['T']],
  ['_INBOX_adapter_u.a', nobody, ['U']],
  ['_INBOX_engine.a.b', nobody, only],
  ['_INBOX_adapter_t.a.b', nobody, ['T']],
  ['_INBOX.a', nobody, nobody],
  ['_INBOX_adapter_x.a', nobody, nobody],
];
/** Patterns are for subscriptions only. One that reaches beyond what is allowed is refused whole. */
const patterns: readonly Row[] = [
  ...['>', '*', '*.>', 'flyball.>', 'flyball.*.>', `${v1}.>`, `${v1}.*.t`, `${v1}.*.*`, `${v1}.*.all`, '$JS.>', '$JS.API.>', '$JS.ACK.>',
    '$KV.>', '$KV.FLYBALL_SNAP.>', '$SYS.>', '_INBOX.>', '_INBOX_engine.*.>', '_INBOX_adapter_*.>', '*.a'].map((subject): Row =>
    [subject, nobody, subject === '_INBOX_engine.*.>' ? only : nobody]), // prettier-ignore
  ...['diff', 'head', 'snapshot', 'override'].flatMap((kind): readonly Row[] =>
    ['*', '>', 't.>', '*.t'].map((end) => [`${v1}.${kind}.${end}`, nobody, nobody]),
  ),
  ...['announce', 'ack', 'record'].flatMap((kind): readonly Row[] =>
    ['*', '>', 't.>', '*.t'].map((end) => [`${v1}.${kind}.${end}`, nobody, only]),
  ),
  ['_INBOX_engine.>', nobody, only],
  ['_INBOX_engine.*', nobody, only],
  ['_INBOX_adapter_t.>', nobody, ['T']],
  ['_INBOX_adapter_t.*', nobody, ['T']],
  ['_INBOX_adapter_u.>', nobody, ['U']],
];

const rows: readonly Row[] = [...down, ...up, ...others, ...streams, ...system, ...inboxes];
/** Tried one after the other: a stream that an earlier operation made would answer later ones, not let them through. */
const operations = [
  ...[...rows, ...patterns].flatMap(([subject, , allowed]) => everybody.map((who) => ({ who, verb: 'subscribe' as const, subject, works: allowed.includes(who) }))),
  ...rows.flatMap(([subject, allowed]) => everybody.map((who) => ({ who, verb: 'publish' as const, subject, works: allowed.includes(who) }))),
]; // prettier-ignore

const users: Readonly<Record<Who, BusUser>> = {
  engine: { role: 'engine' },
  T: { role: 'adapter', target: 't' },
  U: { role: 'adapter', target: 'u' },
};

describe('who may do what on the bus (protocol.md section 8), asked of a real nats-server', () => {
  type Parts = { readonly url: string; readonly seeds: Readonly<Record<Who | 'witness', string>>; readonly stop: () => Promise<void> };
  let parts: Parts | string = 'not started';
  const open: RawClient[] = [];
  const connect = async (who: Who | 'witness'): Promise<RawClient> => {
    if (typeof parts === 'string') throw new Error(parts);
    const client = await rawClient(parts.url, parts.seeds[who]);
    open.push(client);
    return client;
  };
  beforeAll(async () => {
    parts = await start();
  });
  afterAll(async () => {
    for (const client of open) client.close();
    if (typeof parts !== 'string') await parts.stop();
  });
  const check = (what: string, run: () => Promise<void>): void =>
    void test(what, async (context: TestContext) => (typeof parts === 'string' ? cannot(context, parts) : await run()));

  check('every operation outside is refused, every one inside is taken, and what is taken arrives', async () => {
    const witness = await connect('witness');
    expect(await witness.subscribe('>')).toBeNull();
    const clients = { engine: await connect('engine'), T: await connect('T'), U: await connect('U') };
    const wrong: string[] = [];
    const counts = { refused: 0, taken: 0, arrived: 0 };
    for (const [i, { who, verb, subject, works }] of operations.entries()) {
      const client = clients[who];
      const mark = `mark-${i}`;
      const said = verb === 'publish' ? await client.publish(subject, mark) : await client.subscribe(subject);
      const name = `${who} ${verb} ${subject}`;
      if (said !== null && !/^-ERR 'Permissions Violation for (?:Publish|Subscription) to "/i.test(said)) wrong.push(`${name}: ${said}`);
      if (works !== (said === null)) wrong.push(`${name}: ${said ?? 'taken'}, but it should be ${works ? 'taken' : 'refused'}`);
      counts[said === null ? 'taken' : 'refused']++;
      // The server's word is compared with what it does: a witness that may hear everything hears what was published.
      if (verb === 'publish' && !subject.startsWith('$JS.')) {
        await witness.publish('witness', 'ping');
        if (works !== witness.received().some((m) => m.subject === subject && m.payload === mark))
          wrong.push(`${name}: not as the witness heard`);
        else if (works) counts.arrived++;
      }
    }
    console.log(`bus permissions: ${operations.length} operations of 3 users tried, ${counts.taken} taken, ${counts.refused} refused`);
    expect(wrong).toEqual([]);
    expect(counts.taken).toBe(operations.filter((o) => o.works).length);
    expect(counts.taken + counts.refused).toBe(operations.length);
    expect(operations.length).toBeGreaterThan(700);
    const heard = operations.filter((o) => o.works && o.verb === 'publish' && !o.subject.startsWith('$JS.')).length;
    expect([counts.arrived, heard > 20]).toEqual([heard, true]);
  });

  check('what is said to one target is heard by it alone, and to all by all', async () => {
    const clients = { engine: await connect('engine'), T: await connect('T'), U: await connect('U') };
    for (const [who, target] of [
      ['T', 't'],
      ['U', 'u'],
    ] as const)
      // prettier-ignore
      for (const subject of [...['diff', 'head', 'snapshot', 'override'].map((kind) => `${v1}.${kind}.${target}`), `${v1}.override.all`])
        expect([subject, await clients[who].subscribe(subject)]).toEqual([subject, null]);
    for (const kind of ['diff', 'head', 'snapshot', 'override']) await clients.engine.publish(`${v1}.${kind}.t`, 'for t');
    await clients.engine.publish(`${v1}.override.all`, 'for all');
    await until('everything is there', () => clients.T.received().length === 5 && clients.U.received().length === 1);
    expect(clients.U.received()).toEqual([{ subject: `${v1}.override.all`, payload: 'for all' }]);
  });

  check('nobody comes in without a seed, or with a stranger’s', async () => {
    if (typeof parts === 'string') return;
    const stranger = Buffer.from(nkeys.createUser().getSeed()).toString('latin1');
    for (const seed of [null, stranger]) await expect(rawClient(parts.url, seed)).rejects.toThrow(/Authorization Violation/);
  });

  check('streams: the engine makes them and publishes, an adapter reads its own diffs and its own snapshot through them', async () => {
    const engine = await connect('engine');
    const inbox = '_INBOX_engine.1';
    expect(await engine.subscribe('_INBOX_engine.>')).toBeNull();
    const ask = async (subject: string, body: unknown): Promise<Readonly<Record<string, unknown>>> =>
      JSON.parse((await engine.request(subject, typeof body === 'string' ? body : JSON.stringify(body), inbox)) ?? 'null');
    const limits = { retention: 'limits', storage: 'file', num_replicas: 1, discard: 'old', allow_direct: true };
    const diffs = { name: 'FLYBALL_DIFF', subjects: [`${v1}.diff.*`], max_msgs_per_subject: 64, ...limits };
    const snaps = { name: 'KV_FLYBALL_SNAP', subjects: ['$KV.FLYBALL_SNAP.>'], max_msgs_per_subject: 1, allow_rollup_hdrs: true, deny_delete: true, ...limits }; // prettier-ignore
    expect(await ask('$JS.API.STREAM.CREATE.FLYBALL_DIFF', diffs)).toMatchObject({ config: { name: 'FLYBALL_DIFF' } });
    expect(await ask('$JS.API.STREAM.CREATE.KV_FLYBALL_SNAP', snaps)).toMatchObject({ config: { name: 'KV_FLYBALL_SNAP' } });
    for (const name of ['t', 'u']) {
      const config = { durable_name: name, name, filter_subject: `${v1}.diff.${name}`, ack_policy: 'explicit', deliver_policy: 'all' };
      const made = await ask(`$JS.API.CONSUMER.CREATE.FLYBALL_DIFF.${name}.${v1}.diff.${name}`, { stream_name: 'FLYBALL_DIFF', config });
      expect(made).toMatchObject({ name, config: { filter_subject: `${v1}.diff.${name}` } });
      expect(await ask(`${v1}.diff.${name}`, `diff of ${name}`)).toMatchObject({ stream: 'FLYBALL_DIFF' });
      expect(await ask(`$KV.FLYBALL_SNAP.${name}.0`, `snapshot of ${name}`)).toMatchObject({ stream: 'KV_FLYBALL_SNAP' });
    }
    for (const [who, name, other] of [
      ['T', 't', 'u'],
      ['U', 'u', 't'],
    ] as const) {
      const adapter = await connect(who);
      expect(await adapter.subscribe(`_INBOX_adapter_${name}.>`)).toBeNull();
      const mine = `_INBOX_adapter_${name}.1`;
      expect(JSON.parse((await adapter.request(`$JS.API.CONSUMER.INFO.FLYBALL_DIFF.${name}`, '', mine)) ?? 'null')).toMatchObject({ name, num_pending: 1 }); // prettier-ignore
      expect(await adapter.publish(`$JS.API.CONSUMER.MSG.NEXT.FLYBALL_DIFF.${name}`, '{"batch":1,"expires":2000000000}', `_INBOX_adapter_${name}.2`)).toBeNull(); // prettier-ignore
      await until('the diff', () => adapter.received().some((m) => m.payload === `diff of ${name}`));
      const get = (target: string) => adapter.request(`$JS.API.DIRECT.GET.KV_FLYBALL_SNAP.$KV.FLYBALL_SNAP.${target}.0`, '', mine);
      expect(await get(name)).toBe(`snapshot of ${name}`);
      await expect(get(other)).rejects.toThrow(/Permissions Violation/);
      expect(adapter.received().filter((m) => m.payload.includes(`of ${other}`))).toEqual([]);
    }

    // A server answers to whatever reply subject it is given. So an adapter can have its answers put where it may not publish; what they say
    // is the server's or signed by the engine, never the adapter's: it is why records and acks are evidence only, and diffs are signed.
    const [t, u] = [await connect('T'), await connect('U')];
    expect(await u.subscribe(`${v1}.head.u`)).toBeNull();
    expect(await t.publish('$JS.API.DIRECT.GET.KV_FLYBALL_SNAP.$KV.FLYBALL_SNAP.t.0', '', `${v1}.head.u`)).toBeNull();
    await until('the lent answer', () => u.received().length === 1);
    expect(u.received()).toEqual([{ subject: `${v1}.head.u`, payload: 'snapshot of t' }]);
  });
});

async function start(): Promise<
  | {
      readonly url: string;
      readonly seeds: Readonly<Record<Who | 'witness', string>>;
      readonly stop: () => Promise<void>;
    }
  | string
> {
  const { home, say, remove } = testHome();
  const binary = await findNatsServer({ env: process.env, logFile: join(home.logs, 'pip.log'), say });
  if (!binary.ok) {
    remove();
    return binary.problem.what;
  }
  unwrap(await ensureBusUsers(home, Object.values(users)));
  const seedOf = (who: Who): string => readFileSync(seedFileOf(home, users[who]), 'utf8').trim();
  // One more user, of the test's: it may hear and say everything.
  const witness = nkeys.createUser();
  const ours = readFileSync(usersConfigFile(home), 'utf8');
  const usersFile = join(home.root, 'with-witness.conf');
  writeFileSync(
    usersFile,
    ours.replace('users: [', `users: [ { nkey: ${witness.getPublicKey()}, permissions: { publish: ">", subscribe: ">" } }`),
  );
  const server = unwrap(await startNatsServer({ home, binary: binary.value, usersFile, say }));
  return {
    url: server.url,
    seeds: { engine: seedOf('engine'), T: seedOf('T'), U: seedOf('U'), witness: Buffer.from(witness.getSeed()).toString('latin1') },
    stop: async () => {
      await server.stop();
      remove();
    },
  };
}
