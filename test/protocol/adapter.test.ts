import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runAdapter } from '../../src/adapter/adapter.ts';
import type { Adapter } from '../../src/adapter/adapter.ts';
import { lineQueue, recordHeaders } from '../../src/adapter/records.ts';
import { leadTickMs } from '../../src/core/limits.ts';
import { createLead, step } from '../../src/core/publish/lead.ts';
import { everySubject, keyHeader, parseSubject, signatureHeader, subjectOf } from '../../src/core/publish/subjects.ts';
import type { LeadEffect, LeadInput } from '../../src/core/publish/types.ts';
import { closedTable } from '../../src/core/hold/device.ts';
import { parseLine } from '../../src/model/line.ts';
import type { Line } from '../../src/model/record.ts';
import type { Table } from '../../src/model/table.ts';
import type { Bus, BusMessage } from '../../src/ports/bus.ts';
import type { Connector } from '../../src/ports/connector.ts';
import type { Applied } from '../../src/ports/target.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { engineKeys, readVerifier } from '../../src/runtime/keys.ts';
import { connectLocalBus, serveLocalBus } from '../../src/runtime/localbus.ts';
import { systemRandom } from '../../src/runtime/random.ts';
import { avoid, byId, capabilities } from './fixtures.ts';
import { seeded } from './random.ts';
import { createRecord } from '../sim/record.ts';

const clock = systemClock();
let folder = '';
const cleanup: (() => Promise<void> | void)[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fb-'));
  mkdirSync(join(folder, 'keys'), { mode: 0o700 });
});
afterEach(async () => {
  for (const done of cleanup.splice(0).toReversed()) await done();
  rmSync(folder, { recursive: true, force: true });
});

describe('an adapter on a real bus, with real keys and a real file', { timeout: 300_000 }, () => {
  test('takes the table, applies it, acks it, and ends a lease when the engine is gone', async () => {
    const bus = await serve();
    const engine = lead(bus);
    const { device, adapter } = await adapt();
    await until(() => engine.known('side-1'), 'the target is known');
    expect(device.applied[0]).toEqual(closedTable);
    const table = byId([avoid(1, null), avoid(2, Math.floor(clock.now()) + 1_500)]);
    engine.want('side-1', table);
    await until(() => engine.accepted('side-1', 1), 'accepted');
    expect(device.now()).toEqual(table);
    expect(adapter.status()).toMatchObject({ ready: true, revision: 1, provisional: false });
    engine.stop();
    await until(() => device.now()?.length === 1, 'the lease ends');
    expect(readFileSync(join(folder, 'side-1.json'), 'utf8')).toContain(`"until":${table.find((e) => e.until !== null)?.until}`);
  });

  test('started again, has its table back at once; with a new engine nothing changes', async () => {
    const bus = await serve();
    const engine = lead(bus);
    const first = await adapt();
    await until(() => engine.known('side-1'), 'known');
    engine.want('side-1', [avoid(1, null)]);
    await until(() => engine.accepted('side-1', 1), 'accepted');
    await first.adapter.stop();
    engine.stop();
    const second = await adapt();
    await until(() => second.device.applied.length > 0, 'applied');
    expect(second.device.applied).toEqual([[avoid(1, null)]]);
    const again = lead(bus, engine.record);
    await until(() => again.known('side-1') && again.accepted('side-1', 1), 'accepted by the new engine');
    expect(second.device.now()).toEqual([avoid(1, null)]);
    expect(second.adapter.status()?.revision).toBe(1);
  });

  test('announces itself again when the bus was restarted', async () => {
    const bus = await serve();
    const engine = lead(bus);
    const { device } = await adapt();
    await until(() => engine.known('side-1'), 'known');
    engine.stop();
    await bus.close();
    const next = lead(await serve(), engine.record);
    next.wantWhenKnown('side-1', [avoid(3, null)]);
    await until(() => device.now()?.length === 1 && next.accepted('side-1', 1), 'accepted after the restart');
  });

  test('a message that the engine did not sign is counted, and said once', async () => {
    const bus = await serve();
    const engine = lead(bus);
    const { adapter, said } = await adapt();
    await until(() => engine.known('side-1'), 'known');
    for (let i = 0; i < 50; i++) {
      bus.publish({
        subject: subjectOf('diff', 'side-1'),
        payload: Buffer.from('{}'),
        headers: { [keyHeader]: 'x', [signatureHeader]: 'y' },
      });
    }
    await until(() => adapter.refused()['signature'] === 50, 'counted');
    expect(said.filter((line) => line.includes('signature'))).toHaveLength(1);
  });

  test('a device that throws has refused: the table before stays, and the engine is told why', async () => {
    const bus = await serve();
    const engine = lead(bus);
    const { device } = await adapt();
    await until(() => engine.known('side-1'), 'known');
    engine.want('side-1', [avoid(1, null)]);
    await until(() => engine.accepted('side-1', 1), 'accepted');
    device.next(() => {
      throw new Error('out of memory');
    });
    engine.want('side-1', byId([avoid(1, null), avoid(2, null)]));
    await until(() => engine.state('side-1') === 'rejected', 'rejected');
    expect(engine.said.find((e) => e.kind === 'delivery' && e.state === 'rejected')).toMatchObject({
      entries: [{ code: 'E-DEVICE', text: 'the device failed: out of memory' }],
    });
    expect(device.now()).toEqual([avoid(1, null)]);
  });

  test('a second adapter on the same file is refused; one on its own takes over, and the first says so', async () => {
    const bus = await serve();
    const engine = lead(bus);
    const { adapter } = await adapt();
    await until(() => engine.known('side-1'), 'known');
    expect(await start()).toMatchObject({ ok: false, problem: { code: 'E-LOCKED' } });
    const { adapter: other } = await adapt({ file: join(folder, 'other.json') });
    await adapter.superseded;
    await until(() => other.status()?.ready === true, 'the other is ready');
  });

  test('capabilities that the protocol cannot say are a problem at the start', async () => {
    await serve();
    expect(await start({ costNs: 0.5 })).toMatchObject({
      ok: false,
      problem: { code: 'E-MESSAGE', what: expect.stringContaining('capabilities.costNs') },
    });
  });
});

