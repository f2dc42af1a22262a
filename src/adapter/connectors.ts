import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { fail, ok, type Result } from '../model/problem.ts';
import type { Connector } from '../ports/connector.ts';

/** Connectors are the folders of connectors/ that hold a connector.js (as built) or connector.ts; each is loaded when used. */
const folder = join(import.meta.dirname, '..', '..', 'connectors');

export const connectorNames = (): readonly string[] => readdirSync(folder).filter((name) => moduleOf(name) !== null).toSorted(); // prettier-ignore

/** Errors: E-CONNECTOR-NONE for a name that is no folder there. */
export async function loadConnector(name: string): Promise<Result<Connector>> {
  const names = connectorNames();
  const path = names.includes(name) ? moduleOf(name) : null;
  if (path === null)
    return fail({ code: 'E-CONNECTOR-NONE', what: `no connector ${JSON.stringify(name)}`, at: name, todo: `one of ${names.join(', ')}` });
  const module = (await import(pathToFileURL(path).href)) as { readonly connector: Connector };
  return ok(module.connector);
}

function moduleOf(name: string): string | null {
  return ['connector.js', 'connector.ts'].map((file) => join(folder, name, file)).find(existsSync) ?? null;
}
