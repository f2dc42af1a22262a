import { describe, expect, test } from 'vitest';
import { bench, diffOf, engineNow, headOf, holding, instance, key, snapshotOf, startMs, target } from '../../../test/protocol/bench.ts';
import { avoid, byId, capabilities } from '../../../test/protocol/fixtures.ts';
import { seeded } from '../../../test/protocol/random.ts';
import { encode } from '../publish/bytes.ts';
import { closedTable } from './device.ts';
import { decodeFile } from './file.ts';
import { createHold, step } from './hold.ts';
import type { Effect, HoldFile } from './types.ts';

const standing = avoid(1, null);
const leased = (afterMs: number) => avoid(2, startMs + afterMs);

describe('a start', () => {
  test('closes the device, saves its boot number, then announces itself', () => {
    const b = bench();
    b.give({ kind: 'start' });
    const kinds = b.done.map((e) => e.kind);
    expect(kinds[0]).toBe('save');
    expect(kinds.indexOf('save')).toBeLessThan(kinds.indexOf('send'));
    expect(b.disk()).toMatchObject({ adapter: 'a1', boot: 7, held: null });
    expect(b.device()).toEqual(closedTable);
    expect(b.announces()).toMatchObject([{ instance, held: null, provisional: false, kind: 'builtin', speaks: { min: 1, max: 1 } }]);
    expect(b.hold.status).toMatchObject({ ready: false, onEmpty: 'closed', revision: null });
  });

  test('open leaves the device as it is; a device that cannot deny is open whatever was asked', () => {
    const open = bench({ onEmpty: 'open' });
    open.give({ kind: 'start' });
    expect(open.device()).toBe(null);
    const plain = bench({ capabilities: { ...capabilities, actions: ['avoid'] } });
    plain.give({ kind: 'start' });
    expect(plain.device()).toBe(null);
    expect(plain.hold.status?.onEmpty).toBe('open');
  });

  test('with a table on disk gives it to the device before anybody answers, without what is over', () => {
    const before = holding(byId([standing, leased(5_000)]));
    const b = bench({ file: before.disk(), wallMs: startMs + 6_000, instance: { ...instance, boot: 8 } });
    b.give({ kind: 'start' });
    expect(b.device()).toEqual([standing]);
    expect(b.hold.status).toMatchObject({ ready: true, revision: 3 });
    expect(b.announces()[0]?.held?.kind).toBe('snapshot');
  });

  test('a wall clock that was set back does not bring an ended entry back', () => {
    const before = holding(byId([standing, leased(2_000)]));
    before.wait(3_000);
    expect(before.device()).toEqual([standing]);
    const b = bench({ file: before.disk(), wallMs: startMs - 3_600_000, instance: { ...instance, boot: 8 } });
    b.give({ kind: 'start' });
    expect(b.device()).toEqual([standing]);
  });

  test('a device that refuses its table is asked again, and the engine is told', () => {
    const before = holding([standing]);
    const effects = startWith(before.disk());
    effects.give({ kind: 'applied', rejected: [{ id: standing.id, code: 'E-X', text: 'no' }] });
    expect(effects.hold.status).toMatchObject({ ready: false, revision: 3 });
    expect(effects.acks()).toContain('rejected');
    expect(effects.kinds(effects.at(1_100))).toContain('apply');
    effects.give({ kind: 'applied', rejected: null });
    expect(effects.hold.status).toMatchObject({ ready: true, revision: 3 });
  });
});

