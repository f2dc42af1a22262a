import type { Connector, ConnectorOptions } from '../../src/ports/connector.ts';
import { enforcer } from './enforce.ts';
import { openProxy } from './proxy.ts';
import { parseSettings } from './settings.ts';
import { recordSource } from './source.ts';
import { proxyTarget } from './target.ts';

export const connector: Connector = {
  name: 'builtin',
  about:
    'a sidecar that needs nothing but Node: a plain HTTP/1.1 reverse proxy before --set service=NAME, listening on --set listen=HOST:PORT',
  open,
};

async function open(options: ConnectorOptions): ReturnType<NonNullable<Connector['open']>> {
  const { clock, random, say } = options;
  const parsed = parseSettings(options.settings);
  // Only a person at the command line can set it right.
  if (!parsed.ok) throw new Error(`${parsed.problem.code} ${parsed.problem.what} · ${parsed.problem.todo}`);
  const settings = parsed.value;
  const source = recordSource({ clock, target: options.target });
  let close = async (): Promise<void> => undefined;
  const target = proxyTarget({ services: settings.services, stop: () => close() });
  const applied = await target.apply([], options.inventory);
  if (applied.result !== 'accepted') throw new Error('flyball: broken invariant: an empty table was refused');
  const enforce = enforcer(random);
  const proxy = await openProxy({ settings, target: options.target, clock, random, policy: target.policy, enforce, onRecord: source.add });
  close = proxy.stop;
  const host = proxy.host.includes(':') ? `[${proxy.host}]` : proxy.host;
  say(`sidecar ${options.target} for ${settings.services.join(', ')} listens on ${host}:${proxy.port}`);
  return { target, source, address: `http://${host}:${proxy.port}` };
}
