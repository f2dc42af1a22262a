import { servedEveryMs } from './messages.ts';
import { shop } from './network.ts';

/** Requests that a replica answered since its last such message. */
export type Served = { readonly atMs: number; readonly instance: string; readonly served: number };

/** A replica has its share when it answers at least half of an even one over this long. */
const shareWindowMs = 1_000;
const shareLeast = 0.5;

/** Whether each of these replicas has had its share over the last second, all of it after `sinceMs`. */
export function hasItsShare(options: {
  readonly served: readonly Served[];
  readonly sinceMs: number;
  readonly instances: readonly string[];
}): boolean {
  const toMs = Math.max(...options.served.map(({ atMs }) => atMs));
  const fromMs = toMs - shareWindowMs;
  // The first message after `fromMs` tells of requests answered up to one interval before it: those too must be after `sinceMs`.
  if (options.served.length === 0 || fromMs - servedEveryMs < options.sinceMs) return false;
  const counts = new Map<string, number>();
  for (const { atMs, instance, served } of options.served) {
    if (atMs > fromMs) counts.set(instance, (counts.get(instance) ?? 0) + served);
  }
  return options.instances.every((instance) => {
    const siblings = shop.find(({ instances }) => instances.some((other) => other.instance === instance))?.instances ?? [];
    const total = siblings.reduce((sum, sibling) => sum + (counts.get(sibling.instance) ?? 0), 0);
    return total > 0 && (counts.get(instance) ?? 0) >= (shareLeast * total) / siblings.length;
  });
}
