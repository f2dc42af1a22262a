import { resolve } from 'node:path';
import { serveEngine } from '../../api/serve.ts';
import { emptyInventory } from '../../model/inventory.ts';
import { ok, type Result } from '../../model/problem.ts';
import { parseHostPort, readServerPem, type ListenAsk } from '../../runtime/access/listen.ts';
import { endWithin, endWithParent } from '../../runtime/children.ts';
import { systemClock } from '../../runtime/clock.ts';
import { loadInventory, watchInventory } from '../../runtime/inventory.ts';
import { packageVersion } from '../../runtime/package.ts';
import { flag, inventoryOption, list, text, UsageError, type Command, type Values } from '../command.ts';
import { refuse, say } from '../print.ts';
import { applyAtStart } from '../startrules.ts';
import { untilStopped } from '../stop.ts';

const graceMs = 200;

export const engine: Command = {
  name: 'engine',
  args: '',
  about: 'one engine and its HTTP API, on the database and the bus of FLYBALL_HOME (or DATABASE_URL and NATS_URL)',
  options: {
    inventory: inventoryOption,
    rules: { type: 'string', multiple: true, value: 'DIR', about: 'rule folders to save at the start; may be repeated' },
    port: { type: 'string', value: 'N', about: 'of the API, on the loopback (default: a free one)' },
    listen: { type: 'string', value: 'HOST:PORT', about: 'the API for others too, with tokens of `flyball auth token`' },
    'tls-cert': { type: 'string', value: 'FILE', about: 'certificate of --listen, with its chain (PEM)' },
    'tls-key': { type: 'string', value: 'FILE', about: 'its private key (PEM, mode 0600)' },
    'insecure-listen': { type: 'boolean', about: '--listen may be plain beyond this machine: tokens are then sent in the clear' },
    record: { type: 'string', value: 'FILE', about: 'write records, ticks and source lines as JSON lines, in the order read' },
  },
  run: async (_args, values) => {
    const inventoryFile = text(values, 'inventory');
    const inventory = inventoryFile === undefined ? ok(emptyInventory) : loadInventory(inventoryFile);
    if (!inventory.ok) return refuse(inventory);
    const listen = listenOf(values);
    if (!listen.ok) return refuse(listen);
    const record = text(values, 'record');
    const served = await serveEngine({
      version: packageVersion(),
      inventory: inventory.value,
      rules: applyAtStart(list(values, 'rules')),
      port: portOf(text(values, 'port')),
      listen: listen.value,
      recordFile: record === undefined ? null : resolve(record),
      say: (line) => say(`engine: ${line}`),
    });
    if (!served.ok) return refuse(served);
    const unwatch = inventoryFile === undefined ? () => undefined : watchInventory(inventoryFile, systemClock(), { change: served.value.setInventory, say }); // prettier-ignore
    process.send?.({ kind: 'ready', address: served.value.url });
    if (process.send === undefined) say(`engine: API at ${served.value.url}`);
    await untilStopped(endWithParent);
    unwatch();
    await served.value.stop();
    endWithin(graceMs);
    return 0;
  },
};

function listenOf(values: Values): Result<ListenAsk | null> {
  const [given, cert, key] = [text(values, 'listen'), text(values, 'tls-cert'), text(values, 'tls-key')];
  if ((cert === undefined) !== (key === undefined)) throw new UsageError('--tls-cert and --tls-key go together');
  if (given === undefined) {
    if (cert !== undefined || flag(values, 'insecure-listen'))
      throw new UsageError('--tls-cert, --tls-key and --insecure-listen are for --listen');
    return ok(null);
  }
  const at = parseHostPort(given);
  if (at === null) throw new UsageError(`--listen takes HOST:PORT, not ${JSON.stringify(given)}`);
  const pem = cert === undefined || key === undefined ? ok(null) : readServerPem({ cert, key });
  return pem.ok ? ok({ ...at, tls: pem.value, insecure: flag(values, 'insecure-listen') }) : pem;
}

function portOf(given: string | undefined): number {
  const port = Number(given ?? '0');
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new UsageError(`--port takes 0 … 65535, not ${JSON.stringify(given)}`);
  return port;
}