describe('records on their way up', { timeout: 300_000 }, () => {
  test('come in batches of JSON lines, numbered, and an empty one each second says that all is well', async () => {
    const bus = await serve();
    const batches: BusMessage[] = [];
    bus.subscribe(everySubject('record'), (message) => void batches.push(message));
    const { device } = await adapt();
    await until(() => batches.length > 0, 'a first sign of life', 3_000);
    const lines: Line[] = [1, 2, 3].map((n) => ({ stream: 'tick', time: BigInt(n) }));
    device.emit(lines);
    await until(() => batches.some(({ payload }) => payload.length > 0), 'the lines');
    const text = batches.map(({ payload }) => Buffer.from(payload).toString('utf8')).join('');
    const read = text.trimEnd().split('\n').map((line) => parseLine(line)); // prettier-ignore
    expect(read).toEqual(lines.map((value) => ({ ok: true, value })));
    const before = batches.length;
    await until(() => batches.length >= before + 2, 'two more, empty', 4_000);
    expect(batches.at(-1)?.payload.length).toBe(0);
    expect(batches.map(({ headers }) => Number(headers[recordHeaders.seq]))).toEqual(batches.map((_, i) => i + 1));
    expect(batches.at(-1)?.headers[recordHeaders.dropped]).toBe('0');
  });

  test('what was kept while the bus was away comes when it is back', async () => {
    const bus = await serve();
    const { device } = await adapt();
    await bus.close();
    await new Promise((resolve) => clock.after(100, () => resolve(undefined)));
    device.emit([{ stream: 'tick', time: 7n }]);
    const next = await serve();
    let text = '';
    next.subscribe(everySubject('record'), ({ payload }) => void (text += Buffer.from(payload).toString('utf8')));
    await until(() => text.includes('"tick"'), 'the line', 10_000);
  });

  test('the queue keeps the newest, counts what it drops, and fills no batch beyond its bounds', () => {
    const queue = lineQueue(5);
    for (let n = 1; n <= 12; n++) queue.add(String(n));
    expect(queue.dropped()).toBe(7);
    expect(queue.take()).toEqual(['8', '9', '10', '11', '12']);
    expect(queue.take()).toEqual([]);
    const big = lineQueue(10);
    for (let n = 0; n < 3; n++) big.add('x'.repeat(300_000));
    expect([big.take().length, big.take().length, big.take().length, big.take().length]).toEqual([1, 1, 1, 0]);
    big.add('x'.repeat(600_000));
    expect([big.take().length, big.dropped()]).toEqual([0, 1]);
    const many = lineQueue(3_000);
    for (let n = 0; n < 2_500; n++) many.add('x');
    expect([many.take().length, many.take().length, many.take().length]).toEqual([1_000, 1_000, 500]);
  });
});

async function serve(): Promise<Bus> {
  const served = await serveLocalBus({ path: join(folder, 'bus') });
  if (!served.ok) throw new Error(served.problem.what);
  cleanup.push(() => served.value.close());
  return served.value;
}

type Change = { readonly file?: string; readonly costNs?: number };

async function start(change: Change = {}) {
  const keys = engineKeys(join(folder, 'keys'));
  const verifier = readVerifier(join(folder, 'keys'));
  if (!keys.ok || !verifier.ok) throw new Error('no keys');
  const bus = connectLocalBus({ path: join(folder, 'bus') });
  cleanup.push(() => bus.close());
  const device = fakeDevice(change.costNs ?? 1_000);
  const said: string[] = [];
  const adapter = await runAdapter({
    target: 'side-1',
    connector: device.connector,
    settings: {},
    bus,
    verifier: verifier.value,
    clock,
    random: systemRandom,
    file: change.file ?? join(folder, 'side-1.json'),
    onEmpty: 'closed',
    socket: null,
    say: (line) => void said.push(line),
  });
  if (!adapter.ok) return adapter;
  cleanup.push(() => adapter.value.stop());
  return { ok: true, adapter: adapter.value as Adapter, device, said } as const;
}

