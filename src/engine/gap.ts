import { leaderLeaseMs, leaseMarginMs } from '../core/limits.ts';
import type { Alert } from '../model/alert.ts';
import type { AuditEntry } from '../model/audit.ts';

/** A take-over follows the last sign of life by so much, and some time for the take itself. */
const keptMs = leaderLeaseMs + leaseMarginMs + 5_000;
const entriesMax = 50_000;
const alertsMax = 10_000;

/**
 * What a standby would have written and told. While another leads that one does it; what falls between its last sign of life and the
 * take-over nobody else did.
 */
export type Gap = {
  readonly audit: (entries: readonly AuditEntry[]) => void;
  readonly notify: (alert: Alert) => void;
  /** Written down since then (ms since the epoch); and who is to be told: what still fires (again, which is no harm), and what ended since. */
  readonly take: (sinceAt: number) => { readonly entries: readonly AuditEntry[]; readonly alerts: readonly Alert[] };
};

export function createGap(now: () => number): Gap {
  let entries: AuditEntry[] = [];
  const alerts = new Map<string, Alert>();
  return {
    audit: (more) => {
      entries.push(...more);
      const from = now() - keptMs;
      if ((entries[0]?.at ?? from) < from) entries = entries.filter(({ at }) => at >= from);
      if (entries.length > entriesMax) entries.splice(0, entries.length - entriesMax);
    },
    notify: (alert) => {
      const name = `${alert.rule}\n${alert.key}`;
      alerts.delete(name);
      alerts.set(name, alert);
      const [oldest] = alerts.keys();
      if (alerts.size > alertsMax && oldest !== undefined) alerts.delete(oldest);
    },
    take: (sinceAt) => {
      const taken = {
        entries: entries.filter(({ at }) => at >= sinceAt),
        alerts: [...alerts.values()].filter(({ endedAt }) => endedAt === null || endedAt >= sinceAt),
      };
      entries = [];
      alerts.clear();
      return taken;
    },
  };
}
