import type { IncomingMessage } from 'node:http';

export type Where = { readonly target: string; readonly host: string | undefined };

const absolute = /^http:\/\/([^/?#]*)([^#]*)/i;

/**
 * The request target in origin form and the host it is for. In absolute form the target names the host and the Host header is ignored
 * (RFC 9112 section 3.2.2); more than one Host header is a bad request (section 3.2), as is any other form but `*`. null: refuse it.
 */
export function originForm(req: IncomingMessage): Where | null {
  const url = req.url ?? '';
  if (hosts(req.rawHeaders) > 1) return null;
  const { host } = req.headers;
  if (url.startsWith('/') || (url === '*' && req.method === 'OPTIONS')) return { target: url, host };
  const [, authority, rest = ''] = absolute.exec(url) ?? [];
  if (authority === undefined || authority === '' || authority.includes('@')) return null;
  return { target: rest.startsWith('/') ? rest : `/${rest}`, host: authority };
}

function hosts(raw: readonly string[]): number {
  let count = 0;
  for (let i = 0; i < raw.length; i += 2) if (raw[i]?.length === 4 && raw[i]?.toLowerCase() === 'host') count++;
  return count;
}
