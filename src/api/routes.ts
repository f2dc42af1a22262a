import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { EngineHandle } from '../engine/handle.ts';
import type { Result } from '../model/problem.ts';
import type { Gate } from '../runtime/access/gate.ts';
import { isRole, roles } from '../runtime/access/roles.ts';
import { tokenDaysDefault, type MadeToken, type TokenAsk, type TokenView } from '../runtime/access/tokens.ts';
import { authorOf, jsonOf, refused, wordOf, type Env } from './body.ts';
import { overrideRoutes } from './overrides.ts';
import { allowed, routeOf, routeRoles } from './roles.ts';

/** The greatest request body in bytes: a rule file is at most 64 KiB, JSON escapes may double it. */
export const bodyBytesMax = 256 * 1024;

/** Tokens as the API gives them out; times in ms. */
export type Tokens = {
  readonly list: () => Result<readonly TokenView[]>;
  readonly make: (ask: TokenAsk) => Promise<Result<MadeToken>>;
  readonly revoke: (name: string) => Promise<Result<TokenView>>;
};

/**
 * The engine's HTTP API. Every route wants `Authorization: Bearer TOKEN` and a role (roles.ts); problems come back as {"problems": [...]}
 * with 4xx. `local`: the listener is this machine's own, where FLYBALL_HOME's token counts.
 */
export function routes(of: {
  readonly engine: EngineHandle;
  readonly gate: Gate;
  readonly tokens: Tokens;
  readonly local: boolean;
}): Hono<Env> {
  const { engine, gate, tokens, local } = of;
  const app = new Hono<Env>();
  app.use('*', async (c, next) => {
    const token = /^Bearer (\S{1,512})$/.exec(c.req.header('authorization') ?? '')?.[1] ?? '';
    const entered = gate.enter({ token, address: c.env.address, local });
    if (!entered.ok) {
      const { problem } = entered;
      return c.json({ problems: [problem] }, problem.code === 'E-AUTH' ? 401 : problem.code === 'E-AUTH-RATE' ? 429 : 503);
    }
    const route = routeOf(c);
    if (!allowed(entered.value, route))
      return c.json(refused('E-ROLE', `${route ?? ''} wants the role ${routeRoles[route ?? ''] ?? 'of nobody'}`, 'ask an admin for a token of that role'), 403); // prettier-ignore
    c.set('caller', entered.value);
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
    const saved = await engine.saveRule({ text, file, author: authorOf(c, body), reason: wordOf(body, 'reason', '') });
    return saved.ok ? c.json(saved.value) : c.json({ problems: saved.problem }, 422);
  });
  app.delete('/v1/rules/:name', async (c) => {
    const body = await jsonOf(c);
    const removed = await engine.removeRule({
      name: c.req.param('name'),
      author: authorOf(c, body),
      reason: wordOf(body, 'reason', ''),
    });
    return removed.ok ? c.json(removed.value) : c.json({ problems: removed.problem }, 422);
  });
  app.post('/v1/rules/:name/resume', async (c) => {
    const body = await jsonOf(c);
    const key = body?.['key'] ?? null;
    if (key !== null && typeof key !== 'string') return c.json(refused('E-BODY', 'the key is not text', 'send it as JSON text, or leave it out'), 400); // prettier-ignore
    const asked = { rule: c.req.param('name'), key, author: authorOf(c, body), reason: wordOf(body, 'reason', '') };
    const resumed = engine.resume(asked);
    return resumed.ok ? c.json({ keys: resumed.value }) : c.json({ problems: [resumed.problem] }, 422);
  });
  overrideRoutes(app, engine);
  app.get('/v1/tokens', (c) => {
    const listed = tokens.list();
    return listed.ok ? c.json(listed.value) : c.json({ problems: [listed.problem] }, 503);
  });
  app.post('/v1/tokens', async (c) => {
    const body = await jsonOf(c);
    const [name, role, days] = [body?.['name'], body?.['role'], body?.['days'] ?? tokenDaysDefault];
    if (typeof name !== 'string' || !isRole(role) || typeof days !== 'number')
      return c.json(refused('E-BODY', `the body is not {"name", "role": ${roles.join('|')}, "days"}`, 'send these'), 400);
    const made = await tokens.make({ name, role, days, by: authorOf(c, body) });
    return made.ok ? c.json(made.value) : c.json({ problems: [made.problem] }, 422);
  });
  app.delete('/v1/tokens/:name', async (c) => {
    const revoked = await tokens.revoke(c.req.param('name'));
    return revoked.ok ? c.json(revoked.value) : c.json({ problems: [revoked.problem] }, 422);
  });
  app.notFound((c) => c.json(refused('E-ROUTE', `no such route: ${c.req.path}`, 'see SECURITY.md for the routes'), 404));
  app.onError((error, c) => c.json(refused('E-API', error.message, 'see the engine log'), 500));
  return app;
}
