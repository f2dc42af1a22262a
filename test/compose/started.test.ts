import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { findNatsServer } from '../../src/runtime/natsserver.ts';
import { get } from '../chaos/client.ts';
import { cannot, until } from '../conformance/tools.ts';
import { attributesOf, startCollector, type Collector } from '../telemetry/collector.ts';
import { readCompose, type Compose } from './model.ts';
import { layGround, start, type Ground, type Program } from './run.ts';
import { startPostgres, type Postgres } from './standin.ts';

/**
 * compose.yaml without containers: the same programs with the same words, environment and files, in the same order, by the same health checks.
 * What stands in: npm's Postgres for its image; nats-server from PATH or pip for its own.
 */
let compose: Compose = { services: {} };
const readyMsMax = 120_000;
/** Docker's own default. */
const stopMsMax = 10_000;
const rule = `rule: closed-cart
why: nobody looks into a cart while this test runs
owner: tests
then:
  - deny: { match: 'destination.service == "checkout" && request.path == "/cart"', status: 403 }
mode: enforce
`;

let ground: Ground | null = null;
let postgres: Postgres | null = null;
let collector: Collector | null = null;
const programs: Program[] = [];

afterEach(async () => {
  for (const { child } of programs) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  await Promise.all(programs.splice(0).map(({ exited }) => exited));
  await postgres?.stop();
  await collector?.close();
  ground?.remove();
  [ground, postgres, collector] = [null, null, null];
});

const launch = (on: Ground, name: string, argv: readonly string[]) => start(name, on.launch(name, argv), on.root);
const flyball = (on: Ground, name: string, ...args: readonly string[]) => launch(on, name, ['flyball', ...args]);

/** A service's own health check, once. */
async function isHealthy(on: Ground, name: string): Promise<boolean> {
  const [kind, ...argv] = compose.services[name]?.healthcheck?.test ?? [];
  if (kind !== 'CMD') throw new Error(`${name}: a check of this kind is not known here: ${kind ?? 'none'}`);
  // The image's tool for what any HTTP client can do.
  const words = argv[0] === 'wget' ? ['flyball', 'check', argv.at(-1) ?? ''] : argv;
  return (await launch(on, name, words).exited) === 0;
}

/** Every service once those that it waits for are as it wants them. */
async function startAll(on: Ground, natsPath: string): Promise<void> {
  const begun = new Map<string, Promise<void>>();
  const ready = async (name: string): Promise<void> => {
    const { depends_on = {}, command = [], entrypoint } = compose.services[name] ?? {};
    await Promise.all(Object.keys(depends_on).map(once)); // prettier-ignore
    if (name === 'postgres') return postgres?.setPassword(on.path('postgres', '/keys/postgres'));
    if (name === 'nats') linkUsers(on);
    const argv = name === 'nats' ? [natsPath, ...command] : [...(entrypoint ?? ['flyball']), ...command];
    const program = launch(on, name, argv);
    if (name === 'init') {
      expect(await program.exited, program.said()).toBe(0);
      return;
    }
    programs.push(program);
    const end = performance.now() + readyMsMax;
    while (!(await isHealthy(on, name))) {
      if (program.child.exitCode !== null) throw new Error(`${name} ended (${program.child.exitCode}):\n${program.said()}`);
      if (performance.now() > end) throw new Error(`${name} is not healthy:\n${program.said()}`);
      await pause(1_000);
    }
  };
  const once = (name: string): Promise<void> => {
    const known = begun.get(name) ?? ready(name);
    begun.set(name, known);
    return known;
  };
  await Promise.all(Object.keys(compose.services).map(once)); // prettier-ignore
}

/** What Docker mounts below the folder of a config. */
function linkUsers(on: Ground): void {
  const conf = on.path('nats', '/etc/nats/nats.conf');
  symlinkSync(on.path('nats', '/etc/nats/users'), join(conf, '..', 'users'));
}

type Status = {
  readonly targets: readonly { readonly name: string; readonly heardAt: number | null }[];
  readonly bus: { readonly kind: string };
  readonly lead: { readonly role: string };
};