describe('leases', () => {
  test('end at the target, without any engine: on disk first, then out of the device', () => {
    const b = holding(byId([standing, leased(2_000)]));
    b.wait(1_950);
    expect(b.device()).toHaveLength(2);
    const from = b.done.length;
    b.wait(50);
    expect(b.device()).toEqual([standing]);
    const kinds = b.done.slice(from).map((e) => e.kind);
    expect(kinds.indexOf('save')).toBeLessThan(kinds.indexOf('apply'));
    expect(b.disk()?.ended).toEqual([{ id: leased(2_000).id, until: startMs + 2_000 }]);
    expect(b.acks().at(-1)).toMatchObject({ result: 'accepted', revision: 3, ended: [leased(2_000).id] });
  });

  test('the held table is not edited: base and hash stay, so the next diff fits', () => {
    const from = byId([standing, leased(2_000)]);
    const b = holding(from);
    b.wait(2_100);
    const renewed = byId([standing, leased(60_000)]);
    b.receive('diff', diffOf(b, 4, from, renewed));
    expect(b.device()).toEqual(renewed);
    expect(b.disk()?.ended).toHaveLength(1);
    b.wait(61_000);
    expect(b.device()).toEqual([standing]);
  });

  test('an entry that is over when it comes is never installed', () => {
    const b = holding([standing]);
    b.wait(3_000);
    const seen: number[] = [];
    for (const e of b.receive('diff', diffOf(b, 4, [standing], byId([standing, leased(1_000)]))))
      if (e.kind === 'apply') seen.push(e.table.length);
    expect(b.device()).toEqual([standing]);
    expect(b.done.flatMap((e) => (e.kind === 'apply' && e.table.some(({ id }) => id === leased(1_000).id) ? [e] : []))).toEqual([]);
  });

  test('what falls due while the file is being written is not installed either', () => {
    const h = startWith(null);
    h.answer(3, [standing]);
    const to = byId([standing, leased(1_000)]);
    h.at(900);
    h.receive('diff', diffOf(h.asBench(), 4, [standing], to));
    expect(h.last('save')?.file.ended).toEqual([]);
    h.tickTo(1_500);
    expect(h.kinds(h.give({ kind: 'saved', ok: true }))).toEqual(['save']);
    expect(h.last('save')?.file.ended).toHaveLength(1);
    h.give({ kind: 'saved', ok: true });
    expect(h.last('apply')?.table).toEqual([standing]);
  });

  test('go on ending when the disk fails, and the file follows when it can', () => {
    const h = startWith(null);
    h.answer(3, byId([standing, leased(1_000)]));
    h.at(1_100);
    expect(h.kinds(h.give({ kind: 'saved', ok: false }))).toContain('apply');
    expect(h.last('apply')?.table).toEqual([standing]);
    h.give({ kind: 'applied', rejected: null });
    expect(h.kinds(h.at(2_200))).toContain('save');
  });
});

