import { describe, expect, test } from 'vitest';
import { partsOf } from '../../src/core/plan/entries.ts';
import { compileRule } from '../../src/core/rule/compile.ts';
import { readRule } from '../../src/core/rule/read.ts';
import type { Value } from '../../src/model/rule.ts';
import { intentOf } from './make.ts';

/** From the text of a rule, through its type checker, to entries. */
function entriesFrom(text: string, key: Readonly<Record<string, Value>>, values: Readonly<Record<string, Value>> = {}) {
  const rule = readRule(text, 'rule.yaml');
  if (!rule.ok) throw new Error(rule.problem.map(({ what }) => what).join('\n'));
  const compiled = compileRule(rule.value, 7, 'rule.yaml');
  if (!compiled.ok) throw new Error(compiled.problem.map(({ what }) => what).join('\n'));
  const intent = intentOf(
    compiled.value,
    compiled.value.actions.map(({ action }) => ({ match: '', action, values })),
    { key },
  );
  const { parts, problems } = partsOf(intent, compiled.value, 60_000);
  expect(problems).toEqual([]);
  return parts.flatMap(({ entries }) => entries);
}

const head = (name: string): string => `rule: ${name}\nwhy: a test\nowner: sre\n`;

describe('rules as people write them', () => {
  test('the default match leaves out what no engine knows before the fact', () => {
    const text = `${head('gray')}over: rpc\nby: [destination.service, destination.instance]\nwhen: p99(response.duration) > d("1s")\nthen:\n  - avoid: {instance: key.destination.instance}\n`;
    const [entry, ...rest] = entriesFrom(text, { 'destination.service': 'checkout', 'destination.instance': 'c3' }, { value: 'c3' });
    expect(rest).toEqual([]);
    expect(entry).toMatchObject({
      match: { 'destination.service': [{ in: ['checkout'] }] },
      action: { kind: 'avoid', on: 'instance', value: 'c3', ppm: 990_000, floorPpm: 600_000 },
      owner: { rule: 'gray', revision: 7, key: '{"destination.service":"checkout","destination.instance":"c3"}' },
    });
  });
  test('a column of CEL, a header and a number in the key', () => {
    const by = `by: {tenant: 'request.headers["x-tenant"]', big: 'request.attempt > 1', port: source.port, kind: 'request.path.startsWith("/api") ? "api" : "page"'}`;
    const text = `${head('many')}over: rpc\n${by}\nwhen: count() > 5\nthen:\n  - limit: {rate: 5/s}\n`;
    const [entry] = entriesFrom(text, { tenant: 'acme', big: true, port: 443, kind: 'page' }, { rate: 5 });
    expect(entry?.match).toEqual({
      'request.attempt': [{ range: [2, Number.MAX_SAFE_INTEGER] }],
      'request.headers["x-tenant"]': [{ in: ['acme'] }],
      'request.path': [{ not: true, prefix: '/api' }],
      'source.port': [{ in: [443] }],
    });
  });
  test('an attribute column that is a header', () => {
    const text = `${head('header')}over: rpc\nby: ['request.headers["x-tenant"]']\nwhen: count() > 5\nthen:\n  - deny: {}\n`;
    const [entry] = entriesFrom(text, { 'request.headers["x-tenant"]': 'acme' });
    expect(entry?.match).toEqual({ 'request.headers["x-tenant"]': [{ in: ['acme'] }] });
  });
  test('ddos-subnet: the subnet of the key', () => {
    const by = `where: 'reporter.side == "transit" && !cidr("10.0.0.0/8").containsIP(source.address)'\nby: {net: 'subnet(source.address, 24, 48)'}`;
    const rest = `every: 1s\nwhen: rate(flow.packets) > 50000.0\nthen:\n  - deny: {match: cidr(key.net).containsIP(source.address)}\n  - deny: {}\n`;
    const [own, byDefault] = entriesFrom(`${head('ddos')}over: flow\n${by}\n${rest}`, { net: '192.0.2.0/24' });
    expect(own?.match).toEqual({ 'source.address': [{ cidr: '192.0.2.0/24' }] });
    expect(byDefault?.match).toEqual({ 'source.address': [{ cidr: '192.0.2.0/24' }] });
  });
  test('retry-storm', () => {
    const match = `'destination.service == key.destination.service && request.attempt > 1'`;
    const text = `${head('retry')}over: rpc\nby: [destination.service]\nwhen: count() > 5\nthen:\n  - deny: {match: ${match}, percent: 90, status: 503, grpc_status: UNAVAILABLE}\n`;
    expect(entriesFrom(text, { 'destination.service': 'checkout' })).toMatchObject([
      { match: { 'destination.service': [{ in: ['checkout'] }] }, action: { kind: 'deny', ppm: 900_000, status: 503, grpcStatus: 14 } },
    ]);
  });
  test('error-burst: a standing split', () => {
    const text = `${head('burst')}then:\n  - split: {match: 'destination.service == "checkout"', on: version, weights: {v1: rest, v2: 5}}\n`;
    expect(entriesFrom(text, {})).toMatchObject([
      { stage: 'steer', action: { kind: 'split', on: 'version', ppm: { v1: 950_000, v2: 50_000 }, sticky: null } },
    ]);
  });
});
