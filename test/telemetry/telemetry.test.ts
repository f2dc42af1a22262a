import { execFileSync } from 'node:child_process';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { checkRuleText } from '../../src/core/rule/checktext.ts';
import type { Telemetry } from '../../src/ports/telemetry.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { builtModule } from '../../src/runtime/package.ts';
import { freePort } from '../../src/runtime/ports.ts';
import { openTelemetry } from '../../src/runtime/telemetry.ts';
import { until } from '../conformance/tools.ts';
import { accept, announce, createWorld, record, t0Ms, type World } from '../loop/world.ts';
import { attributesOf, startCollector, type Collector, type Metric, type Span } from './collector.ts';

/** The real loop, the real SDK, a real receiver: what a collector gets of one decision. */
const rule = `rule: slow
why: a slow replica is avoided
owner: tests
over: rpc
by: [destination.instance]
minimum: {count: 3, until: 1, peers: 1}
window: 2s
when: p90(response.duration) > d("100ms")
for: 500ms
until: p90(response.duration) < d("50ms")
then:
  - avoid: {match: 'destination.service == "checkout"', instance: key.destination.instance, percent: 90}
mode: enforce
`;
const key = '{"destination.instance":"c3"}';

let collector: Collector;
let telemetry: Telemetry | null = null;
const said: string[] = [];

beforeEach(async () => {
  collector = await startCollector();
  said.length = 0;
  for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) vi.stubEnv(name, undefined);
});
afterEach(async () => {
  await telemetry?.stop();
  telemetry = null;
  await collector.close();
  vi.unstubAllEnvs();
});

