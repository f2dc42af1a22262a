import { fail, ok } from '../model/problem.ts';
import type { Problem, Result } from '../model/problem.ts';
import type { Clock } from '../ports/clock.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { textOf } from './files.ts';
import { systemRandom } from './random.ts';
import { createDecisions, type Told } from './telemetry/decisions.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { createTraces, type Ids } from './telemetry/traces.ts';
import { createTrouble } from './telemetry/trouble.ts';
import { createWaiting } from './telemetry/waiting.ts';
import { prometheusHost, whereTo } from './telemetry/where.ts';

/** A collector that does not answer must not keep an engine from ending. */
const stopMsMax = 1_000;
const scope = 'flyball';

/**
 * The engine's own traces and metrics, through OpenTelemetry. The OTEL_ variables of its specification say what goes where; with none of them
 * this is null, and the SDK (0.4 s, 25 MB) is not even loaded. Queues are the SDK's: 2,048 spans (OTEL_BSP_MAX_QUEUE_SIZE), then they
 * are dropped. Problem: E-TELEMETRY.
 */
export async function openTelemetry(options: {
  /** Its OTEL_ variables; the SDK itself reads those of the process. */
  readonly env: NodeJS.ProcessEnv;
  readonly version: string;
  /** Tells this engine from others. */
  readonly instance: string;
  readonly clock: Clock;
  readonly say: (line: string) => void;
}): Promise<Result<Telemetry | null>> {
  const { env, version, instance, clock, say } = options;
  const where = whereTo(env);
  if (where === null) return ok(null);
  const { about } = where;
  const trouble = createTrouble(about, env, clock.monotonic);
  try {
    const { NodeSDK, api, resources } = await import('@opentelemetry/sdk-node');
    const heard = (message: string): void => trouble.heard(message);
    const quiet = (): void => undefined;
    // A logger set by OTEL_LOG_LEVEL writes to standard output, which is for machine output.
    delete env['OTEL_LOG_LEVEL'];
    env['OTEL_EXPORTER_PROMETHEUS_HOST'] = prometheusHost(env);
    api.diag.setLogger({ error: heard, warn: heard, info: quiet, debug: quiet, verbose: quiet }, { logLevel: api.DiagLogLevel.WARN, suppressOverrideMessage: true }); // prettier-ignore
    const ids: Ids = { next: null };
    const named = { 'service.name': 'flyball-engine', 'service.version': version, 'service.instance.id': instance };
    const sdk = new NodeSDK({
      resource: resources.defaultResource().merge(resources.resourceFromAttributes(named)),
      // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES; more (the process, its owner, the host) only when somebody asks for it.
      ...(env['OTEL_NODE_RESOURCE_DETECTORS'] ? {} : { resourceDetectors: [resources.envDetector] }),
      idGenerator: { generateTraceId: () => ids.next ?? systemRandom.hex(16), generateSpanId: () => systemRandom.hex(8) },
      textMapPropagator: null,
      logRecordProcessors: [],
      ...(where.traces ? {} : { spanProcessors: [] }),
      ...(where.metrics ? {} : { metricReaders: [] }),
    });
    sdk.start();
    say(`self-telemetry: ${about}`);
    const metrics = createMetrics(api.metrics.getMeter(scope, version));
    const trace = createTraces(api.trace.getTracer(scope, version), api, ids);
    const decisions = createDecisions();
    const waiting = createWaiting(clock.now());
    const tell = (all: readonly Told[]): void => {
      for (const told of all) {
        trace(told);
        if (told.kind === 'stage') metrics.stage(told.span);
      }
    };
    return ok({
      about,
      event: (step) => {
        metrics.event(step.kind);
        tell(decisions.event(step));
      },
      planned: (rows, at) => {
        for (const { target, revision } of rows) waiting.sent(target, revision, at);
        tell(decisions.planned(rows, at));
      },
      observe: (read) => {
        metrics.observe(() => {
          const now = read();
          const unacknowledged = now.targets.map((one) => ({ target: one.name, ageMs: waiting.ageMs(one, clock.now()) }));
          return { ...now, unacknowledged, dropped: { ...now.dropped, 'telemetry-decisions': decisions.forgotten() } };
        });
        // The first export is a minute away by default: a collector that is not there is to be known sooner.
        void flush(api.metrics.getMeterProvider()).catch((error: unknown) => heard(textOf(error)));
      },
      problem: trouble.problem,
      stop: async () => {
        const ended = sdk.shutdown().then(
          () => null,
          (error: unknown) => textOf(error),
        );
        const late = new Promise<string>((resolve) => clock.after(stopMsMax, () => resolve(`no answer within ${stopMsMax} ms`)));
        const why = await Promise.race([ended, late]);
        if (why !== null) say(`self-telemetry: the last was not sent: ${why}`);
        for (const one of [api.trace, api.metrics, api.context, api.diag]) one.disable();
      },
    });
  } catch (error) {
    return fail(openProblem(about, error));
  }
}

/** The API knows no flush; the SDK's provider behind it does, unless no metrics are exported. */
const flush = async (provider: object): Promise<void> => {
  if ('forceFlush' in provider && typeof provider.forceFlush === 'function') await provider.forceFlush();
};

const openProblem = (at: string, error: unknown): Problem => ({
  code: 'E-TELEMETRY',
  what: `self-telemetry does not start: ${textOf(error)}`,
  at,
  todo: 'see the OTEL_ variables; without them nothing is exported',
});
