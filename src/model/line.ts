import { addressText, parseAddress } from './address.ts';
import { compareText } from './order.ts';
import { parseDuration } from './duration.ts';
import { fail, ok } from './problem.ts';
import type { Problem, Result } from './problem.ts';
import type { Line, Stream } from './record.ts';
import { attributes } from './schema.ts';
import type { Attribute } from './schema.ts';
import { formatTime, parseTime } from './time.ts';
import { showDuration } from './units.ts';

/** Bytes of UTF-8 in one line of a recording; a longer one is not a record. */
export const lineBytesMax = 64 * 1024;

/** Statuses that OpenTelemetry's RPC conventions count as a server's error (rules.md, settled point 1). */
const grpcServerErrors: readonly number[] = [2, 4, 12, 13, 14, 15];

/**
 * One JSON line of rules.md section 1. null is absent, unknown names are ignored, addresses become canonical, `response.failed` is computed
 * where it lacks. E-LINE says in `what` why a text is not a record: wrong type, bad time, out of range, over 64 KiB.
 */
export function parseLine(text: string): Result<Line, Problem> {
  try {
    return ok(readLine(text));
  } catch (error) {
    if (!(error instanceof NotALine)) throw error;
    return fail({
      code: 'E-LINE',
      what: error.message,
      at: 'line',
      todo: 'it is counted and skipped; write it as rules.md section 1 says',
    });
  }
}

/** The canonical line of a record, tick or source line, without its line end: the same line, the same bytes. */
export function formatLine(line: Line): string {
  const head = { stream: line.stream, time: formatTime(line.time) };
  if (line.stream === 'tick') return JSON.stringify(head);
  if (line.stream === 'source') {
    const streams = line.streams.length === 2 ? {} : { streams: line.streams };
    return JSON.stringify({ ...head, source: line.source, state: line.state, ...streams });
  }
  const roots = rootsOf[line.stream].map(({ root, fields }): [string, unknown] => [root, formatRoot(own(line, root), fields)]);
  const lists = line.stream === 'rpc' && line.applied.length > 0 ? { applied: line.applied } : {};
  return JSON.stringify({ ...head, ...Object.fromEntries(roots.filter(([, fields]) => fields !== undefined)), ...lists });
}

class NotALine extends Error {}

function no(path: string, what: string): never {
  throw new NotALine(path === '' ? what : `${path} ${what}`);
}

type Field = Attribute & { readonly field: string };
type Root = { readonly root: string; readonly fields: ReadonlyMap<string, Field> };

const rootsOf: Readonly<Record<Stream, readonly Root[]>> = { rpc: rootsIn('rpc'), flow: rootsIn('flow') };

function rootsIn(stream: Stream): readonly Root[] {
  const nested = attributes.filter((a) => a.streams.includes(stream) && a.path.includes('.'));
  const names = [...new Set(nested.map((a) => a.path.split('.')[0] ?? ''))];
  return names.map((root) => {
    const own = nested.filter((a) => a.path.startsWith(`${root}.`)).map((a) => ({ ...a, field: a.path.slice(root.length + 1) }));
    return { root, fields: new Map(own.map((a) => [a.field, a])) };
  });
}

function readLine(text: string): Line {
  // A UTF-16 unit is at most three bytes of UTF-8: short texts need no count.
  if (text.length * 3 > lineBytesMax && Buffer.byteLength(text) > lineBytesMax) no('', `is longer than ${lineBytesMax} bytes`);
  const json = objectAt('', parseJson(text));
  const time = readTime(own(json, 'time'));
  const stream = own(json, 'stream');
  if (stream === 'tick') return { stream, time };
  if (stream === 'source') return readSource(json, time);
  if (stream !== 'rpc' && stream !== 'flow') return no('stream', `is ${shown(stream)}, not rpc, flow, tick or source`);
  const record: Record<string, unknown> = { stream, time };
  for (const { root, fields } of rootsOf[stream]) record[root] = readRoot(root, own(json, root), fields);
  if (stream === 'rpc') record['applied'] = readList('applied', own(json, 'applied') ?? []);
  // The one place where text becomes a record: the schema has checked every field of it.
  const read = record as Extract<Line, { stream: Stream }>;
  return read.stream === 'rpc' ? { ...read, response: withFailed(read.response) } : read;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return no('', 'is not JSON');
  }
}

function readSource(json: object, time: bigint): Line {
  const source = own(json, 'source');
  const state = own(json, 'state');
  const streams = own(json, 'streams') ?? ['rpc', 'flow'];
  if (typeof source !== 'string') no('source', `is ${shown(source)}, not text`);
  if (state !== 'stale' && state !== 'live') no('state', `is ${shown(state)}, not stale or live`);
  if (!Array.isArray(streams)) no('streams', `is ${shown(streams)}, not a list`);
  const wrong = streams.find((s) => s !== 'rpc' && s !== 'flow');
  if (wrong !== undefined) no('streams', `has ${shown(wrong)}, not rpc or flow`);
  return { stream: 'source', time, source, state, streams: (['rpc', 'flow'] as const).filter((s) => streams.includes(s)) };
}