async function open(env: Readonly<Record<string, string>>): Promise<Telemetry | null> {
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  const say = (line: string): void => void said.push(line);
  const opened = await openTelemetry({ env: process.env, version: '1.2.3', instance: 'engine-test', clock: systemClock(), say });
  if (!opened.ok) throw new Error(opened.problem.what);
  telemetry = opened.value;
  return telemetry;
}
const json = () => ({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' });

/** Hands on what came since, as the engine's shell does. */
function hand(world: World, from: number): number {
  for (const effect of world.effects.slice(from)) {
    if (effect.kind === 'commit') telemetry?.planned(effect.rows, world.nowMs);
    if (effect.kind === 'event') telemetry?.event(effect.event);
  }
  return world.effects.length;
}

/** c3 is slow from the first second on; the target accepts 30 ms after the revision was sent, and 20 ms later a request shows the entry. */
function incident(mode: 'enforce' | 'shadow' = 'enforce'): World {
  const world = createWorld();
  const { compiled } = checkRuleText(rule.replace('mode: enforce', `mode: ${mode}`), 'rules/slow/rule.yaml', 1);
  if (compiled === null) throw new Error('the rule is refused');
  let handed = 0;
  const at = (atMs: number, happens: () => unknown): void => {
    world.nowMs = t0Ms + atMs;
    happens();
    handed = hand(world, handed);
  };
  at(0, () => world.give({ kind: 'rule', compiled, resume: [] }));
  at(0, () => announce(world));
  const request = (atMs: number, instance: string, durationMs: number, applied: readonly string[] = []): void =>
    at(atMs, () => world.give(record({ atMs: world.nowMs, instance, durationMs, applied })));
  for (let ms = 0; ms < 3_000; ms += 20) {
    const instance = `c${((ms / 20) % 4) + 1}`;
    request(ms, instance, instance === 'c3' && ms >= 1_000 ? 400 : 20);
  }
  const [row] = world.rows;
  if (mode === 'shadow') return world;
  if (row === undefined) throw new Error('nothing was committed');
  at(3_030, () => accept(world, row));
  request(3_050, 'c1', 5, ['slow@1']);
  request(3_060, 'c1', 5, ['slow@1']);
  return world;
}

const ms = (nano: string): number => Number(BigInt(nano) / 1_000n) / 1_000 - t0Ms;
const stagesOf = (spans: readonly Span[]): readonly Span[] =>
  spans.filter(({ name }) => name !== 'decision').toSorted((a, b) => ms(a.endTimeUnixNano) - ms(b.endTimeUnixNano));
const named = (name: string): Metric | undefined => collector.metrics.findLast((metric) => metric.name === name);

describe('one decision, from the first instant at which its condition held to the first request that shows its effect', () => {
  test('is one trace: a span a stage, in their order, one after the other', async () => {
    await open(json());
    incident();
    await telemetry?.stop();
    const spans = collector.spans;
    expect(spans.map(({ name }) => name).toSorted()).toEqual(['accepted', 'crossed', 'decided', 'decision', 'observed', 'published']);
    const [root] = spans.filter(({ name }) => name === 'decision');
    const stages = stagesOf(spans);
    expect(stages.map(({ name }) => name)).toEqual(['crossed', 'decided', 'published', 'accepted', 'observed']);
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
    expect(stages.map(({ parentSpanId }) => parentSpanId)).toEqual(stages.map(() => root?.spanId));
    // Each begins where the one before it ended; the whole is from the first beginning to the last end.
    expect(stages.slice(1).map((span) => span.startTimeUnixNano)).toEqual(stages.slice(0, -1).map((span) => span.endTimeUnixNano));
    expect([root?.startTimeUnixNano, root?.endTimeUnixNano]).toEqual([stages[0]?.startTimeUnixNano, stages.at(-1)?.endTimeUnixNano]);
    // The rule's `for`, and what the world of this test took to answer.
    const lasted = stages.map((span) => ms(span.endTimeUnixNano) - ms(span.startTimeUnixNano));
    expect(lasted[0]).toBe(500);
    expect(lasted[4]).toBe(20);
    expect(stages.slice(2).map((span) => ms(span.endTimeUnixNano))).toEqual([expect.any(Number), 3_030, 3_050]);
    const own = { 'flyball.rule': 'slow', 'flyball.rule.revision': 1, 'flyball.key': key };
    expect(spans.map(attributesOf).every((a) => Object.entries(own).every(([name, value]) => String(a[name]) === String(value)))).toBe(
      true,
    );
    expect(attributesOf(root as Span)['flyball.outcome']).toBe('observed');
    expect(stages.map((span) => attributesOf(span)['flyball.target'])).toEqual([undefined, undefined, 'sidecar', 'sidecar', 'sidecar']);
  });

  test('has the same trace id wherever it is told', async () => {
    await open(json());
    incident();
    await telemetry?.stop();
    const first = collector.spans[0]?.traceId;
    await open(json());
    incident();
    await telemetry?.stop();
    expect(first).toMatch(/^[0-9a-f]{32}$/);
    expect(new Set(collector.spans.map(({ traceId }) => traceId))).toEqual(new Set([first]));
    expect(collector.spans).toHaveLength(12);
  });

  test('is no trace when no table ever held it', async () => {
    await open(json());
    incident('shadow');
    await telemetry?.stop();
    expect(collector.spans).toEqual([]);
  });
});

describe('metrics', () => {
  test('have the names and units that dashboards are written for, and the numbers of the loop', async () => {
    await open(json());
    incident();
    const aliveAt = Date.now();
    telemetry?.observe(() => ({
      aliveAt,
      dropped: { 'not-a-record': 3, bus: 0 },
      records: { sidecar: 152 },
      targets: [
        { name: 'sidecar', revision: 1, acked: 1 },
        { name: 'silent', revision: 4, acked: 3 },
      ],
    }));
    await telemetry?.stop();
    const units = Object.fromEntries(collector.metrics.map(({ name, unit }) => [name, unit]));
    expect(units).toMatchObject({
      loop_stage_seconds: 's',
      loop_unacknowledged_age_seconds: 's',
      loop_alive_timestamp_seconds: 's',
      loop_dropped_total: '',
      loop_records_total: '',
      loop_events_total: '',
    });
    const points = (metric: Metric | undefined) => (metric?.histogram ?? metric?.sum ?? metric?.gauge)?.dataPoints ?? [];
    const counts = Object.fromEntries(points(named('loop_stage_seconds')).map((p) => [attributesOf(p)['stage'], Number(p.count)]));
    expect(counts).toEqual({ crossed: 1, decided: 1, published: 1, accepted: 1, observed: 1 });
    const crossed = points(named('loop_stage_seconds')).find((p) => attributesOf(p)['stage'] === 'crossed');
    expect(crossed?.sum).toBe(0.5);
    const dropped = Object.fromEntries(points(named('loop_dropped_total')).map((p) => [attributesOf(p)['reason'], Number(p.asInt ?? p.asDouble)])); // prettier-ignore
    expect(dropped).toEqual({ 'not-a-record': 3, bus: 0, 'telemetry-decisions': 0 });
    const ages = Object.fromEntries(points(named('loop_unacknowledged_age_seconds')).map((p) => [attributesOf(p)['target'], Number(p.asInt ?? p.asDouble)])); // prettier-ignore
    expect(ages['sidecar']).toBe(0);
    expect(ages['silent']).toBeGreaterThanOrEqual(0);
    expect(named('loop_records_total')?.sum?.isMonotonic).toBe(true);
    expect(Number(points(named('loop_alive_timestamp_seconds'))[0]?.asDouble)).toBe(aliveAt / 1_000);
    const resource = Object.assign({}, ...collector.resources.map((attributes) => attributesOf({ attributes })));
    expect(resource).toMatchObject({ 'service.name': 'flyball-engine', 'service.version': '1.2.3', 'service.instance.id': 'engine-test' });
    // Nothing of the machine, its user or its command line goes out unasked.
    expect(Object.keys(resource).filter((name) => /^(?:process|host)\./.test(name))).toEqual([]);
  });

  test('are text for Prometheus, on the loopback alone', async () => {
    const port = await freePort();
    await open({ OTEL_METRICS_EXPORTER: 'prometheus', OTEL_EXPORTER_PROMETHEUS_PORT: String(port) });
    incident();
    telemetry?.observe(() => ({ aliveAt: 1_000, dropped: { bus: 2 }, records: {}, targets: [] }));
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(text).toMatch(/^loop_stage_seconds_count\{stage="observed".*\} 1$/m);
    expect(text).toMatch(/^loop_dropped_total\{reason="bus".*\} 2$/m);
    expect(text).toMatch(/^loop_alive_timestamp_seconds(?:\{.*\})? 1$/m);
    expect(telemetry?.about).toBe(`metrics to http://127.0.0.1:${port}/metrics`);
  });
});

describe('where it goes is what the standard variables say', () => {
  test.each([
    [{}, null],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', OTEL_SDK_DISABLED: 'true' }, null],
    [{ OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' }, null],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://me:secret@127.0.0.1:9' }, 'traces, metrics to http://127.0.0.1:9'],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:9/v1/traces' }, 'traces to http://127.0.0.1:9/v1/traces'],
    [{ OTEL_METRICS_EXPORTER: 'otlp' }, 'metrics to http://localhost:4318'],
  ])('%j', async (env, about) => {
    const opened = await open(env);
    expect(opened?.about ?? null).toBe(about);
  });

  test('by default the receiver gets protobuf, each signal at its path', async () => {
    await open({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
    incident();
    await telemetry?.stop();
    expect(collector.raw.map(({ path, type }) => `${path} ${type}`).toSorted()).toEqual(['/v1/metrics application/x-protobuf', '/v1/traces application/x-protobuf']); // prettier-ignore
    for (const name of ['crossed', 'decided', 'published', 'accepted', 'observed'])
      expect(collector.raw.find(({ path }) => path === '/v1/traces')?.body.includes(name), name).toBe(true);
  });
});

test('a flood of decisions fills the queue and no more: what does not fit is dropped, and the loop is not held up', async () => {
  await open({ ...json(), OTEL_BSP_MAX_QUEUE_SIZE: '512' });
  const step = { rule: 'r', revision: 1, target: null, text: '', kind: 'change', at: t0Ms, data: { from: 'clear', to: 'firing' } };
  for (let i = 0; i < 1_000; i++) telemetry?.event({ ...step, key: `k${i}` });
  const owners = Array.from({ length: 1_000 }, (_, i) => ({ owner: { rule: 'r', revision: 1, key: `k${i}` } }));
  telemetry?.planned([{ target: 'sidecar', revision: 1, entries: owners as never }], t0Ms + 10);
  await telemetry?.stop();
  // One batch on its way, one in the queue; 2,000 stages were over.
  expect(collector.spans.length).toBeGreaterThan(0);
  expect(collector.spans.length).toBeLessThanOrEqual(2 * 512);
});

test('a collector that is dead costs nothing but a line in status, and the end is not held up', async () => {
  const port = await freePort();
  await open({
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    OTEL_EXPORTER_OTLP_TIMEOUT: '300',
    OTEL_BSP_SCHEDULE_DELAY: '20',
    OTEL_BSP_MAX_QUEUE_SIZE: '512',
  });
  expect(await new Promise<boolean>((resolve) => connect(port, '127.0.0.1').once('connect', () => resolve(true)).once('error', () => resolve(false)))).toBe(false); // prettier-ignore
  incident();
  await until('it is said', () => telemetry?.problem() !== null, 30_000);
  expect(telemetry?.problem()).toMatchObject({ code: 'W-TELEMETRY', at: `traces, metrics to http://127.0.0.1:${port}` });
  expect(telemetry?.problem()?.what).toContain('ECONNREFUSED');
  const begun = performance.now();
  await telemetry?.stop();
  expect(performance.now() - begun).toBeLessThan(5_000);
});

test('a collector that is not there is known without waiting for a decision or for the first minute to pass', async () => {
  await open({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}`, OTEL_EXPORTER_OTLP_TIMEOUT: '300' });
  telemetry?.observe(() => ({ aliveAt: 0, dropped: {}, records: {}, targets: [] }));
  await until('it is said', () => telemetry?.problem() !== null, 20_000);
  expect(telemetry?.problem()?.what).toContain('ECONNREFUSED');
});

test('nothing is loaded when nothing is asked for', async () => {
  const script = `
    import { createRequire } from 'node:module';
    const { openTelemetry } = await import(process.argv[1]);
    const opened = await openTelemetry({ env: process.env, version: '1', instance: 'i', clock: { now: () => 0, monotonic: () => 0 }, say: () => undefined });
    const loaded = Object.keys(createRequire(process.argv[1]).cache).filter((path) => path.includes('@opentelemetry'));
    process.stdout.write(JSON.stringify({ off: opened.value === null, loaded: loaded.length > 0 }));
    process.exit(0);`;
  const run = (env: NodeJS.ProcessEnv) =>
    JSON.parse(execFileSync(process.execPath, ['--input-type=module', '-e', script, builtModule('src/runtime/telemetry')], { env, encoding: 'utf8' })) as unknown; // prettier-ignore
  const { PATH } = process.env;
  expect(run({ PATH })).toEqual({ off: true, loaded: false });
  expect(run({ PATH, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url })).toEqual({ off: false, loaded: true });
});
