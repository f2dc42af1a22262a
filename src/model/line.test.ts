import { describe, expect, test } from 'vitest';
import { generator } from '../../test/replay/seeded.ts';
import type { Random } from '../../test/replay/seeded.ts';
import { formatLine, lineBytesMax, parseLine } from './line.ts';
import type { Line } from './record.ts';
import { attributes } from './schema.ts';

const at = '2026-01-01T00:00:00Z';
const atNs = 1_767_225_600_000_000_000n;

function read(json: object | string): Line {
  const line = parseLine(typeof json === 'string' ? json : JSON.stringify(json));
  if (!line.ok) throw new Error(line.problem.what);
  return line.value;
}

function why(json: unknown): string {
  const line = parseLine(typeof json === 'string' ? json : JSON.stringify(json));
  expect(line.ok).toBe(false);
  return line.ok ? '' : `${line.problem.code} ${line.problem.what}`;
}

describe('a record', () => {
  test('everything that it can say', () => {
    const line = read({
      stream: 'rpc',
      time: '2026-01-01T01:00:00.000000001+01:00',
      source: { service: 'web', address: '2001:DB8::0:1', port: 443, labels: { a: 'b', gone: null } },
      destination: { instance: '' },
      reporter: { side: 'transit', target: 't' },
      rpc: { event: 'periodic' },
      request: { method: 'GET', size: 0, attempt: 2, headers: { 'x-tenant': 't' } },
      response: { code: 200, grpc_status: 0, flags: [], duration: '12.5ms', failed: true },
      applied: ['r@1'],
    });
    expect(line).toEqual({
      stream: 'rpc',
      time: atNs + 1n,
      source: { service: 'web', address: '2001:db8::1', port: 443, labels: new Map([['a', 'b']]) },
      destination: { instance: '' },
      reporter: { side: 'transit', target: 't' },
      rpc: { event: 'periodic' },
      request: { method: 'GET', size: 0, attempt: 2, headers: new Map([['x-tenant', 't']]) },
      response: { code: 200, grpc_status: 0, flags: [], duration: 12_500_000n, failed: true },
      applied: ['r@1'],
    });
  });

  test('what is always there is, null is absent, unknown names are ignored', () => {
    const empty = { source: {}, destination: {}, reporter: {}, rpc: {}, request: {}, response: {}, applied: [] };
    expect(read({ stream: 'rpc', time: at })).toEqual({ stream: 'rpc', time: atNs, ...empty });
    expect(read({ stream: 'rpc', time: at, source: null, request: { size: null, new: 1 }, applied: null, x: {} })).toEqual({
      stream: 'rpc',
      time: atNs,
      ...empty,
    });
    expect(read({ stream: 'flow', time: at })).toEqual({ stream: 'flow', time: atNs, source: {}, destination: {}, reporter: {}, flow: {} });
  });

  test('names of the language itself are harmless', () => {
    const line = read(
      `{"stream":"rpc","time":"${at}","__proto__":{"stream":"tick"},"request":{"__proto__":{"size":"x"},"constructor":1,"headers":{"__proto__":"h","toString":"s"}}}`,
    );
    expect(line).toMatchObject({ request: { headers: new Map([['__proto__', 'h'], ['toString', 's']]) } }); // prettier-ignore
    expect(read(formatLine(line))).toEqual(line);
  });

  test('addresses become canonical', () => {
    const address = (text: string): unknown => {
      const line = read({ stream: 'flow', time: at, source: { address: text } });
      return line.stream === 'flow' ? line.source.address : null;
    };
    expect(address('10.0.0.1')).toBe('10.0.0.1');
    expect(address('2001:0DB8:0:0:0:0:0:0001')).toBe('2001:db8::1');
    expect(address('::FFFF:10.0.0.1')).toBe('::ffff:10.0.0.1');
    for (const bad of ['10.0.0.256', '10.0.0', 'host', '', '1::2::3', 'fe80::1%eth0', '::ffff:1.2.3'])
      expect(why({ stream: 'flow', time: at, source: { address: bad } })).toContain('E-LINE source.address is');
  });

  test.each([
    ['1ns', 1n],
    ['0.5ns', 1n],
    ['-0.5ns', -1n],
    ['0.4ns', 0n],
    ['12.5ms', 12_500_000n],
    ['1h30m', 5_400_000_000_000n],
    ['1.5us', 1_500n],
    ['1.5µs', 1_500n],
    ['7d', 604_800_000_000_000n],
    ['0', 0n],
    ['.5s', 500_000_000n],
    ['9223372036854775807ns', 2n ** 63n - 1n],
  ])('the duration %s', (text, ns) => {
    expect(read({ stream: 'rpc', time: at, response: { duration: text } })).toMatchObject({ response: { duration: ns } });
  });
});