describe('one table at a time', () => {
  test('the device is not touched before the file is written, nor anybody told before the device has switched', () => {
    const h = startWith(null);
    h.answer(3, [standing]);
    const to = byId([standing, avoid(3, null)]);
    expect(h.kinds(h.receive('diff', diffOf(h.asBench(), 4, [standing], to)))).toEqual(['save']);
    expect(h.kinds(h.give({ kind: 'saved', ok: true }))).toEqual(['apply']);
    expect(h.kinds(h.give({ kind: 'applied', rejected: null }))).toEqual(['send', 'status']);
  });

  test('messages that come meanwhile wait, in order; the sixty-fifth is asked for again', () => {
    const h = startWith(null);
    h.answer(3, [standing]);
    const tables = [1, 2, 3].map((n) => byId([standing, avoid(10 + n, null)]));
    h.receive('diff', diffOf(h.asBench(), 4, [standing], tables[0] ?? []));
    h.receive('diff', diffOf(h.asBench(), 5, tables[0] ?? [], tables[1] ?? []));
    h.finish();
    expect(h.hold.file.held?.revision).toBe(5);
    h.receive('diff', diffOf(h.asBench(), 6, tables[1] ?? [], tables[2] ?? []));
    for (let i = 0; i < 65; i++) h.receive('head', headOf(h.asBench(), 6, tables[2] ?? []));
    expect(h.reports()).toEqual(['queue-full']);
  });

  test('what cannot be written is not switched on', () => {
    const h = startWith(null);
    h.answer(3, [standing]);
    h.receive('diff', diffOf(h.asBench(), 4, [standing], []));
    expect(h.kinds(h.give({ kind: 'saved', ok: false }))).toEqual(['report']);
    expect(h.hold.file.held?.revision).toBe(3);
  });

  test('what the device refuses changes nothing: the file goes back, the engine is told why', () => {
    const h = startWith(null);
    h.answer(3, [standing]);
    h.receive('diff', diffOf(h.asBench(), 4, [standing], []));
    h.give({ kind: 'saved', ok: true });
    h.give({ kind: 'applied', rejected: [{ id: standing.id, code: 'E-X', text: 'no' }] });
    expect(h.last('save')?.file.held?.revision).toBe(3);
    h.give({ kind: 'saved', ok: true });
    expect(h.acks().at(-1)).toBe('rejected');
    expect(h.hold.file.held?.revision).toBe(3);
    // Its head does not make us ask for it again and again.
    const asked = h.announces();
    for (let t = 1_000; t < 4_000; t += 1_000) {
      h.at(t);
      h.receive('head', headOf(h.asBench(), 4, []));
    }
    expect(h.announces()).toBe(asked);
  });

  test('what the device has said it cannot do is refused before anything is written', () => {
    const b = holding([], 3, { capabilities: { ...capabilities, actions: ['deny'], entriesMax: 1 } });
    const was = b.state();
    b.receive('diff', diffOf(b, 4, [], byId([standing, avoid(2, null)])));
    expect(b.state()).toBe(was);
    expect(b.acks().at(-1)).toMatchObject({ result: 'rejected', revision: 4 });
    expect(
      b
        .acks()
        .at(-1)
        ?.entries.map((e) => e.code)
        .sort(),
    ).toEqual(['E-TABLE-FULL', 'E-UNSUPPORTED', 'E-UNSUPPORTED']);
  });
});

