import type { api } from '@opentelemetry/sdk-node';
import type { Readings } from '../../ports/telemetry.ts';
import type { StageSpan } from './decisions.ts';

/** In seconds: from a commit on a fast machine to a rule with `for: 1m`. */
const boundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

export type Metrics = {
  readonly stage: (span: StageSpan) => void;
  readonly event: (kind: string) => void;
  readonly observe: (read: () => Watched) => void;
};

/** With what this room adds to the engine's readings. */
export type Watched = Readings & { readonly unacknowledged: readonly { readonly target: string; readonly ageMs: number }[] };

/** The instruments. What the engine counts anyway is read when it is exported, so it costs nothing in between. */
export function createMetrics(meter: api.Meter): Metrics {
  const stages = meter.createHistogram('loop_stage_seconds', {
    description: 'How long a stage of a decision took',
    unit: 's',
    advice: { explicitBucketBoundaries: boundaries },
  });
  const events = meter.createCounter('loop_events_total', { description: 'What the loop told the timeline, by kind' });
  const dropped = meter.createObservableCounter('loop_dropped_total', { description: 'What was given up, by reason' });
  const records = meter.createObservableCounter('loop_records_total', {
    description: 'Records taken in, by the target that reported them',
  });
  const age = meter.createObservableGauge('loop_unacknowledged_age_seconds', {
    description: 'How long a target has owed an answer to its oldest revision; 0: none',
    unit: 's',
  });
  const alive = meter.createObservableGauge('loop_alive_timestamp_seconds', {
    description: 'When the loop last finished a turn; stands still when the loop does',
    unit: 's',
  });
  return {
    stage: ({ stage, startMs, endMs }) => stages.record((endMs - startMs) / 1_000, { stage }),
    event: (kind) => events.add(1, { kind }),
    observe: (read) =>
      meter.addBatchObservableCallback(
        (result) => {
          const now = read();
          for (const [reason, count] of Object.entries(now.dropped)) result.observe(dropped, count, { reason });
          for (const [target, count] of Object.entries(now.records)) result.observe(records, count, { target });
          for (const { target, ageMs } of now.unacknowledged) result.observe(age, ageMs / 1_000, { target });
          result.observe(alive, now.aliveAt / 1_000);
        },
        [dropped, records, age, alive],
      ),
  };
}
