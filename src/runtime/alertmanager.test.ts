import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { Alert } from '../model/alert.ts';
import type { Notifier } from '../ports/notifier.ts';
import { createAlertmanager } from './alertmanager.ts';
import { systemClock } from './clock.ts';

const clock = systemClock();
const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

type Posted = {
  readonly labels: Record<string, string>;
  readonly annotations: Record<string, string>;
  readonly startsAt: string;
  readonly endsAt: string;
};

/** A server that answers with each of these in turn, then 200, and what it was sent. */
async function server(
  answers: readonly number[],
): Promise<{ readonly url: string; readonly got: { readonly path: string; readonly auth: string; readonly alerts: readonly Posted[] }[] }> {
  const left = [...answers];
  const got: { path: string; auth: string; alerts: readonly Posted[] }[] = [];
  const http = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      got.push({ path: request.url ?? '', auth: request.headers.authorization ?? '', alerts: JSON.parse(body) as readonly Posted[] });
      response.statusCode = left.shift() ?? 200;
      response.end();
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  open.push(() => void http.close());
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, got };
}

function notifier(url: string): Notifier {
  const made = createAlertmanager({ url, clock });
  if (!made.ok) throw new Error(made.problem.what);
  open.push(made.value.stop);
  return made.value;
}

const alert = (key: string, endedAt: number | null = null): Alert => ({
  rule: 'r',
  revision: 1,
  owner: 'sre',
  severity: 'page',
  key,
  summary: 'it is down',
  why: 'because',
  runbook: 'runbooks/r.md',
  startedAt: Date.UTC(2026, 0, 1),
  endedAt,
});

const until = async (holds: () => boolean): Promise<void> => {
  for (let i = 0; i < 400 && !holds(); i++) await new Promise<void>((done) => clock.after(10, done));
  expect(holds()).toBe(true);
};

test('an alert is posted as the v2 API takes it, and its end after it', async () => {
  const { url, got } = await server([]);
  const { notify, problem } = notifier(`${url}/am/`);
  notify(alert('{"k":"a"}'));
  await until(() => got.length === 1);
  expect(got[0]).toMatchObject({ path: '/am/api/v2/alerts', auth: '' });
  const [posted] = got[0]?.alerts ?? [];
  expect(posted).toMatchObject({
    labels: { alertname: 'r', severity: 'page', owner: 'sre', key: '{"k":"a"}' },
    annotations: { summary: 'it is down', description: 'because', runbook: 'runbooks/r.md' },
    startsAt: '2026-01-01T00:00:00.000Z',
  });
  expect(Date.parse(posted?.endsAt ?? '')).toBeGreaterThan(clock.now() + 60_000);
  notify(alert('{"k":"a"}', Date.UTC(2026, 0, 2)));
  await until(() => got.length === 2);
  expect(got[1]?.alerts[0]?.endsAt).toBe('2026-01-02T00:00:00.000Z');
  expect(problem()).toBeNull();
});

test('what is refused is said, without what the address may hold, and tried again', async () => {
  const { url, got } = await server([500]);
  const { notify, problem } = notifier(url.replace('http://', 'http://user:geheim@'));
  notify(alert('{}'));
  await until(() => problem() !== null);
  expect(problem()).toMatchObject({ code: 'E-NOTIFY', what: '1 alerts are not delivered: it answered 500' });
  expect(JSON.stringify(problem())).not.toContain('geheim');
  await until(() => got.length === 2 && problem() === null);
  expect(got[1]?.auth).toBe(`Basic ${Buffer.from('user:geheim').toString('base64')}`);
});

test('an address that nothing answers at is a problem; one that is none is refused', async () => {
  const { url } = await server([]);
  open.splice(0).forEach((close) => close());
  const { notify, problem } = notifier(url);
  notify(alert('{}'));
  await until(() => problem() !== null);
  expect(problem()?.what).toMatch(/not delivered/);
  expect(createAlertmanager({ url: 'ftp://x', clock })).toMatchObject({ ok: false, problem: { code: 'E-NOTIFY-URL' } });
});
