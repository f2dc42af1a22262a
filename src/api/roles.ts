import type { Context } from 'hono';
import { matchedRoutes } from 'hono/route';
import { mayUse, type Role } from '../runtime/access/roles.ts';
import type { Caller } from '../runtime/access/gate.ts';

/** What each route needs. A route that is not here is refused to everybody, and test/security/api.test.ts is red for it. */
export const routeRoles: Readonly<Record<string, Role>> = {
  'GET /v1/status': 'viewer',
  'GET /v1/tables': 'viewer',
  'GET /v1/why/:subject': 'viewer',
  'GET /v1/rules': 'viewer',
  'GET /v1/rules/:name/history': 'viewer',
  'GET /v1/events': 'viewer',
  'POST /v1/rules': 'author',
  'DELETE /v1/rules/:name': 'author',
  'POST /v1/rules/:name/resume': 'operator',
  'GET /v1/overrides': 'viewer',
  'POST /v1/overrides': 'operator',
  'POST /v1/overrides/lift': 'operator',
  'GET /v1/tokens': 'admin',
  'POST /v1/tokens': 'admin',
  'DELETE /v1/tokens/:name': 'admin',
};

/** "GET /v1/status", as the table has it: the route that will answer; null: none will. */
export function routeOf(c: Context): string | null {
  const route = matchedRoutes(c).find(({ method }) => method !== 'ALL');
  return route === undefined ? null : `${route.method} ${route.path}`;
}

/** Whether the caller may use the route; null: there is no such route, and nothing to refuse. */
export function allowed(caller: Caller, route: string | null): boolean {
  if (route === null) return true;
  const needed = Object.hasOwn(routeRoles, route) ? routeRoles[route] : undefined;
  return needed !== undefined && (caller.kind === 'local' || mayUse(caller.role, needed));
}
