import type { Stream } from './record.ts';

/** The type of an attribute as CEL writes it. */
export type AttributeType = 'string' | 'int' | 'bool' | 'duration' | 'timestamp' | 'list(string)' | 'map(string, string)';

/** One attribute of rules.md section 1: what a rule may name, and what `flyball explain` prints. */
export type Attribute = {
  /** "destination.service"; a root without fields stands alone ("time", "applied"). */
  readonly path: string;
  readonly type: AttributeType;
  /** One line. */
  readonly about: string;
  /** "ns", "bytes", "packets", "requests"; null: a plain number or not a number. */
  readonly unit: string | null;
  /** The streams whose records have it. */
  readonly streams: readonly Stream[];
  /** The streams for which an engine knows it before the fact, so that a `match` may name it. */
  readonly before: readonly Stream[];
  /** Who lacks it, e.g. "plaintext callers"; null: it is always there. A source that cannot know an attribute leaves it out. */
  readonly absent: string | null;
};

export type AttributePath = Attribute['path'];

const both: readonly Stream[] = ['rpc', 'flow'];
const rpc: readonly Stream[] = ['rpc'];
const flow: readonly Stream[] = ['flow'];
const never: readonly Stream[] = [];
const unknowing = 'sources that do not know it';

type Row = readonly [field: string, type: AttributeType, about: string, absent?: string | null, unit?: string];

const peer: readonly Row[] = [
  ['service', 'string', 'service name', 'callers outside the inventory'],
  ['version', 'string', 'version of the service', 'instances without one'],
  ['namespace', 'string', 'namespace of the service', 'services without one'],
  ['instance', 'string', 'one replica', 'callers outside the inventory'],
  ['zone', 'string', 'availability zone', 'instances without one'],
  ['region', 'string', 'region', 'instances without one'],
  ['node', 'string', 'host that it runs on', 'instances without one'],
  ['principal', 'string', 'identity proved by mTLS, e.g. a SPIFFE id', 'plaintext callers'],
  ['address', 'string', 'IP address, canonical text (RFC 5952)', unknowing],
  ['port', 'int', 'transport port', unknowing],
  ['labels', 'map(string, string)', 'labels from the inventory', 'peers without labels'],
];

const request: readonly Row[] = [
  ['protocol', 'string', 'e.g. "http/1.1", "h2", "grpc"'],
  ['method', 'string', 'HTTP method'],
  ['host', 'string', 'host or authority', 'HTTP/1.0 callers'],
  ['path', 'string', 'path, without the query'],
  ['route', 'string', 'name of the route that was chosen', 'requests without a named route'],
  ['id', 'string', 'request id', 'requests without one'],
  ['size', 'int', 'bytes of the request body', unknowing, 'bytes'],
  ['attempt', 'int', 'which try this is, from 1', 'callers that do not count tries'],
  ['headers', 'map(string, string)', 'request headers by lower-case name', unknowing],
];

const response: readonly Row[] = [
  ['code', 'int', 'HTTP status', 'calls without a response'],
  ['grpc_status', 'int', 'gRPC status, as grpc.UNAVAILABLE', 'calls that are not gRPC'],
  ['size', 'int', 'bytes of the response body', unknowing, 'bytes'],
  ['flags', 'list(string)', 'the proxy\'s response flags, e.g. "UF"', unknowing],
  ['duration', 'duration', 'from the first byte of the request to the last of the response', unknowing, 'ns'],
  ['failed', 'bool', 'no response, 5xx, or a gRPC status that counts as a server error', 'lines with neither status'],
];

const traffic: readonly Row[] = [
  ['protocol', 'int', 'IP protocol number: 6 TCP, 17 UDP'],
  ['bytes', 'int', 'bytes since the last report, scaled by sampling', unknowing, 'bytes'],
  ['packets', 'int', 'packets since the last report, scaled by sampling', unknowing, 'packets'],
  ['dscp', 'int', 'DSCP code point, 0 to 63'],
  ['retransmits', 'int', 'TCP segments sent again since the last report', unknowing, 'packets'],
  ['sampling', 'int', 'one packet in how many was looked at'],
  ['tcp_flags', 'list(string)', 'TCP flags seen, e.g. "SYN"', 'packets that are not TCP'],
  ['rtt', 'duration', 'smoothed round-trip time', unknowing, 'ns'],
  ['duration', 'duration', 'age of the flow', unknowing, 'ns'],
  ['failed', 'bool', 'the connection was refused, reset or timed out'],
  ['end', 'bool', "the flow's last report"],
  ['direction', 'string', '"ingress" or "egress" at the reporter'],
];

const steered: readonly string[] = ['service', 'namespace'];
const seenInPacket: readonly string[] = ['protocol', 'dscp', 'tcp_flags'];

/** Every attribute, in the order in which they are explained. */
export const attributes: readonly Attribute[] = [
  { path: 'time', type: 'timestamp', about: 'when it was observed', unit: 'ns', streams: both, before: never, absent: null },
  ...group('source', peer, { streams: both, before: () => both }),
  ...group('destination', peer, { streams: both, before: (field) => (steered.includes(field) ? both : flow) }),
  ...group(
    'reporter',
    [
      ['side', 'string', '"source", "destination" or "transit": who saw it', 'records that count as destination reports'],
      ['target', 'string', 'the enforcement point that reported it'],
    ],
    { streams: both, before: () => never },
  ),
  ...group('rpc', [['event', 'string', '"end", or "periodic" for long streams']], { streams: rpc, before: () => never }),
  ...group('request', request, { streams: rpc, before: (field) => (field === 'size' ? never : rpc) }),
  ...group('response', response, { streams: rpc, before: () => never }),
  {
    path: 'applied',
    type: 'list(string)',
    about: 'the rule@revision tags that the engine put on it',
    unit: null,
    streams: rpc,
    before: never,
    absent: null,
  },
  ...group('flow', traffic, { streams: flow, before: (field) => (seenInPacket.includes(field) ? flow : never) }),
];

const byPath: ReadonlyMap<string, Attribute> = new Map(attributes.map((attribute) => [attribute.path, attribute]));

/** The attribute with this path; a map's entries (`request.headers["x"]`) have none of their own. */
export const attributeAt = (path: string): Attribute | undefined => byPath.get(path);

/** Roots that say how something was observed: never matchable, and left out of a default match. */
export const observationRoots: readonly string[] = ['time', 'reporter', 'rpc', 'applied'];

/** gRPC status codes by the name that CEL's `grpc.NAME` uses (grpc/doc/statuscodes.md). */
export const grpcCodes: ReadonlyMap<string, number> = new Map(
  [
    'OK',
    'CANCELLED',
    'UNKNOWN',
    'INVALID_ARGUMENT',
    'DEADLINE_EXCEEDED',
    'NOT_FOUND',
    'ALREADY_EXISTS',
    'PERMISSION_DENIED',
    'RESOURCE_EXHAUSTED',
    'FAILED_PRECONDITION',
    'ABORTED',
    'OUT_OF_RANGE',
    'UNIMPLEMENTED',
    'INTERNAL',
    'UNAVAILABLE',
    'DATA_LOSS',
    'UNAUTHENTICATED',
  ].map((name, code) => [name, code]),
);

type Group = { readonly streams: readonly Stream[]; readonly before: (field: string) => readonly Stream[] };

function group(root: string, rows: readonly Row[], { streams, before }: Group): readonly Attribute[] {
  return rows.map(([field, type, about, absent = unknowing, unit = null]) => {
    return { path: `${root}.${field}`, type, about, unit, streams, before: before(field), absent };
  });
}
