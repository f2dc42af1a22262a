import type { Connector, ConnectorOptions } from '../../src/ports/connector.ts';
import { enforcer } from './enforce.ts';
import type { MirrorCounts } from './mirror.ts';
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
  const target = proxyTarget({ services: settings.services, inventory: options.inventory, stop: () => close() });
  const applied = await target.apply([], options.inventory);
  if (applied.result !== 'accepted') throw new Error('flyball: broken invariant: an empty table was refused');
  const enforce = enforcer(random, clock);
  const proxy = await openProxy({ settings, target: options.target, clock, random, policy: target.policy, enforce, onRecord: source.add });
  const quiet = clock.each(mirrorsToldMs, mirrorTeller(proxy.mirrors, say));
  close = async () => {
    quiet();
    await proxy.stop();
  };
  const host = proxy.host.includes(':') ? `[${proxy.host}]` : proxy.host;
  say(`sidecar ${options.target} for ${settings.services.join(', ')} listens on ${host}:${proxy.port}`);
  return { target, source, address: `http://${host}:${proxy.port}` };
}

const mirrorsToldMs = 10_000;

/** Says how many copies did not go out, or came to nothing, when there are more than last time. */
function mirrorTeller(counts: () => MirrorCounts, say: (line: string) => void): () => void {
  let told = 0;
  return () => {
    const { sent, answered: _, ...lost } = counts();
    const all = Object.values(lost).reduce((sum, count) => sum + count, 0);
    if (all === told) return;
    told = all;
    const reasons = Object.entries(lost).filter(([, count]) => count > 0).map(([why, count]) => `${why} ${count}`); // prettier-ignore
    say(`mirror: ${sent} copies sent; ${reasons.join(', ')}`);
  };
}
