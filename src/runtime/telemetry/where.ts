import { withoutCredentials } from '../log.ts';

type Env = Readonly<Record<string, string | undefined>>;
type Signal = 'traces' | 'metrics';

/** Which signals the standard variables of OpenTelemetry ask for, and where they go; `about` is without credentials. */
export type Where = { readonly traces: boolean; readonly metrics: boolean; readonly about: string };

const general = 'OTEL_EXPORTER_OTLP_ENDPOINT';
/** The specification's defaults of the protocols. */
const httpDefault = 'http://localhost:4318';
const grpcDefault = 'http://localhost:4317';

/**
 * null: nothing is exported, which is so unless somebody asks. The SDK alone would send to localhost when no variable is set; here a signal
 * goes out when it has an exporter or an endpoint.
 */
export function whereTo(env: Env): Where | null {
  if (env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true') return null;
  const [traces, metrics] = [exportersOf(env, 'traces'), exportersOf(env, 'metrics')];
  if (traces.length + metrics.length === 0) return null;
  const lines = [...placesOf(env, 'traces', traces), ...placesOf(env, 'metrics', metrics)];
  const places = [...new Set(lines.map(({ place }) => place))];
  const about = places.map((place) => `${lines.filter((l) => l.place === place).map((l) => l.signal).join(', ')} to ${place}`); // prettier-ignore
  return { traces: traces.length > 0, metrics: metrics.length > 0, about: about.join('; ') };
}

function exportersOf(env: Env, signal: Signal): readonly string[] {
  const upper = signal.toUpperCase();
  const named = (env[`OTEL_${upper}_EXPORTER`] ?? '').split(',').map((name) => name.trim()).filter((name) => name !== ''); // prettier-ignore
  if (named.includes('none')) return [];
  if (named.length > 0) return named;
  return env[`OTEL_EXPORTER_OTLP_${upper}_ENDPOINT`] || env[general] ? ['otlp'] : [];
}

function placesOf(env: Env, signal: Signal, exporters: readonly string[]): readonly { readonly signal: Signal; readonly place: string }[] {
  return exporters.map((name) => ({ signal, place: name === 'otlp' ? otlpPlace(env, signal) : name === 'prometheus' ? prometheusPlace(env) : name })); // prettier-ignore
}

function otlpPlace(env: Env, signal: Signal): string {
  const upper = signal.toUpperCase();
  const protocol = env[`OTEL_EXPORTER_OTLP_${upper}_PROTOCOL`] || env['OTEL_EXPORTER_OTLP_PROTOCOL'] || 'http/protobuf';
  const url = env[`OTEL_EXPORTER_OTLP_${upper}_ENDPOINT`] || env[general] || (protocol === 'grpc' ? grpcDefault : httpDefault);
  return withoutCredentials(url);
}

/** The SDK listens everywhere unless told; here the default is the loopback (telemetry.ts). */
export const prometheusHost = (env: Env): string => env['OTEL_EXPORTER_PROMETHEUS_HOST'] || '127.0.0.1';

const prometheusPlace = (env: Env): string => `http://${prometheusHost(env)}:${env['OTEL_EXPORTER_PROMETHEUS_PORT'] || '9464'}/metrics`;