async function statusOf(on: Ground, engine: string): Promise<Status> {
  const { argv, env } = on.launch(engine, ['flyball', 'status', '-o', 'json']);
  const { stdout } = spawnSync(argv[0] ?? '', argv.slice(1), { env, encoding: 'utf8' });
  return JSON.parse(stdout) as Status;
}

const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const done = (is: boolean): void => {
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', () => done(true)).once('error', () => done(false));
  });

test(
  'its programs start in their order and become healthy, a rule given to one engine is enforced by a sidecar, and all end when asked',
  { timeout: 400_000 },
  async (context) => {
    const nats = await findNatsServer({ env: process.env, logFile: '/dev/null', say: () => undefined });
    if (!nats.ok) return cannot(context, nats.problem.what);
    const outside = (collector = await startCollector());
    const given = { OTEL_EXPORTER_OTLP_ENDPOINT: outside.url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' };
    compose = readCompose(readFileSync('compose.yaml', 'utf8'), given);
    const root = mkdtempSync(join(tmpdir(), 'flyball-ground-'));
    postgres = await startPostgres(root);
    const on = (ground = await layGround(compose, root, { 'postgres:5432': postgres.port }));
    await startAll(on, nats.value.path);

    const engines = ['engine-a', 'engine-b'];
    const views = await Promise.all(engines.map((name) => statusOf(on, name)));
    expect(views.map(({ bus }) => bus.kind)).toEqual(engines.map(() => 'nats'));
    // The one that began first leads, and hears them all.
    expect(views.map(({ lead }) => lead.role)).toEqual(engines.map((_, i) => (i === 0 ? 'leader' : 'standby')));
    const heard = views.map(({ targets }) => targets.filter(({ heardAt }) => heardAt !== null).map(({ name }) => name).toSorted()); // prettier-ignore
    expect(heard).toContainEqual(['shop-catalog', 'shop-checkout', 'shop-gateway', 'shop-payments']);

    const sidecar = `http://127.0.0.1:${on.port('sidecar-checkout', 4000)}`;
    expect((await get(sidecar, '/cart')).status).toBe(200);
    const rules = join(on.path('engine-a', '/tmp'), 'rules', 'closed-cart');
    mkdirSync(rules, { recursive: true });
    writeFileSync(join(rules, 'rule.yaml'), rule);
    const applied = flyball(on, 'engine-a', 'rule', 'apply', '/tmp/rules');
    expect(await applied.exited, applied.said()).toBe(0);
    await until('the sidecar refuses what the rule refuses', async () => (await get(sidecar, '/cart')).status === 403, 30_000);
    expect((await get(sidecar, '/checkout')).status).toBe(200);

    const begun = performance.now();
    for (const { child } of programs) child.kill('SIGTERM');
    const codes = Object.fromEntries(
      await Promise.all(programs.map(async ({ name, exited, said }) => [name, [await exited, said()]] as const)),
    );
    for (const [name, [code, said]] of Object.entries(codes))
      expect([0, name === 'nats' ? 1 : 0], `${name}: ${String(said)}`).toContain(code);
    expect(performance.now() - begun).toBeLessThan(stopMsMax * 2);
    for (const name of Object.keys(compose.services).filter((one) => one.startsWith('sidecar-')))
      expect(await listens(on.port(name, 4000)), name).toBe(false);

    // What the engine told of it, where compose.yaml's variables say.
    const trace = outside.spans.filter((span) => attributesOf(span)['flyball.rule'] === 'closed-cart');
    expect(new Set(trace.map(({ traceId }) => traceId)).size).toBe(1);
    const ended = trace.filter(({ name }) => name !== 'decision' && name !== 'crossed').toSorted((a, b) => Number(BigInt(a.endTimeUnixNano) - BigInt(b.endTimeUnixNano))); // prettier-ignore
    expect([...new Set(ended.map(({ name }) => name))]).toEqual(['decided', 'published', 'accepted', 'observed']);
    expect(outside.metrics.map(({ name }) => name)).toEqual(expect.arrayContaining(['loop_stage_seconds', 'loop_alive_timestamp_seconds', 'loop_records_total'])); // prettier-ignore
  },
);
