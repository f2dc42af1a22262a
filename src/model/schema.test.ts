import { expect, test } from 'vitest';
import { attributeOf } from './facts.ts';
import { attributeAt, attributes } from './schema.ts';

test('each path once, and found by it', () => {
  expect(new Set(attributes.map(({ path }) => path)).size).toBe(attributes.length);
  for (const attribute of attributes) expect(attributeAt(attribute.path)).toBe(attribute);
  expect(attributeAt('__proto__')).toBe(undefined);
  expect(attributeAt('source')).toBe(undefined);
});

test('what a match may name is what the interpreter can read before the fact', () => {
  const matchable = attributes.filter(({ before }) => before.length > 0);
  expect(matchable.filter(({ path }) => attributeOf(path) === undefined)).toEqual([]);
  expect(matchable.length).toBeGreaterThan(25);
});

test.each([
  ['rpc', ['source.principal', 'destination.service', 'destination.namespace', 'request.attempt', 'request.headers'], true],
  [
    'rpc',
    ['response.code', 'destination.instance', 'destination.version', 'request.size', 'reporter.side', 'time', 'applied', 'rpc.event'],
    false,
  ],
  ['flow', ['source.address', 'destination.instance', 'destination.port', 'flow.protocol', 'flow.dscp', 'flow.tcp_flags'], true],
  ['flow', ['flow.bytes', 'flow.rtt', 'flow.failed', 'reporter.side', 'time'], false],
] as const)('before the fact, %s: %j is %s', (stream, paths, known) => {
  for (const path of paths) expect([path, attributeAt(path)?.before.includes(stream)]).toEqual([path, known]);
});