describe('asking', () => {
  test('backs off from half a second to five, with jitter, until it is answered', () => {
    const b = bench();
    b.give({ kind: 'start' });
    const times: number[] = [];
    for (let n = 0; n < 30_000; n += 50) {
      const count = b.announces().length;
      b.wait(50);
      if (b.announces().length > count) times.push(b.now());
    }
    const gaps = times.slice(1).map((t, i) => t - (times[i] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(500);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(5_100);
    expect(gaps.at(-1)).toBeGreaterThan(2_000);
    const nonces = b.announces().map((a) => a.nonce);
    expect(new Set(nonces).size).toBe(nonces.length);
  });

  test('again when no head comes for three seconds; the same head once more is none', () => {
    const b = holding([standing]);
    const head = headOf(b, 3, [standing]);
    b.receive('head', head);
    for (let i = 0; i < 8; i++) {
      b.wait(500);
      b.receive('head', head);
    }
    expect(b.announces().length).toBeGreaterThan(1);
  });

  test('not while heads come; each five seconds one ack says that it is there', () => {
    const b = holding([standing]);
    for (let i = 0; i < 20; i++) {
      b.wait(1_000);
      b.receive('head', headOf(b, 3, [standing]));
    }
    expect(b.announces()).toHaveLength(1);
    expect(b.acks().length).toBeGreaterThanOrEqual(4);
    expect(b.acks().length).toBeLessThanOrEqual(6);
  });

  test('when a head is newer, and when it does not name us', () => {
    const newer = holding([standing]);
    newer.wait(600);
    newer.receive('head', headOf(newer, 4, []));
    expect(newer.announces()).toHaveLength(2);
    const unknown = holding([standing]);
    unknown.receive('head', headOf(unknown, 3, [standing], { grant: null }));
    unknown.wait(1_100);
    expect(unknown.announces().length).toBeGreaterThan(1);
  });

  test('an identical diff is acked once more', () => {
    const b = holding([standing]);
    const diff = diffOf(b, 4, [standing], []);
    b.receive('diff', diff);
    b.receive('diff', diff);
    expect(b.acks().slice(-2)).toMatchObject([
      { result: 'accepted', revision: 4 },
      { result: 'accepted', revision: 4 },
    ]);
  });

  test('an engine behind us is shown what we hold', () => {
    const b = holding([standing], 9);
    b.wait(1_000);
    b.receive('head', headOf(b, 8, []));
    expect(b.acks().at(-1)).toMatchObject({ result: 'ahead', revision: 8, held: { kind: 'snapshot', key: key.keyId } });
    b.wait(1_000);
    b.receive('head', headOf(b, 9, []));
    expect(b.acks().at(-1)).toMatchObject({ result: 'fork', revision: 9 });
    expect(b.hold.file.held?.revision).toBe(9);
  });
});

describe('a stored snapshot', () => {
  const stored = (b: ReturnType<typeof bench>, issued: number) => {
    const payload = encode(snapshotOf(b, 5, [standing], { nonce: 'ab'.repeat(16), issued }));
    return { kind: 'stored', payload, key: key.keyId, signature: key.sign('snapshot', payload) } as const;
  };

  test('is taken after two seconds without an answer, provisional until there is one', () => {
    const b = bench();
    b.give({ kind: 'start' });
    b.give(stored(b, startMs - 1_000));
    b.wait(1_900);
    expect(b.hold.file.held).toBe(null);
    b.wait(150);
    expect(b.hold.status).toMatchObject({ revision: 5, provisional: true, ready: true });
    b.wait(5_000);
    expect(b.announces().at(-1)).toMatchObject({ provisional: true });
    b.receive('snapshot', snapshotOf(b, 5, [standing]));
    expect(b.hold.status).toMatchObject({ revision: 5, provisional: false });
  });

  test('is not taken when it is older than a day', () => {
    const b = bench();
    b.give({ kind: 'start' });
    b.give(stored(b, startMs - 25 * 3_600_000));
    b.wait(3_000);
    expect(b.hold.file.held).toBe(null);
    expect(b.reports()).toEqual(['stored-age']);
  });
});

describe('the grant', () => {
  test('of another adapter above our own, or our own closing, ends this instance', () => {
    const other = { adapter: 'b2', boot: 1 };
    const b = holding([standing]);
    b.receive('head', headOf(b, 3, [standing], { grant: { epoch: startMs, n: 2, instance: other } }));
    expect(b.done.at(-1)).toEqual({ kind: 'stop', reason: 'superseded' });
    b.receive('diff', diffOf(b, 4, [standing], []));
    expect(b.hold.file.held?.revision).toBe(3);
    const c = holding([standing]);
    c.receive('head', { v: 1, target, at: engineNow(c), instance }, key, 'closed');
    expect(c.done.at(-1)).toEqual({ kind: 'stop', reason: 'superseded' });
  });

  test('of our own earlier boot, or below our own, does not', () => {
    const b = holding([standing]);
    b.receive('head', headOf(b, 3, [standing], { grant: { epoch: startMs, n: 9, instance: { ...instance, boot: 6 } } }));
    b.receive('head', headOf(b, 3, [standing], { grant: { epoch: startMs - 1, n: 9, instance: { adapter: 'b2', boot: 1 } } }));
    b.receive('head', { v: 1, target, at: engineNow(b), instance: { ...instance, boot: 6 } }, key, 'closed');
    expect(b.hold.stopped).toBe(false);
  });
});

describe('the durable file', () => {
  test('is read back as it was written', () => {
    const b = holding(byId([standing, leased(500)]));
    b.receive('head', headOf(b, 3, byId([standing, leased(500)])));
    b.wait(1_000);
    const read = decodeFile(JSON.parse(JSON.stringify(b.disk())), target, key.verify);
    expect(read).toEqual({ ok: true, value: b.disk() });
  });

  const edited: { readonly [name: string]: (file: HoldFile) => unknown } = {
    'an entry that nobody signed': (file) => ({ ...file, held: { ...file.held, entries: [avoid(9, null)] } }),
    'another revision': (file) => ({ ...file, held: { ...file.held, revision: 99 } }),
    'another signature': (file) => ({ ...file, held: { ...file.held, proof: { ...file.held?.proof, signature: 'x' } } }),
    'another target': (file) => ({ ...file, target: 'side-2' }),
    'a missing field': ({ fence: _fence, ...file }) => file,
    'no object': () => [],
  };
  test.each(Object.entries(edited))('%s is refused', (_name, edit) => {
    const file = holding([standing]).disk();
    expect(file).not.toBe(null);
    if (file !== null) expect(decodeFile(edit(file), target, key.verify)).toMatchObject({ ok: false, problem: { code: 'E-HOLD-FILE' } });
  });
});

/** A hold whose disk and device answer when the test says so. */
function startWith(file: HoldFile | null) {
  let nowMs = 1_000;
  const done: Effect[] = [];
  const hold = createHold({
    target,
    instance: { ...instance, boot: instance.boot + (file === null ? 0 : 1) },
    file,
    kind: 'builtin',
    capabilities,
    sees: { services: [] },
    address: null,
    onEmpty: 'open',
    verify: key.verify,
    draw: seeded(3),
    wallMs: startMs,
    monoMs: nowMs,
  });
  const give = (input: Parameters<typeof step>[1]): readonly Effect[] => {
    const effects = step(hold, input, nowMs);
    done.push(...effects);
    return effects;
  };
  const texts = (channel: string): readonly { readonly result?: string }[] =>
    done.flatMap((e) => (e.kind === 'send' && e.channel === channel ? [JSON.parse(Buffer.from(e.payload).toString('utf8'))] : []));
  const finish = (): void => {
    for (let i = 0; i < 20 && hold.job !== null; i++)
      give(hold.job.phase === 'apply' ? { kind: 'applied', rejected: null } : { kind: 'saved', ok: true });
  };
  const receive = (channel: 'diff' | 'head' | 'snapshot', message: object): readonly Effect[] => {
    const payload = encode(message);
    return give({ kind: 'message', channel, payload, key: key.keyId, signature: key.sign(channel, payload) });
  };
  const asBench = () => ({ hold, now: () => nowMs }) as ReturnType<typeof bench>;
  give({ kind: 'start' });
  give({ kind: 'saved', ok: true });
  return {
    hold,
    give,
    finish,
    receive,
    asBench,
    /** The engine's answer to the announce at the start, with our own instance. */
    answer: (revision: number, entries: HoldFile['older'][number]['entries']): void => {
      receive('snapshot', snapshotOf(asBench(), revision, entries));
      finish();
    },
    /** A tick at so many ms after the start. */
    at: (ms: number): readonly Effect[] => {
      nowMs = 1_000 + ms;
      return give({ kind: 'tick' });
    },
    tickTo: (ms: number): void => {
      nowMs = 1_000 + ms;
    },
    kinds: (effects: readonly Effect[]) => effects.map((e) => e.kind),
    last: <K extends Effect['kind']>(kind: K) => done.filter((e): e is Extract<Effect, { kind: K }> => e.kind === kind).at(-1),
    acks: () => texts('ack').map(({ result }) => result),
    announces: () => texts('announce').length,
    reports: () => done.flatMap((e) => (e.kind === 'report' ? [e.reason] : [])),
  };
}

test('a device that sees others than it announced says so, once', () => {
  const b = holding([standing]);
  const before = b.announces().length;
  b.wait(2_000);
  expect(b.announces().length).toBe(before);
  const sees = { services: ['checkout'], instances: [{ service: 'checkout', instance: 'c9', address: '10.0.0.9', port: 80, ready: true }] };
  b.give({ kind: 'sees', sees });
  b.wait(100);
  expect(b.announces().length).toBe(before + 1);
  expect(b.announces().at(-1)).toMatchObject({ sees, held: { kind: 'snapshot' } });
});
