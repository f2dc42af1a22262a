import type { Loop } from '../core/loop/types.ts';
import type { Bus } from '../ports/bus.ts';
import type { Readings } from '../ports/telemetry.ts';
import type { Feed } from './feed.ts';

/** What the engine counts anyway, as its telemetry reads it; `dropped` has every way in which something can be given up. */
export function readingsOf(of: {
  readonly loop: Loop;
  readonly feed: Feed;
  readonly bus: Bus;
  readonly auditDropped: number;
  readonly aliveAt: number;
}): Readings {
  const { loop, feed, bus, auditDropped, aliveAt } = of;
  const { received: _taken, ...refused } = feed.counts;
  const sources = [...feed.sources];
  const bySources = sources.reduce((sum, [, { dropped }]) => sum + dropped, 0);
  return {
    aliveAt,
    dropped: { ...refused, bus: bus.state().dropped, audit: auditDropped, sources: bySources },
    records: Object.fromEntries(sources.map(([name, { records }]) => [name, records])),
    targets: [...loop.lead.targets.values()].map(({ name, row, acked }) => ({ name, revision: row?.revision ?? 0, acked })),
  };
}
