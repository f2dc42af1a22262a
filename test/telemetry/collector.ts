import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What an OTLP receiver got, as its JSON form has it (opentelemetry-proto, ExportTraceServiceRequest and ExportMetricsServiceRequest). */
export type Span = {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
};
export type Point = {
  readonly attributes: Span['attributes'];
  readonly asDouble?: number;
  readonly asInt?: string;
  readonly count?: number;
  readonly sum?: number;
};
export type Metric = {
  readonly name: string;
  readonly unit: string;
  readonly sum?: { readonly dataPoints: readonly Point[]; readonly isMonotonic: boolean };
  readonly gauge?: { readonly dataPoints: readonly Point[] };
  readonly histogram?: { readonly dataPoints: readonly Point[] };
};

export type Collector = {
  readonly url: string;
  readonly spans: Span[];
  readonly metrics: Metric[];
  readonly resources: Span['attributes'][];
  /** Bodies that are not JSON, with their path and type. */
  readonly raw: { readonly path: string; readonly type: string; readonly body: Buffer }[];
  readonly close: () => Promise<void>;
};

type Body = {
  readonly resourceSpans?: readonly { readonly resource: { readonly attributes: Span['attributes'] }; readonly scopeSpans: readonly { readonly spans: readonly Span[] }[] }[]; // prettier-ignore
  readonly resourceMetrics?: readonly { readonly resource: { readonly attributes: Span['attributes'] }; readonly scopeMetrics: readonly { readonly metrics: readonly Metric[] }[] }[]; // prettier-ignore
};

/** Receives OTLP over HTTP, as any collector does. */
export async function startCollector(): Promise<Collector> {
  const [spans, metrics, resources, raw]: [Span[], Metric[], Span['attributes'][], Collector['raw']] = [[], [], [], []];
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const type = request.headers['content-type'] ?? '';
      if (type === 'application/json') take(JSON.parse(body.toString('utf8')) as Body);
      else raw.push({ path: request.url ?? '', type, body });
      response.writeHead(200, { 'content-type': type }).end(type === 'application/json' ? '{}' : '');
    });
  });
  const take = ({ resourceSpans = [], resourceMetrics = [] }: Body): void => {
    for (const one of resourceSpans) spans.push(...one.scopeSpans.flatMap((scope) => scope.spans));
    for (const one of resourceMetrics) metrics.push(...one.scopeMetrics.flatMap((scope) => scope.metrics));
    resources.push(...[...resourceSpans, ...resourceMetrics].map(({ resource }) => resource.attributes));
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    metrics,
    resources,
    raw,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** A span's or a point's attributes as plain values. */
export const attributesOf = ({ attributes }: Pick<Span, 'attributes'>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
