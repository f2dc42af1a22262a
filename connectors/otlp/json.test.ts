import { expect, test } from 'vitest';
import { parseLine } from '../../src/model/line.ts';
import { decodeTraces } from './json.ts';

const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
const int = (key: string, intValue: string) => ({ key, value: { intValue } });

const span = (of: Record<string, unknown>) => ({
  traceId: '5b8efff798038103d269b633813fc60c',
  spanId: 'eee19b7ec3c1b174',
  startTimeUnixNano: '1767225600000000000',
  endTimeUnixNano: '1767225600012500001',
  ...of,
});
const request = (...spans: readonly unknown[]): string =>
  JSON.stringify({
    resourceSpans: [
      {
        resource: {
          attributes: [
            text('service.name', 'checkout'),
            text('service.version', 'v2'),
            text('service.instance.id', 'c3'),
            text('cloud.availability_zone', 'z1'),
          ],
        },
        scopeSpans: [{ scope: { name: 'http' }, spans }],
      },
    ],
  });

const records = (line: string): readonly unknown[] =>
  (decodeTraces(line)?.lines ?? []).map((one) => {
    const read = parseLine(one);
    return read.ok ? read.value : read.problem;
  });

test('a server span is what the destination reports', () => {
  const server = span({
    kind: 2,
    parentSpanId: 'aaaa',
    attributes: [
      text('http.request.method', 'POST'),
      text('url.path', '/pay'),
      text('http.route', '/pay'),
      int('http.response.status_code', '503'),
      text('client.address', '10.0.0.7'),
      int('http.request.resend_count', '1'),
      { key: 'http.request.header.x-tenant', value: { arrayValue: { values: [{ stringValue: 'blue' }] } } },
    ],
  });
  const [record] = records(request(server));
  expect(record).toMatchObject({
    stream: 'rpc',
    time: 1767225600012500001n,
    source: { address: '10.0.0.7' },
    destination: { service: 'checkout', version: 'v2', instance: 'c3', zone: 'z1' },
    reporter: { side: 'destination' },
    request: { id: 'aaaa', method: 'POST', path: '/pay', route: '/pay', attempt: 2, protocol: 'http' },
    response: { code: 503, duration: 12_500_001n, failed: true },
  });
  expect((record as { request: { headers: ReadonlyMap<string, string> } }).request.headers.get('x-tenant')).toBe('blue');
});

test('a client span is what the source reports, by older names too, and of gRPC', () => {
  const [old, grpc] = records(
    request(
      span({
        kind: 'SPAN_KIND_CLIENT',
        attributes: [
          text('http.method', 'GET'),
          text('http.target', '/a?b=c'),
          text('net.peer.name', 'payments'),
          int('http.status_code', '200'),
        ],
      }),
      span({
        kind: 3,
        endTimeUnixNano: '1767225600900000000',
        attributes: [
          text('rpc.system', 'grpc'),
          text('rpc.service', 'shop.v1.Pay'),
          text('rpc.method', 'Charge'),
          text('peer.service', 'payments'),
          int('rpc.grpc.status_code', '14'),
        ],
      }),
    ),
  );
  expect(old).toMatchObject({
    source: { service: 'checkout' },
    destination: { service: 'payments' },
    reporter: { side: 'source' },
    request: { id: 'eee19b7ec3c1b174', path: '/a' },
    response: { code: 200, failed: false },
  });
  expect(grpc).toMatchObject({ request: { protocol: 'grpc', path: '/shop.v1.Pay/Charge' }, response: { grpc_status: 14, failed: true } });
});

test('what says no code has the status of its span; in order of their ends; what is no request is passed over', () => {
  const decoded = decodeTraces(
    request(
      span({ kind: 2, status: { code: 2 } }),
      span({ kind: 2, endTimeUnixNano: '1767225600000000001' }),
      span({ kind: 1 }),
      span({ kind: 2, endTimeUnixNano: '1' }),
      null,
    ),
  );
  expect(decoded?.passedOver).toBe(3);
  const failed = (decoded?.lines ?? []).map((line) => (JSON.parse(line) as { response: { failed: boolean } }).response.failed);
  expect(failed).toEqual([false, true]);
});

test.each([
  '',
  'x',
  '[]',
  'null',
  '{}',
  '{"resourceSpans":1}',
  '{"resourceSpans":[1,null,{"scopeSpans":[{"spans":[[]]}]}]}',
  '{"__proto__":{"resourceSpans":[]}}',
])('%j is no export, or one without requests', (line) => expect(decodeTraces(line)?.lines ?? []).toEqual([]));
