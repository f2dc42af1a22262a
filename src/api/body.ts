import type { Context } from 'hono';
import type { Problem } from '../model/problem.ts';
import type { Caller } from '../runtime/access/gate.ts';

/** What the server gives each request, and what the gate has found of it. */
export type Env = { readonly Variables: { readonly caller: Caller }; readonly Bindings: { readonly address: string } };

/** Who did it, for the audit: a token's name whatever the client says; the owner of the home says it. */
export function authorOf(c: Context<Env>, body: Readonly<Record<string, unknown>> | null): string {
  const caller = c.get('caller');
  return caller.kind === 'token' ? caller.name : wordOf(body, 'author', 'unknown');
}

export const refused = (code: Problem['code'], what: string, todo: string): { readonly problems: readonly Problem[] } => ({
  problems: [{ code, what, at: 'api', todo }],
});

/** The body as a JSON object; null: it is none. */
export async function jsonOf(c: Context): Promise<Readonly<Record<string, unknown>> | null> {
  const raw = await c.req.text();
  try {
    const value: unknown = JSON.parse(raw);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : null;
  } catch {
    return null;
  }
}

export function wordOf(body: Readonly<Record<string, unknown>> | null, name: string, otherwise: string): string {
  const value = body?.[name];
  return typeof value === 'string' && value.length <= 1_000 ? value : otherwise;
}
