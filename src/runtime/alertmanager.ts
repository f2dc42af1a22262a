import type { Alert } from '../model/alert.ts';
import { fail, ok } from '../model/problem.ts';
import type { Problem, Result } from '../model/problem.ts';
import type { Clock } from '../ports/clock.ts';
import type { Notifier } from '../ports/notifier.ts';

/** Alerts of one request. */
const batchMax = 100;
/** Rules' keys that fire or have just ceased to; more are dropped and counted. */
const alertsMax = 5_000;
const timeoutMs = 5_000;
/** What fires is told again so often: an Alertmanager that was started anew learns of it. */
const againEveryMs = 60_000;
/** An alert ends by itself when nothing is heard of it for so long: the engine is gone. */
const endsAfterMs = 4 * againEveryMs;
const retryMinMs = 1_000;
const retryMaxMs = 60_000;

type Kept = { readonly alert: Alert; dueMs: number };

/** Posts to the v2 API of an Alertmanager, or of anything that speaks it (POST /api/v2/alerts). Problem: E-NOTIFY-URL. */
export function createAlertmanager({ url, clock }: { readonly url: string; readonly clock: Clock }): Result<Notifier> {
  const target = endpointOf(url);
  if (target === null)
    return fail({
      code: 'E-NOTIFY-URL',
      what: 'ALERTMANAGER_URL is not an http or https address',
      at: 'ALERTMANAGER_URL',
      todo: 'write it as http://127.0.0.1:9093',
    });
  const kept = new Map<string, Kept>();
  let problem: Problem | null = null;
  let dropped = 0;
  let waitMs = retryMinMs;
  let cancel: (() => void) | null = null;
  let stopped = false;
  let isSending = false;

  const schedule = (): void => {
    if (stopped || isSending || kept.size === 0) return;
    const nextMs = Math.min(...[...kept.values()].map(({ dueMs }) => dueMs));
    cancel?.();
    cancel = clock.after(Math.max(0, nextMs - clock.monotonic()), () => void send());
  };

  const send = async (): Promise<void> => {
    const nowMs = clock.monotonic();
    const due = [...kept].filter(([, { dueMs }]) => dueMs <= nowMs).slice(0, batchMax);
    if (stopped || due.length === 0) return schedule();
    isSending = true;
    const why = await post(target, due.map(([, { alert }]) => bodyOf(alert, clock.now()))); // prettier-ignore
    isSending = false;
    problem =
      why === null
        ? null
        : {
            code: 'E-NOTIFY',
            what: `${due.length} alerts are not delivered: ${why}`,
            at: target.origin,
            todo: 'they are tried again; see ALERTMANAGER_URL',
          };
    waitMs = why === null ? retryMinMs : Math.min(retryMaxMs, waitMs * 2);
    for (const [id, one] of due) {
      // A newer word came while this one was on its way.
      if (kept.get(id) !== one) continue;
      if (why === null && one.alert.endedAt !== null) kept.delete(id);
      else one.dueMs = nowMs + (why === null ? againEveryMs : waitMs);
    }
    schedule();
  };

  return ok({
    about: target.origin,
    notify: (alert) => {
      const id = `${alert.rule}\n${alert.key}`;
      if (!kept.has(id) && kept.size >= alertsMax) dropped++;
      else kept.set(id, { alert, dueMs: clock.monotonic() });
      schedule();
    },
    problem: () =>
      problem ??
      (dropped === 0
        ? null
        : {
            code: 'E-NOTIFY',
            what: `${dropped} alerts were dropped: ${alertsMax} wait or fire`,
            at: target.origin,
            todo: 'see the rules that fire for so many keys',
          }),
    stop: () => {
      stopped = true;
      cancel?.();
    },
  });
}

function endpointOf(url: string): URL | null {
  if (!URL.canParse(url)) return null;
  const base = new URL(url);
  if (base.protocol !== 'http:' && base.protocol !== 'https:') return null;
  return new URL(`${base.pathname.replace(/\/$/, '')}/api/v2/alerts${base.search}`, base);
}

/** null: taken; else why not, without the address, which may hold a secret. */
async function post(target: URL, alerts: readonly object[]): Promise<string | null> {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (target.username !== '')
    headers['authorization'] =
      `Basic ${Buffer.from(`${decodeURIComponent(target.username)}:${decodeURIComponent(target.password)}`).toString('base64')}`;
  const plain = new URL(target);
  plain.username = plain.password = '';
  try {
    const answer = await fetch(plain, {
      method: 'POST',
      headers,
      body: JSON.stringify(alerts),
      signal: AbortSignal.timeout(timeoutMs),
      redirect: 'error',
    });
    await answer.body?.cancel();
    return answer.ok ? null : `it answered ${answer.status}`;
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return cause instanceof Error && 'code' in cause ? String(cause.code) : error instanceof Error ? error.name : 'no answer';
  }
}

/** postableAlert of the v2 API: equal labels are one alert. */
function bodyOf({ rule, owner, severity, key, summary, why, runbook, startedAt, endedAt }: Alert, nowMs: number): object {
  return {
    labels: { alertname: rule, severity, owner, key },
    annotations: { summary, description: why, ...(runbook === null ? {} : { runbook }) },
    startsAt: new Date(startedAt).toISOString(),
    endsAt: new Date(endedAt ?? nowMs + endsAfterMs).toISOString(),
  };
}