async function adapt(change: Change = {}) {
  const started = await start(change);
  if (!started.ok) throw new Error(started.problem.what);
  return started;
}

/** A device in memory, behind the port. */
function fakeDevice(costNs: number) {
  const applied: Table[] = [];
  let emit = (_lines: readonly Line[]): void => undefined;
  let instead: (() => Applied) | null = null;
  const connector: Connector = {
    name: 'fake',
    about: 'a device in memory',
    open: async () => ({
      address: 'http://127.0.0.1:1',
      target: {
        kind: 'fake',
        capabilities: { ...capabilities, costNs },
        sees: { services: ['checkout'] },
        apply: async (table) => {
          const result = instead?.() ?? { result: 'accepted' };
          instead = null;
          if (result.result === 'accepted') applied.push(table);
          return result;
        },
        readback: async () => applied.at(-1) ?? [],
        stop: async () => undefined,
      },
      source: {
        start: async (to) => {
          emit = to;
        },
        health: () => ({ live: true, records: 0, dropped: {} }),
        stop: async () => undefined,
      },
    }),
  };
  return {
    connector,
    applied,
    now: () => applied.at(-1),
    emit: (lines: readonly Line[]) => emit(lines),
    next: (run: () => Applied) => {
      instead = run;
    },
  };
}

/** The engine's side on a real bus, with a record in memory. */
function lead(bus: Bus, record = createRecord(seeded(1))) {
  const keys = engineKeys(join(folder, 'keys'));
  if (!keys.ok) throw new Error(keys.problem.what);
  const { signer, verifier, ring } = keys.value;
  const state = createLead({ keyId: signer.keyId, sign: signer.sign, verify: verifier.verify, trust: verifier.root ?? null });
  const said: LeadEffect[] = [];
  const known = new Set<string>();
  const waiting = new Map<string, Table>();
  let number = 0;
  let stopped = false;
  const give = (input: LeadInput): void => {
    if (stopped) return;
    for (const effect of step(state, input, { monoMs: clock.monotonic(), wallMs: clock.now() })) carryOut(effect);
  };
  const want = (target: string, table: Table): void => give({ kind: 'wanted', number: ++number, tables: new Map([[target, table]]) });
  const carryOut = (effect: LeadEffect): void => {
    said.push(effect);
    if (effect.kind === 'send') {
      const headers = { [keyHeader]: effect.keyId, [signatureHeader]: effect.signature };
      bus.publish({ subject: subjectOf(effect.channel, effect.target), payload: effect.payload, headers });
    } else if (effect.kind === 'enrol') give({ kind: 'enrolled', target: effect.target, row: record.enrol(effect.target) });
    else if (effect.kind === 'commit') {
      const outcome = record.commit(effect.epoch, effect.rows);
      queueMicrotask(() =>
        give(outcome === 'committed' ? { kind: 'committed', outbox: record.outboxOf(effect.rows) } : { kind: 'failed', why: 'stale' }),
      );
    } else if (effect.kind === 'mark') record.mark(effect.outbox);
    else if (effect.kind === 'target') {
      known.add(effect.info.name);
      const table = waiting.get(effect.info.name);
      if (table !== undefined) queueMicrotask(() => want(effect.info.name, table));
    }
  };
  const off = (['announce', 'ack'] as const).map((kind) =>
    bus.subscribe(everySubject(kind), ({ subject, payload }) => give({ kind, target: parseSubject(subject)?.target ?? '', payload })),
  );
  give({ kind: 'keys', ...ring({ clock, say: () => undefined }).now() });
  const epoch = record.takeEpoch(Math.floor(clock.now()));
  give({ kind: 'loaded', epoch, targets: record.targets(), table: record.table(), unsent: record.unsent() });
  const cancel = clock.each(leadTickMs, () => give({ kind: 'tick' }));
  const stop = (): void => {
    if (stopped) return;
    stopped = true;
    cancel();
    for (const one of off) one();
  };
  cleanup.push(stop);
  return {
    record,
    said,
    stop,
    want,
    known: (target: string) => known.has(target),
    wantWhenKnown: (target: string, table: Table) => void waiting.set(target, table),
    state: (target: string) => state.targets.get(target)?.state,
    // Named by revision: a target that has only accepted the empty table it started with is `accepted` too.
    accepted: (target: string, revision: number) => (state.targets.get(target)?.acked ?? -1) >= revision,
  };
}

async function until(so: () => boolean, what: string, ms = 60_000): Promise<void> {
  for (const end = clock.monotonic() + ms; !so();) {
    if (clock.monotonic() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => clock.after(5, () => resolve(undefined)));
  }
}
