import { faults } from '../../../connectors/shop/faults.ts';
import { generate } from '../../../connectors/shop/generator.ts';
import { defaultLoad } from '../../../connectors/shop/messages.ts';
import { shop } from '../../../connectors/shop/network.ts';
import { serve } from '../../../connectors/shop/server.ts';
import { list, text, UsageError, type Command, type Values } from '../command.ts';
import { say } from '../print.ts';
import { untilStopped } from '../stop.ts';

const graceMs = 2_000;
const replicas = shop.flatMap((service) => service.instances.map((instance) => ({ service, ...instance })));

/** One process of the demo network by itself, as in compose.yaml; `flyball up` forks the same. */
export const shopReplica: Command = {
  name: 'shop serve',
  args: 'INSTANCE',
  about: `one replica of the demo shop: ${replicas.map(({ instance }) => instance).join(', ')}`,
  options: {
    listen: { type: 'string', value: 'HOST:PORT', about: 'default 127.0.0.1, a free port' },
    call: { type: 'string', multiple: true, value: 'SERVICE=URL', about: 'where a service that it calls is; may be repeated' },
    fault: { type: 'string', value: 'NAME', about: `what is wrong with it: ${Object.keys(faults).join(', ')}; empty: nothing` },
  },
  run: async ([name], values) => {
    const replica = replicas.find(({ instance }) => instance === name);
    if (replica === undefined) throw new UsageError(`no replica ${JSON.stringify(name ?? '')}: one of ${replicas.map((r) => r.instance).join(', ')}`); // prettier-ignore
    const { instance, version, zone } = replica;
    const { service, latencyMs, jitterMs, routes } = replica.service;
    const fault = faultOf(text(values, 'fault') ?? '');
    const running = await serve({
      service,
      instance,
      version,
      zone,
      latencyMs,
      jitterMs,
      routes,
      calls: callsOf(values),
      ...listenOf(values),
    });
    if (fault !== null) running.setFault(fault, true);
    say(`shop: ${service} ${instance} listens on port ${running.port}`);
    await untilStopped();
    await running.stop(graceMs);
    return 0;
  },
};

export const shopUsers: Command = {
  name: 'shop users',
  args: 'URL',
  about: `the users of the demo shop: ${defaultLoad.ratePerS} requests a second to the gateway's sidecar at URL`,
  options: {},
  run: async ([url]) => {
    if (url === undefined || !URL.canParse(url)) throw new UsageError('the users need the URL of the sidecar before the gateway');
    const sum = { sent: 0, failed: 0 };
    await new Promise<number>((resolve) => {
      const generator = generate({ ...defaultLoad, url }, (report) => count(sum, report), resolve);
      void untilStopped().then(generator.stop);
    });
    say(`shop: ${sum.sent} requests, ${sum.failed} of them failed`);
    return 0;
  },
};

const count = (sum: { sent: number; failed: number }, report: { readonly sent: number; readonly failed: number }): void => {
  sum.sent += report.sent;
  sum.failed += report.failed;
};

function listenOf(values: Values): { readonly host: string; readonly port: number } {
  const given = text(values, 'listen') ?? '127.0.0.1:0';
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(given) ?? [];
  if (host === undefined || Number(port) > 65_535) throw new UsageError(`--listen takes HOST:PORT, not ${JSON.stringify(given)}`);
  return { host, port: Number(port) };
}

function callsOf(values: Values): Readonly<Record<string, string>> {
  const calls = list(values, 'call').map(
    (pair) => [pair.slice(0, Math.max(0, pair.indexOf('='))), pair.slice(pair.indexOf('=') + 1)] as const,
  );
  for (const [service, url] of calls)
    if (service === '' || !URL.canParse(url)) throw new UsageError(`--call takes SERVICE=URL, not ${JSON.stringify(`${service}=${url}`)}`);
  return Object.fromEntries(calls);
}

function faultOf(name: string): (typeof faults)[keyof typeof faults] | null {
  if (name === '') return null;
  const found = Object.values(faults).find(({ flag }) => flag === name);
  if (found === undefined) throw new UsageError(`no fault ${JSON.stringify(name)}: one of ${Object.keys(faults).join(', ')}`);
  return found;
}