/** What the line gives of a root's fields. Only names that the schema knows are written, so none of them can be "__proto__". */
function readRoot(root: string, json: unknown, fields: Root['fields']): object {
  const found: Record<string, unknown> = {};
  if (json === undefined || json === null) return found;
  const given = objectAt(root, json) as Readonly<Record<string, unknown>>;
  for (const name in given) {
    const field = fields.get(name);
    const value = given[name];
    if (field !== undefined && value !== null) found[name] = readField(field, value);
  }
  return found;
}

function readField({ path, type, field }: Field, json: unknown): unknown {
  if (type === 'int') return readInt(path, field, json);
  if (type === 'list(string)') return readList(path, json);
  if (type === 'map(string, string)') return readMap(path, json);
  if (type === 'bool') return typeof json === 'boolean' ? json : no(path, `is ${shown(json)}, not true or false`);
  if (typeof json !== 'string') return no(path, `is ${shown(json)}, not text`);
  if (type === 'duration') return parseDuration(json) ?? no(path, `is ${shown(json)}, not a duration such as "12.5ms"`);
  if (field === 'address') return canonical(json) ?? no(path, `is ${shown(json)}, not an IP address`);
  const allowed = allowedTexts.get(path);
  return allowed === undefined || allowed.includes(json) ? json : no(path, `is ${shown(json)}, not ${allowed.join(' or ')}`);
}

const allowedTexts: ReadonlyMap<string, readonly string[]> = new Map([
  ['reporter.side', ['source', 'destination', 'transit']],
  ['rpc.event', ['end', 'periodic']],
]);

function readInt(path: string, field: string, json: unknown): number {
  if (!Number.isSafeInteger(json)) return no(path, `is ${shown(json)}, not a whole number within ±(2^53 - 1)`);
  const value = Number(json);
  if (field === 'port' && (value < 0 || value > 65_535)) no(path, `is ${value}, not 0 to 65535`);
  return value;
}

function readTime(json: unknown): bigint {
  const time = typeof json === 'string' ? parseTime(json) : null;
  return time ?? no('time', `is ${shown(json)}, not RFC 3339 with a zone`);
}

function readList(path: string, json: unknown): readonly string[] {
  if (!Array.isArray(json)) return no(path, `is ${shown(json)}, not a list`);
  return json.map((element: unknown) => (typeof element === 'string' ? element : no(path, `has ${shown(element)}, not text`)));
}

function readMap(path: string, json: unknown): ReadonlyMap<string, string> {
  const entries = Object.entries(objectAt(path, json)).filter(([, value]: [string, unknown]) => value !== null);
  return new Map(entries.map(([name, value]: [string, unknown]) => [name, typeof value === 'string' ? value : no(`${path}[${shown(name)}]`, `is ${shown(value)}, not text`)])); // prettier-ignore
}

function withFailed(response: Extract<Line, { stream: 'rpc' }>['response']): typeof response {
  const { code, grpc_status: status, failed } = response;
  if (failed !== undefined || (code === undefined && status === undefined)) return response;
  return { ...response, failed: (code !== undefined && code >= 500) || (status !== undefined && grpcServerErrors.includes(status)) };
}

function formatRoot(root: unknown, fields: Root['fields']): object | undefined {
  if (typeof root !== 'object' || root === null) return undefined;
  const present: Record<string, unknown> = {};
  let isEmpty = true;
  for (const name of fields.keys()) {
    const value = own(root, name);
    if (value === undefined) continue;
    present[name] = formatValue(value);
    isEmpty = false;
  }
  return isEmpty ? undefined : present;
}

function formatValue(value: unknown): unknown {
  if (typeof value === 'bigint') return showDuration(value);
  return value instanceof Map ? Object.fromEntries([...value].sort(([a], [b]) => compareText(String(a), String(b)))) : value;
}

/** IPv4 in its one canonical form: by far the most frequent. */
const quad = /^(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/;

/** IPv4-mapped addresses, which dual-stack sockets report, keep RFC 5952's mixed notation. */
function canonical(text: string): string | undefined {
  if (quad.test(text)) return text;
  const address = parseAddress(text);
  if (address !== undefined) return addressText(address);
  const mapped = /^::ffff:([\d.]+)$/i.exec(text)?.[1];
  return mapped !== undefined && parseAddress(mapped)?.bits === 32 ? `::ffff:${mapped}` : undefined;
}

function objectAt(path: string, json: unknown): object {
  return typeof json === 'object' && json !== null && !Array.isArray(json) ? json : no(path, `is ${shown(json)}, not an object`);
}

/** A line's own value: names such as "constructor" or "__proto__" find nothing inherited. */
function own(json: object, name: string): unknown {
  return Object.hasOwn(json, name) ? (json as Readonly<Record<string, unknown>>)[name] : undefined;
}

function shown(value: unknown): string {
  const text = value === undefined ? 'absent' : JSON.stringify(value, (_, v: unknown) => (typeof v === 'bigint' ? v.toString() : v));
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