test('source lines name both streams unless they say which', () => {
  expect(read({ stream: 'source', source: 's', state: 'stale', time: at })).toEqual({
    stream: 'source',
    source: 's',
    state: 'stale',
    time: atNs,
    streams: ['rpc', 'flow'],
  });
  expect(read({ stream: 'source', source: 's', state: 'live', time: at, streams: ['flow', 'flow'] })).toMatchObject({ streams: ['flow'] });
});

describe('what is not a record', () => {
  test.each([
    ['', 'is not JSON'],
    ['{', 'is not JSON'],
    ['[]', 'is [], not an object'],
    ['null', 'is null, not an object'],
    [{ stream: 'rpc' }, 'time is absent'],
    [{ time: at }, 'stream is absent'],
    [{ stream: 'metric', time: at }, 'stream is "metric"'],
    [{ stream: 'rpc', time: 5 }, 'time is 5'],
    [{ stream: 'rpc', time: '2026-01-01T00:00:00' }, 'time is'],
    [{ stream: 'rpc', time: '2026-02-29T00:00:00Z' }, 'time is'],
    [{ stream: 'rpc', time: '2026-01-01T24:00:00Z' }, 'time is'],
    [{ stream: 'rpc', time: '2026-01-01T00:00:60Z' }, 'time is'],
    [{ stream: 'rpc', time: '2026-01-01T00:00:00.0000000001Z' }, 'time is'],
    [{ stream: 'rpc', time: '0000-12-31T23:59:59Z' }, 'time is'],
    [{ stream: 'rpc', time: at, source: 'web' }, 'source is "web", not an object'],
    [{ stream: 'rpc', time: at, source: { port: '443' } }, 'source.port is "443", not a whole number'],
    [{ stream: 'rpc', time: at, source: { port: 65_536 } }, 'source.port is 65536'],
    [{ stream: 'rpc', time: at, request: { size: 1.5 } }, 'request.size is 1.5'],
    ['{"stream":"rpc","time":"2026-01-01T00:00:00Z","request":{"size":9007199254740993}}', 'request.size is'],
    [{ stream: 'rpc', time: at, request: { method: 5 } }, 'request.method is 5, not text'],
    [{ stream: 'rpc', time: at, request: { headers: { a: 1 } } }, 'request.headers["a"] is 1'],
    [{ stream: 'rpc', time: at, request: { headers: [] } }, 'request.headers is []'],
    [{ stream: 'rpc', time: at, response: { duration: 12.5 } }, 'response.duration is 12.5'],
    [{ stream: 'rpc', time: at, response: { duration: '12.5' } }, 'response.duration is "12.5"'],
    [{ stream: 'rpc', time: at, response: { duration: '300y' } }, 'response.duration is'],
    [{ stream: 'rpc', time: at, response: { duration: '9223372036854775808ns' } }, 'response.duration is'],
    [{ stream: 'rpc', time: at, response: { failed: 'true' } }, 'response.failed is "true"'],
    [{ stream: 'rpc', time: at, response: { flags: 'UF' } }, 'response.flags is "UF", not a list'],
    [{ stream: 'rpc', time: at, reporter: { side: 'client' } }, 'reporter.side is "client"'],
    [{ stream: 'rpc', time: at, rpc: { event: 'start' } }, 'rpc.event is "start"'],
    [{ stream: 'rpc', time: at, applied: 'r@1' }, 'applied is "r@1"'],
    [{ stream: 'source', time: at, source: 's', state: 'dead' }, 'state is "dead"'],
    [{ stream: 'source', time: at, source: {}, state: 'live' }, 'source is {}'],
    [{ stream: 'source', time: at, source: 's', state: 'live', streams: ['tick'] }, 'streams has "tick"'],
    [{ stream: 'rpc', time: at, request: { path: 'x'.repeat(lineBytesMax) } }, 'is longer than 65536 bytes'],
    [{ stream: 'rpc', time: at, request: { path: 'é'.repeat(lineBytesMax / 2) } }, 'is longer than 65536 bytes'],
    ['['.repeat(60_000), 'is not JSON'],
  ] as const)('%j', (json, reason) => {
    expect(why(json)).toContain(`E-LINE ${reason}`);
  });

  test('64 KiB are allowed', () => {
    const rest = JSON.stringify({ stream: 'rpc', time: at, request: { path: '' } }).length;
    read({ stream: 'rpc', time: at, request: { path: 'x'.repeat(lineBytesMax - rest) } });
  });
});

