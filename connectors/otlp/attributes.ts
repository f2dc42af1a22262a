/**
 * How OpenTelemetry's semantic conventions name what rules call by other names; older names after newer ones. What a service says of itself
 * is about its side of the request, the rest about the request or its peer.
 */
export type Named = readonly (readonly [path: string, names: readonly string[]])[];

/** Resource attributes, below `source` or `destination`. */
export const ofResource: Named = [
  ['service', ['service.name']],
  ['version', ['service.version']],
  ['namespace', ['service.namespace', 'k8s.namespace.name']],
  ['instance', ['service.instance.id', 'k8s.pod.name']],
  ['zone', ['cloud.availability_zone']],
  ['region', ['cloud.region']],
  ['node', ['k8s.node.name', 'host.name']],
];

/** Of a client's span, below `destination`. */
export const ofServer: Named = [
  ['service', ['service.peer.name', 'peer.service', 'server.address', 'net.peer.name']],
  ['address', ['network.peer.address', 'net.sock.peer.addr', 'net.peer.ip']],
  ['port', ['server.port', 'network.peer.port', 'net.peer.port']],
];

/** Of a server's span, below `source`. */
export const ofClient: Named = [
  ['service', ['service.peer.name', 'peer.service']],
  ['address', ['client.address', 'network.peer.address', 'net.sock.peer.addr', 'http.client_ip']],
  ['port', ['client.port', 'network.peer.port', 'net.sock.peer.port']],
];

export const ofRequest: Named = [
  ['method', ['http.request.method', 'http.method']],
  ['host', ['server.address', 'http.host', 'net.host.name']],
  ['path', ['url.path', 'http.target']],
  ['route', ['http.route']],
  ['size', ['http.request.body.size', 'http.request_content_length']],
];

export const ofResponse: Named = [
  ['code', ['http.response.status_code', 'http.status_code']],
  ['grpc_status', ['rpc.grpc.status_code']],
  ['size', ['http.response.body.size', 'http.response_content_length']],
];

export const numbers: ReadonlySet<string> = new Set(['port', 'size', 'code', 'grpc_status']);
