import { isIP } from 'node:net';
import { numbers, ofClient, ofRequest, ofResource, ofResponse, ofServer } from './attributes.ts';
import type { Named } from './attributes.ts';

/** Spans of one line; more are left out, and said. */
const spansMax = 100_000;
const server = 2;
const client = 3;

/** What one line of OTLP JSON holds: records as JSON lines, in order of their end, and how many spans are no requests. */
export type Decoded = { readonly lines: readonly string[]; readonly passedOver: number };

/**
 * An ExportTraceServiceRequest in the JSON encoding of OTLP (opentelemetry-proto, docs/specification.md): each server's span becomes what the
 * destination reports, each client's what the source does. null: the text is none. Never throws.
 */
export function decodeTraces(text: string): Decoded | null {
  const all = listIn(parsed(text), 'resourceSpans');
  if (all === null) return null;
  const records: { readonly end: bigint; readonly line: string }[] = [];
  let passedOver = 0;
  for (const resourceSpans of all) {
    const resource = attributesOf(fieldOf(fieldOf(resourceSpans, 'resource'), 'attributes'));
    for (const scope of listIn(resourceSpans, 'scopeSpans') ?? [])
      for (const span of listIn(scope, 'spans') ?? []) {
        const record = records.length < spansMax ? recordOf(span, resource) : null;
        if (record === null) passedOver++;
        else records.push(record);
      }
  }
  records.sort((a, b) => (a.end < b.end ? -1 : a.end > b.end ? 1 : 0));
  return { lines: records.map(({ line }) => line), passedOver };
}

type Attributes = ReadonlyMap<string, string | number | boolean>;

/** null: the span is no request, or has no times. */
function recordOf(span: unknown, resource: Attributes): { readonly end: bigint; readonly line: string } | null {
  const kind = fieldOf(span, 'kind');
  const [start, end] = [nanos(fieldOf(span, 'startTimeUnixNano')), nanos(fieldOf(span, 'endTimeUnixNano'))];
  const isServer = kind === server || kind === 'SPAN_KIND_SERVER';
  if (start === null || end === null || end < start || !(isServer || kind === client || kind === 'SPAN_KIND_CLIENT')) return null;
  const own = attributesOf(fieldOf(span, 'attributes'));
  const peer = named(isServer ? ofClient : ofServer, own);
  const line = {
    stream: 'rpc',
    time: timeText(end),
    [isServer ? 'destination' : 'source']: named(ofResource, resource),
    [isServer ? 'source' : 'destination']:
      'address' in peer && isIP(String(peer['address'])) === 0 ? { ...peer, address: undefined } : peer,
    reporter: { side: isServer ? 'destination' : 'source' },
    rpc: { event: 'end' },
    request: requestOf(span, own, isServer),
    response: { ...named(ofResponse, own), duration: `${end - start}ns`, ...failedOf(span, own) },
  };
  return { end, line: JSON.stringify(line) };
}

function requestOf(span: unknown, own: Attributes, isServer: boolean): Record<string, unknown> {
  const request = named(ofRequest, own);
  const rpc = own.has('rpc.method') ? `/${own.get('rpc.service') ?? ''}/${own.get('rpc.method') ?? ''}`.replace('//', '/') : undefined;
  const path = typeof request['path'] === 'string' ? request['path'].replace(/\?.*$/, '') : rpc;
  // Both sides of one request have the client's span in common.
  const id = isServer ? fieldOf(span, 'parentSpanId') : fieldOf(span, 'spanId');
  const resent = own.get('http.request.resend_count') ?? own.get('http.resend_count');
  const headers = [...own].flatMap(([name, value]) =>
    name.startsWith('http.request.header.')
      ? [[name.slice('http.request.header.'.length).replaceAll('_', '-').toLowerCase(), String(value)]]
      : [],
  );
  return {
    ...request,
    protocol: own.has('rpc.system') || own.has('rpc.system.name') ? String(own.get('rpc.system.name') ?? own.get('rpc.system')) : 'http',
    ...(path === undefined ? {} : { path }),
    ...(typeof id === 'string' && id !== '' ? { id } : {}),
    attempt: 1 + Number(resent ?? 0),
    headers: Object.fromEntries(headers) as Record<string, string>,
  };
}

/** Where no code says whether it failed, the span's status does. */
function failedOf(span: unknown, own: Attributes): { readonly failed?: boolean } {
  if (ofResponse.some(([path, names]) => (path === 'code' || path === 'grpc_status') && names.some((name) => own.has(name)))) return {};
  const code = fieldOf(fieldOf(span, 'status'), 'code');
  return { failed: code === 2 || code === 'STATUS_CODE_ERROR' };
}

function named(table: Named, of: Attributes): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const [path, names] of table) {
    const value = names.map((name) => of.get(name)).find((one) => one !== undefined);
    if (value !== undefined) found[path] = numbers.has(path) ? Number(value) : String(value);
  }
  return found;
}

function attributesOf(list: unknown): Attributes {
  const found = new Map<string, string | number | boolean>();
  for (const one of Array.isArray(list) ? (list as readonly unknown[]) : []) {
    const [key, value] = [fieldOf(one, 'key'), scalarOf(fieldOf(one, 'value'))];
    if (typeof key === 'string' && value !== undefined) found.set(key, value);
  }
  return found;
}

/** An AnyValue; of an array its texts, joined as repeated headers are. */
function scalarOf(value: unknown): string | number | boolean | undefined {
  const [text, bool, double, int] = ['stringValue', 'boolValue', 'doubleValue', 'intValue'].map((name) => fieldOf(value, name));
  if (typeof text === 'string') return text;
  if (typeof bool === 'boolean') return bool;
  if (typeof double === 'number') return double;
  if (typeof int === 'number' || (typeof int === 'string' && /^-?\d{1,19}$/.test(int))) return Number(int);
  const all = listIn(fieldOf(value, 'arrayValue'), 'values');
  return all === null ? undefined : all.flatMap((one) => scalarOf(one) ?? []).join(', ');
}

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Object.getOwnPropertyDescriptor(value, name)?.value : undefined;

function listIn(value: unknown, name: string): readonly unknown[] | null {
  const list = fieldOf(value, name);
  return Array.isArray(list) ? (list as readonly unknown[]) : null;
}

/** A fixed64, which JSON holds as text; null: it is none. */
function nanos(value: unknown): bigint | null {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return BigInt(value);
  return typeof value === 'string' && /^\d{1,19}$/.test(value) && value !== '0' ? BigInt(value) : null;
}

function timeText(ns: bigint): string {
  const second = new Date(Number(ns / 1_000_000_000n) * 1_000).toISOString().slice(0, 19);
  return `${second}.${(ns % 1_000_000_000n).toString().padStart(9, '0')}Z`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