describe('canonical lines', () => {
  test('their form', () => {
    expect(formatLine({ stream: 'tick', time: atNs + 250_000_000n })).toBe('{"stream":"tick","time":"2026-01-01T00:00:00.25Z"}');
    const line = read({
      applied: [],
      response: { failed: false, duration: '1500us', code: 200 },
      time: at,
      source: { labels: { b: '1', a: '2' }, service: 's' },
      stream: 'rpc',
    });
    expect(formatLine(line)).toBe(
      `{"stream":"rpc","time":"${at}","source":{"service":"s","labels":{"a":"2","b":"1"}},"response":{"code":200,"duration":"1.5ms","failed":false}}`,
    );
  });

  test.each([1, 2, 3, 4, 5])('format ∘ parse is the identity on them, parse ∘ format on lines (seed %i)', (seed) => {
    const random = generator(seed);
    for (let i = 0; i < 300; i++) {
      const line = read(randomLine(random));
      const text = formatLine(line);
      expect(read(text)).toEqual(line);
      expect(formatLine(read(text))).toBe(text);
    }
  });
});

/** A line of random attributes of the schema, in random order. */
function randomLine(random: Random): object {
  const time = new Date(Date.UTC(2026, 0, 1) + random.below(1e9)).toISOString().replace('Z', `${random.below(1e6)}Z`.padStart(7, '0'));
  const kind = random.below(6);
  if (kind === 0) return { stream: 'tick', time };
  if (kind === 1)
    return {
      stream: 'source',
      time,
      source: random.pick(['a', 'é']),
      state: random.pick(['live', 'stale']),
      streams: random.pick([['rpc'], ['flow'], ['flow', 'rpc'], []]),
    };
  const stream = random.pick(['rpc', 'flow'] as const);
  const line: Record<string, unknown> = { stream, time };
  const mine = attributes.filter((a) => a.streams.includes(stream) && a.path !== 'time' && random.chance(0.4));
  for (const { path, type } of mine.sort(() => random.next() - 0.5)) {
    const [root = '', field] = path.split('.');
    if (field === undefined) line[root] = ['x@1'];
    else ((line[root] ??= {}) as Record<string, unknown>)[field] = randomValue(random, path, type);
  }
  return line;
}

function randomValue(random: Random, path: string, type: string): unknown {
  if (path === 'reporter.side') return random.pick(['source', 'destination', 'transit']);
  if (path === 'rpc.event') return random.pick(['end', 'periodic']);
  if (path.endsWith('.address')) return random.pick(['10.0.0.1', '::', 'FE80::1', '::ffff:1.2.3.4', '1:0:0:2:0:0:0:3']);
  if (type === 'int') return path.endsWith('.port') ? random.below(65_536) : random.pick([0, 1, -1, 14, 503, 2 ** 53 - 1]);
  if (type === 'bool') return random.chance(0.5);
  if (type === 'duration') return random.pick(['0s', '12.5ms', '1h', '0.000000001s', '-3s', '100d', '123456789ns']);
  if (type === 'list(string)') return random.pick([[], ['UF'], ['a', '']]);
  if (type === 'map(string, string)') return random.pick([{}, { b: '1', a: '' }, { '10': 'x', '9': 'y', __proto__x: '' }]);
  return random.pick(['', 'x', '"\\\n', 'é😀', '\ud800']);
}
