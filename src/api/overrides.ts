import type { Hono } from 'hono';
import { liftedMax, nameCharsMax } from '../core/limits.ts';
import type { EngineHandle } from '../engine/handle.ts';
import { overrideModes } from '../model/override.ts';
import { authorOf, jsonOf, refused, wordOf, type Env } from './body.ts';

/** Freeze, revert and off. */
export function overrideRoutes(app: Hono<Env>, engine: EngineHandle): void {
  app.get('/v1/overrides', (c) => c.json(engine.overrides()));
  app.post('/v1/overrides', async (c) => {
    const body = await jsonOf(c);
    const asked = overrideOf(body, authorOf(c, body));
    if (asked === null) return c.json(refused('E-BODY', 'the body is not {"mode", "scope", "reason", "forMs"}', 'see flyball freeze --help'), 400); // prettier-ignore
    const set = engine.override(asked);
    return set.ok ? c.json(set.value) : c.json({ problems: [set.problem] }, 422);
  });
  app.post('/v1/overrides/lift', async (c) => {
    const body = await jsonOf(c);
    const ids: unknown = body?.['ids'];
    if (!Array.isArray(ids) || ids.length > liftedMax || !ids.every((id) => typeof id === 'string'))
      return c.json(refused('E-BODY', 'the body is not {"ids": […]}', 'send the ids that status shows'), 400);
    const lifted = await engine.lift({ ids, author: authorOf(c, body), reason: wordOf(body, 'reason', '') });
    return lifted.ok ? c.json({ ids: lifted.value }) : c.json({ problems: [lifted.problem] }, 422);
  });
}

function overrideOf(body: Readonly<Record<string, unknown>> | null, by: string): Parameters<EngineHandle['override']>[0] | null {
  const mode = overrideModes.find((one) => one === body?.['mode']);
  const { kind, name } = (body?.['scope'] ?? {}) as { readonly kind?: unknown; readonly name?: unknown };
  const forMs = body?.['forMs'] ?? null;
  const id = body?.['id'] ?? null;
  if (mode === undefined || (forMs !== null && typeof forMs !== 'number')) return null;
  if (id !== null && (typeof id !== 'string' || !/^[0-9a-f]{32}$/.test(id))) return null;
  const asked = { id, mode, by: by.slice(0, nameCharsMax), reason: wordOf(body, 'reason', ''), forMs };
  if (kind === 'all') return { ...asked, scope: { kind } };
  const isNamed = kind === 'target' || kind === 'rule' || kind === 'owner';
  return isNamed && typeof name === 'string' && name.length <= nameCharsMax ? { ...asked, scope: { kind, name } } : null;
}
