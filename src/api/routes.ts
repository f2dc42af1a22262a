import { createHash } from 'node:crypto';
import { Hono, type Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { liftedMax, nameCharsMax } from '../core/limits.ts';
import type { EngineHandle } from '../engine/handle.ts';
import { overrideModes } from '../model/override.ts';
import type { Problem } from '../model/problem.ts';

/** The greatest request body in bytes: a rule file is at most 64 KiB, JSON escapes may double it. */
export const bodyBytesMax = 256 * 1024;

/** The engine's HTTP API. Every route wants `Authorization: Bearer TOKEN`; problems come back as {"problems": [...]} with 4xx. */
export function routes(engine: EngineHandle, token: string): Hono {
  const app = new Hono();
  app.use('*', async (c, next) => {
    const given = /^Bearer (.+)$/.exec(c.req.header('authorization') ?? '')?.[1] ?? '';
    if (!same(given, token)) return c.json(refused('E-AUTH', 'the token is missing or wrong', 'send the one in FLYBALL_HOME/token'), 401);
    return next();
  });
  app.use('*', bodyLimit({ maxSize: bodyBytesMax, onError: (c) => c.json(refused('E-BODY-SIZE', 'the body is over 256 KiB', 'send less'), 413) })); // prettier-ignore
  app.get('/v1/status', (c) => c.json(engine.status()));
  app.get('/v1/tables', (c) => c.json(engine.tables()));
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
    return saved.ok ? c.json(saved.value) : c.json({ problems: saved.problem }, 422);
  });
  app.delete('/v1/rules/:name', async (c) => {
    const body = await jsonOf(c);
    const removed = await engine.removeRule({
      name: c.req.param('name'),
      author: wordOf(body, 'author', 'unknown'),
      reason: wordOf(body, 'reason', ''),
    });
    return removed.ok ? c.json(removed.value) : c.json({ problems: removed.problem }, 422);
  });
  app.post('/v1/rules/:name/resume', async (c) => {
    const body = await jsonOf(c);
    const key = body?.['key'] ?? null;
    if (key !== null && typeof key !== 'string') return c.json(refused('E-BODY', 'the key is not text', 'send it as JSON text, or leave it out'), 400); // prettier-ignore
    const asked = { rule: c.req.param('name'), key, author: wordOf(body, 'author', 'unknown'), reason: wordOf(body, 'reason', '') };
    const resumed = engine.resume(asked);
    return resumed.ok ? c.json({ keys: resumed.value }) : c.json({ problems: [resumed.problem] }, 422);
  });
  app.get('/v1/overrides', (c) => c.json(engine.overrides()));
  app.post('/v1/overrides', async (c) => {
    const asked = overrideOf(await jsonOf(c));
    if (asked === null) return c.json(refused('E-BODY', 'the body is not {"mode", "scope", "by", "reason", "forMs"}', 'see flyball freeze --help'), 400); // prettier-ignore
    const set = engine.override(asked);
    return set.ok ? c.json(set.value) : c.json({ problems: [set.problem] }, 422);
  });
  app.post('/v1/overrides/lift', async (c) => {
    const body = await jsonOf(c);
    const ids: unknown = body?.['ids'];
    if (!Array.isArray(ids) || ids.length > liftedMax || !ids.every((id) => typeof id === 'string'))
      return c.json(refused('E-BODY', 'the body is not {"ids": […]}', 'send the ids that status shows'), 400);
    const lifted = await engine.lift({ ids, author: wordOf(body, 'author', 'unknown'), reason: wordOf(body, 'reason', '') });
    return lifted.ok ? c.json({ ids: lifted.value }) : c.json({ problems: [lifted.problem] }, 422);
  });
  app.notFound((c) => c.json(refused('E-ROUTE', `no such route: ${c.req.path}`, 'see SECURITY.md for the routes'), 404));
  app.onError((error, c) => c.json(refused('E-API', error.message, 'see the engine log'), 500));
  return app;
}

/** Digests are compared, so that time tells nothing of the token. */
const same = (a: string, b: string): boolean => digest(a) === digest(b);
const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

const refused = (code: Problem['code'], what: string, todo: string): { readonly problems: readonly Problem[] } => ({
  problems: [{ code, what, at: 'api', todo }],
});

function overrideOf(body: Readonly<Record<string, unknown>> | null): Parameters<EngineHandle['override']>[0] | null {
  const mode = overrideModes.find((one) => one === body?.['mode']);
  const { kind, name } = (body?.['scope'] ?? {}) as { readonly kind?: unknown; readonly name?: unknown };
  const forMs = body?.['forMs'] ?? null;
  const id = body?.['id'] ?? null;
  if (mode === undefined || (forMs !== null && typeof forMs !== 'number')) return null;
  if (id !== null && (typeof id !== 'string' || !/^[0-9a-f]{32}$/.test(id))) return null;
  const asked = { id, mode, by: wordOf(body, 'by', 'unknown').slice(0, nameCharsMax), reason: wordOf(body, 'reason', ''), forMs };
  if (kind === 'all') return { ...asked, scope: { kind } };
  const isNamed = kind === 'target' || kind === 'rule' || kind === 'owner';
  return isNamed && typeof name === 'string' && name.length <= nameCharsMax ? { ...asked, scope: { kind, name } } : null;
}

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
