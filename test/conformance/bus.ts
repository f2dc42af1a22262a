import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestContext } from 'vitest';
import type { Bus, BusMessage } from '../../src/ports/bus.ts';
import { cannot, seeded, until } from './tools.ts';

/** A real bus under test: its server, and clients of it. */
export type BusHarness = {
  readonly connect: () => Promise<Bus>;
  /** Stops the server; clients stay. */
  readonly down: () => Promise<void>;
  /** Starts it again where it was. */
  readonly up: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

const text = (message: BusMessage): string => Buffer.from(message.payload).toString();
const message = (subject: string, payload: string | Uint8Array = '', headers: Readonly<Record<string, string>> = {}): BusMessage => ({
  subject,
  payload: typeof payload === 'string' ? Buffer.from(payload) : payload,
  headers,
});

/** What the Bus port promises, checked on any implementation. `start` answers a reason when it cannot run here. */
export function busConformance(name: string, start: () => Promise<BusHarness | string>): void {
  describe(`bus: ${name}`, () => {
    let harness: BusHarness | string = 'not started';
    const open: Bus[] = [];
    beforeAll(async () => {
      harness = await start();
    });
    afterAll(async () => {
      await Promise.all(open.map((bus) => bus.close()));
      if (typeof harness !== 'string') await harness.stop();
    });
    const check = (what: string, run: (harness: BusHarness, connect: () => Promise<Bus>) => Promise<void>): void => {
      test(what, async (context: TestContext) => {
        const ready = harness;
        if (typeof ready === 'string') return cannot(context, ready);
        await run(ready, async () => {
          const bus = await ready.connect();
          open.push(bus);
          await until('connected', () => bus.state().connected);
          return bus;
        });
      });
    };

    check('messages of each publisher arrive once and in order', async (_, connect) => {
      const [a, b, reader] = [await connect(), await connect(), await connect()];
      const got: Record<string, number[]> = { a: [], b: [] };
      reader.subscribe('order.*', (m) => got[m.subject.slice(6)]?.push(Number(text(m).trim())));
      await reader.flush();
      const random = seeded(1);
      for (let i = 0; i < 500; i++) {
        a.publish(message('order.a', String(i).padEnd(1 + random.below(3_000))));
        b.publish(message('order.b', String(i).padEnd(1 + random.below(3_000))));
        if (random.below(50) === 0) await a.flush();
      }
      await until('all arrived', () => got['a']?.length === 500 && got['b']?.length === 500);
      const wanted = Array.from({ length: 500 }, (_x, i) => i);
      expect(got).toEqual({ a: wanted, b: wanted });
    });

    check('patterns match as NATS says', async (_, connect) => {
      const [sender, reader] = [await connect(), await connect()];
      const random = seeded(2);
      const tokens = (any: readonly string[]): string => Array.from({ length: 1 + random.below(4) }, () => random.pick(any)).join('.');
      const patterns = [...new Set(Array.from({ length: 60 }, () => `w.${tokens(['a', 'b', '*'])}${random.below(3) === 0 ? '.>' : ''}`))];
      const subjects = [...new Set(Array.from({ length: 60 }, () => `w.${tokens(['a', 'b', 'c-1'])}`))];
      const got = new Set<string>();
      for (const pattern of patterns) reader.subscribe(pattern, (m) => got.add(`${pattern} ${m.subject}`));
      let end = false;
      reader.subscribe('w-end', () => (end = true));
      await reader.flush();
      for (const subject of subjects) sender.publish(message(subject));
      sender.publish(message('w-end'));
      await until('the last arrived', () => end);
      const wanted = patterns.flatMap((p) => subjects.filter((s) => oracle(p.split('.'), s.split('.'))).map((s) => `${p} ${s}`));
      expect([...got].sort()).toEqual(wanted.sort());
    });

    check('payload and headers come as they were sent, up to 512 KiB', async (_, connect) => {
      const [sender, reader] = [await connect(), await connect()];
      const random = seeded(3);
      const sent = [0, 1, 255, 70_000, 512 * 1024].map((size) =>
        message('same.x', random.bytes(size), { 'Flyball-Key': 'ab12', 'Flyball-Sig': 'a:b c==', 'x-lower': '' }),
      );
      const got: BusMessage[] = [];
      reader.subscribe('same.>', (m) => got.push(m));
      await reader.flush();
      for (const m of sent) sender.publish(m);
      await until('all arrived', () => got.length === sent.length);
      for (const [i, m] of sent.entries()) {
        expect(Buffer.from(got[i]?.payload ?? []).equals(Buffer.from(m.payload))).toBe(true);
        expect(got[i]?.headers).toEqual(m.headers);
      }
      expect(sender.state().dropped).toBe(0);
    });

    check('a payload may be changed after it was published, and by whoever received it', async (_, connect) => {
      const [sender, reader] = [await connect(), await connect()];
      const got: string[] = [];
      reader.subscribe('mine', (m) => {
        got.push(text(m));
        m.payload.fill(88);
      });
      await reader.flush();
      const payload = Buffer.from('one');
      sender.publish(message('mine', payload));
      payload.write('two');
      sender.publish(message('mine', payload));
      payload.fill(0);
      await until('both arrived', () => got.length === 2);
      expect(got).toEqual(['one', 'two']);
    });

    check('what cannot be sent is dropped and counted, and nothing throws', async (_, connect) => {
      const [sender, reader] = [await connect(), await connect()];
      const got: string[] = [];
      reader.subscribe('>', (m) => m.subject.startsWith('bad') && got.push(m.subject));
      await reader.flush();
      const bad = [
        message('bad.big', new Uint8Array(512 * 1024 + 1)),
        ...[
          '',
          'bad..x',
          '.bad',
          'bad.',
          'bad.*',
          'bad.>',
          'bad x',
          'bad\r\nPUB bad.injected 0\r\n',
          'bad.\u00e9',
          `bad.${'x'.repeat(300)}`,
        ].map((s) => message(s)),
        message('bad.header', '', { 'a b': 'x' }),
        message('bad.header', '', { a: 'x\r\nb: y' }),
        message('bad.header', '', { a: ' x' }),
      ];
      for (const m of bad) sender.publish(m);
      sender.publish(message('bad.good'));
      await until('the good one arrived', () => got.includes('bad.good'));
      expect(got).toEqual(['bad.good']);
      expect(sender.state()).toEqual({ connected: true, dropped: bad.length });
    });

    check('each subscription is its own', async (_, connect) => {
      const [sender, reader] = [await connect(), await connect()];
      const got: string[] = [];
      const handler = (m: BusMessage): void => void got.push(text(m));
      const first = reader.subscribe('own.a', handler);
      const second = reader.subscribe('own.a', handler);
      reader.subscribe('own.*', handler);
      await reader.flush();
      const send = async (what: string): Promise<void> => {
        sender.publish(message('own.a', what));
        await sender.flush();
        await until(`${what} arrived`, () => got.includes(what));
        await reader.flush();
      };
      await send('three');
      first();
      first();
      await reader.flush();
      await send('two');
      second();
      await reader.flush();
      await send('one');
      expect(got).toEqual(['three', 'three', 'three', 'two', 'two', 'one']);
    });

    check('a publisher hears itself, and never inside publish', async (_, connect) => {
      const bus = await connect();
      let inside = false;
      let heard = 0;
      bus.subscribe('self', () => {
        expect(inside).toBe(false);
        heard++;
      });
      await bus.flush();
      inside = true;
      bus.publish(message('self'));
      inside = false;
      await until('heard', () => heard === 1);
    });

    check('after a restart of the server everything goes on by itself, and nothing old is sent', async ({ down, up }, connect) => {
      const [sender, reader] = [await connect(), await connect()];
      const got: string[] = [];
      const seen: boolean[] = [];
      sender.watch((state) => seen.push(state.connected));
      const unwatch = reader.watch(() => seen.push(true));
      unwatch();
      reader.subscribe('again.*', (m) => got.push(text(m)));
      await reader.flush();
      sender.publish(message('again.x', 'before'));
      await until('the first arrived', () => got.length === 1);
      // At the moment of the loss: where somebody starts the server again, it may be back very soon.
      let flushed: Promise<unknown> = Promise.resolve();
      const once = sender.watch(() => {
        once();
        sender.publish(message('again.x', 'lost'));
        sender.publish(message('again.x', 'lost'));
        flushed = expect(sender.flush()).rejects.toThrow();
        // Subscribed while away: in force once it is back.
        reader.subscribe('later', (m) => got.push(text(m)));
      });
      await down();
      await until('the loss was noticed', () => seen.includes(false));
      await up();
      await until('both are back', () => sender.state().connected && reader.state().connected && seen.includes(true));
      await flushed;
      expect(sender.state().dropped).toBe(2);
      await reader.flush();
      sender.publish(message('again.x', 'after'));
      sender.publish(message('later', 'later'));
      await until('all arrived', () => got.length === 3);
      expect(got).toEqual(['before', 'after', 'later']);
      expect(seen).toEqual([false, true]);
    });

    check('closing twice is closing once; a closed bus is quiet', async (_, connect) => {
      const [bus, reader] = [await connect(), await connect()];
      let last = 0;
      reader.subscribe('closing', () => last++);
      await reader.flush();
      bus.publish(message('closing'));
      await Promise.all([bus.close(), bus.close()]);
      await bus.close();
      await until('what was published before arrived', () => last === 1);
      bus.publish(message('closing'));
      expect(bus.state()).toEqual({ connected: false, dropped: 1 });
      await expect(bus.flush()).rejects.toThrow();
    });
  });
}

/** NATS's documentation, word for word and written apart from the code. */
function oracle(pattern: readonly string[], subject: readonly string[]): boolean {
  const [p, ...patternRest] = pattern;
  const [s, ...subjectRest] = subject;
  if (p === undefined || s === undefined) return p === s;
  if (p === '>') return true;
  return (p === '*' || p === s) && oracle(patternRest, subjectRest);
}
