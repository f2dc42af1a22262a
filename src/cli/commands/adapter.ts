import { resolve } from 'node:path';
import { runAdapter } from '../../adapter/adapter.ts';
import { loadConnector } from '../../adapter/connectors.ts';
import { silenceable } from '../../adapter/silence.ts';
import { isTelemetryMessage } from '../../engine/up/parts.ts';
import { emptyInventory } from '../../model/inventory.ts';
import { ok } from '../../model/problem.ts';
import { findBus, openBus } from '../../runtime/bus.ts';
import { endWithParent } from '../../runtime/children.ts';
import { systemClock } from '../../runtime/clock.ts';
import { openHome } from '../../runtime/home.ts';
import { loadInventory, watchInventory } from '../../runtime/inventory.ts';
import { readVerifier } from '../../runtime/keys.ts';
import { adapterSocket, socketPath } from '../../runtime/sockets.ts';
import { systemRandom } from '../../runtime/random.ts';
import { inventoryOption, list, oneOf, text, UsageError, type Command } from '../command.ts';
import { refuse, say } from '../print.ts';
import { untilStopped } from '../stop.ts';

export const adapter: Command = {
  name: 'adapter',
  args: 'CONNECTOR',
  about: 'one enforcement point: takes the table of a target from the bus, drives a connector, reports records',
  options: {
    target: { type: 'string', value: 'NAME', about: 'the target it is, [a-z0-9-]{1,63}' },
    set: { type: 'string', multiple: true, value: 'NAME=VALUE', about: "the connector's settings; may be repeated" },
    inventory: inventoryOption,
    'on-empty': { type: 'string', value: 'closed|open', about: 'what it does while no table is held (default closed: denies)' },
    key: { type: 'string', value: 'FILE', about: "the engine's public key (default FLYBALL_HOME/keys/engine.pub)" },
  },
  more: '  Exit code 3: another adapter of this target has taken over.',
  run: async ([name], values) => {
    const target = text(values, 'target');
    if (name === undefined || target === undefined) throw new UsageError('an adapter takes a connector and --target');
    const home = openHome({ env: process.env, cwd: process.cwd(), say });
    if (!home.ok) return refuse(home);
    const connector = await loadConnector(name);
    if (!connector.ok) return refuse(connector);
    const verifier = readVerifier(text(values, 'key') ?? home.value.keys);
    if (!verifier.ok) return refuse(verifier);
    const inventoryFile = text(values, 'inventory');
    const inventory = inventoryFile === undefined ? ok(emptyInventory) : loadInventory(inventoryFile);
    if (!inventory.ok) return refuse(inventory);
    const address = findBus(home.value, process.env);
    const bus = address.ok ? await openBus(address.value, 'member', `flyball adapter ${target}`) : address;
    if (!bus.ok) return refuse(bus);
    const clock = systemClock();
    const socket = socketPath(home.value, adapterSocket(target), say);
    if (!socket.ok) {
      await bus.value.close();
      return refuse(socket);
    }
    const quiet = silenceable(bus.value, target);
    const onMessage = (message: unknown): void => (isTelemetryMessage(message) ? quiet.setTelemetry(message.on) : undefined);
    process.on('message', onMessage);
    const running = await runAdapter({
      target,
      connector: connector.value,
      settings: settingsOf(list(values, 'set')),
      inventory: inventory.value,
      bus: quiet.bus,
      verifier: verifier.value,
      clock,
      random: systemRandom,
      file: resolve(home.value.data, `adapter-${target}.json`),
      onEmpty: oneOf(values, 'on-empty', ['closed', 'open'] as const, 'closed'),
      socket: socket.value,
      say: (line) => say(`adapter: ${line}`),
    });
    if (!running.ok) {
      process.off('message', onMessage);
      await bus.value.close();
      return refuse(running);
    }
    const unwatch = inventoryFile === undefined ? () => undefined : watchInventory(inventoryFile, clock, { change: running.value.setInventory, say }); // prettier-ignore
    const ready = clock.each(20, () => {
      if (running.value.status()?.ready !== true) return;
      ready();
      process.send?.({ kind: 'ready', address: running.value.address });
    });
    const why = await Promise.race([untilStopped(endWithParent), running.value.superseded.then(() => 'superseded' as const)]);
    ready();
    process.off('message', onMessage);
    unwatch();
    await running.value.stop();
    await bus.value.close();
    return why === 'superseded' ? 3 : 0;
  },
};

function settingsOf(pairs: readonly string[]): Readonly<Record<string, string>> {
  const settings = new Map<string, string>();
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    if (at < 1) throw new UsageError(`--set takes NAME=VALUE, not ${JSON.stringify(pair)}`);
    settings.set(pair.slice(0, at), pair.slice(at + 1));
  }
  return Object.fromEntries(settings);
}
