import { createHash } from 'node:crypto';
import { Hono, type Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { EngineHandle } from '../engine/handle.ts';
import type { Problem } from '../model/problem.ts';

/** The greatest request body in bytes: a rule file is at most 64 KiB, JSON escapes may double it. */
export const bodyBytesMax = 256 * 1024;

/** The engine's HTTP API. Every route wants `Authorization: Bearer TOKEN`; problems come back as {"problems": [...]} with 4xx. */
export function routes(engine: EngineHandle, token: string): Hono {
  const app = new Hono();
  app.use('*', async (c, next) => {
    const given = /^Bearer (.+)$/.exec(c.req.header('authorization') ?? '')?.[1] ?? '';
    if (!same(given, token)) return c.json(refused('E-AUTH', 'the token is missing or wrong', 'send the one in FLYBALL_HOME/token'), 401);
    await next();
    c.header('flyball-role', engine.leads() ? 'leader' : 'standby');
    return;
  });
  app.use('*', bodyLimit({ maxSize: bodyBytesMax, onError: (c) => c.json(refused('E-BODY-SIZE', 'the body is over 256 KiB', 'send less'), 413) })); // prettier-ignore
  app.get('/v1/status', (c) => c.json(engine.status()));
  app.get('/v1/tables', async (c) => c.json(await engine.tables()));
  app.get('/v1/why/:subject', async (c) => c.json(await engine.why(c.req.param('subject'))));
  app.get('/v1/rules', async (c) => c.json(await engine.rules()));
  app.get('/v1/rules/:name/history', async (c) => c.json(await engine.history(c.req.param('name'))));
  app.get('/v1/events', async (c) => {
    const after = Number(c.req.query('after') ?? '0');
    const waitMs = Number(c.req.query('wait') ?? '0');
    if (!Number.isSafeInteger(after) || !Number.isSafeInteger(waitMs) || waitMs < 0 || waitMs > 30_000)
      return c.json(refused('E-QUERY', 'after and wait are whole numbers, wait at most 30000', 'correct the query'), 400);
    return c.json(await engine.events(after, waitMs));
  });
  app.post('/v1/rules', async (c) => {
    const body = await jsonOf(c);
    const [text, file] = [body?.['text'], body?.['file']];
    if (typeof text !== 'string' || typeof file !== 'string')
      return c.json(refused('E-BODY', 'the body is not {"text", "file"}', 'send the rule file as text'), 400);
    const saved = await engine.saveRule({ text, file, author: wordOf(body, 'author', 'unknown'), reason: wordOf(body, 'reason', '') });
    return saved.ok ? c.json(saved.value) : c.json({ problems: saved.problem }, statusFor(saved.problem));
  });
  app.delete('/v1/rules/:name', async (c) => {
    const body = await jsonOf(c);
    const removed = await engine.removeRule({
      name: c.req.param('name'),
      author: wordOf(body, 'author', 'unknown'),
      reason: wordOf(body, 'reason', ''),
    });
    return removed.ok ? c.json(removed.value) : c.json({ problems: removed.problem }, statusFor(removed.problem));
  });
  app.post('/v1/rules/:name/resume', async (c) => {
    const body = await jsonOf(c);
    const key = body?.['key'] ?? null;
    if (key !== null && typeof key !== 'string') return c.json(refused('E-BODY', 'the key is not text', 'send it as JSON text, or leave it out'), 400); // prettier-ignore
    const asked = { rule: c.req.param('name'), key, author: wordOf(body, 'author', 'unknown'), reason: wordOf(body, 'reason', '') };
    const resumed = engine.resume(asked);
    return resumed.ok ? c.json({ keys: resumed.value }) : c.json({ problems: [resumed.problem] }, statusFor([resumed.problem]));
  });
  app.post('/v1/resume-restored', async (c) => {
    const body = await jsonOf(c);
    const resumed = await engine.resumeRestored({ author: wordOf(body, 'author', 'unknown'), reason: wordOf(body, 'reason', '') });
    return resumed.ok ? c.json({ targets: resumed.value }) : c.json({ problems: [resumed.problem] }, statusFor([resumed.problem]));
  });
  app.notFound((c) => c.json(refused('E-ROUTE', `no such route: ${c.req.path}`, 'see SECURITY.md for the routes'), 404));
  app.onError((error, c) => c.json(refused('E-API', error.message, 'see the engine log'), 500));
  return app;
}

/** 421: another engine leads, and its address is in the problem (RFC 9110 section 15.5.20). */
const statusFor = (problems: readonly Problem[]): 421 | 422 => (problems[0]?.code === 'E-STANDBY' ? 421 : 422);

/** Digests are compared, so that time tells nothing of the token. */
const same = (a: string, b: string): boolean => digest(a) === digest(b);
const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

const refused = (code: Problem['code'], what: string, todo: string): { readonly problems: readonly Problem[] } => ({
  problems: [{ code, what, at: 'api', todo }],
});

async function jsonOf(c: Context): Promise<Readonly<Record<string, unknown>> | null> {
  const raw = await c.req.text();
  try {
    const value: unknown = JSON.parse(raw);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : null;
  } catch {
    return null;
  }
}

function wordOf(body: Readonly<Record<string, unknown>> | null, name: string, otherwise: string): string {
  const value = body?.[name];
  return typeof value === 'string' && value.length <= 1_000 ? value : otherwise;
}
