import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { overrideFile } from '../engine/overridefile.ts';
import { startEngine, type EngineOptions } from '../engine/engine.ts';
import { openRecording } from '../runtime/recording.ts';
import { ok, type Result } from '../model/problem.ts';
import type { Inventory } from '../model/inventory.ts';
import { createAlertmanager } from '../runtime/alertmanager.ts';
import { findBus, openBus } from '../runtime/bus.ts';
import { systemClock } from '../runtime/clock.ts';
import { apiToken, lockHome, openHome } from '../runtime/home.ts';
import { serveHttp } from '../runtime/http.ts';
import { engineKeys } from '../runtime/keys.ts';
import { migrate } from '../runtime/migrate.ts';
import { findDatabase } from '../runtime/postgres.ts';
import { systemRandom } from '../runtime/random.ts';
import { removeRun, writeRun } from '../runtime/run.ts';
import { openStore } from '../runtime/store.ts';
import { routes } from './routes.ts';

export type Served = {
  readonly url: string;
  readonly setInventory: (inventory: Inventory) => void;
  readonly stop: () => Promise<void>;
};

/**
 * One engine and its HTTP API in this process, on the database and the bus of the home (or of DATABASE_URL and NATS_URL). What was opened
 * is closed again, in reverse, when a later step fails and at stop().
 */
export async function serveEngine(options: {
  readonly version: string;
  readonly inventory: Inventory;
  /** Saved before anything is read. */
  readonly rules: EngineOptions['rules'];
  /** 0: a free one. */
  readonly port: number;
  /** Where records, ticks and source lines go as JSON lines; null: nowhere. */
  readonly recordFile: string | null;
  readonly say: (line: string) => void;
}): Promise<Result<Served>> {
  const { env, pid } = process;
  const opened: (() => void | Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of opened.splice(0).toReversed()) await close();
  };
  const failed = async <T>(result: Result<T>): Promise<Result<never>> => {
    await stop();
    return result as Result<never>;
  };

  const home = openHome({ env, cwd: process.cwd(), say: options.say });
  if (!home.ok) return home;
  const lock = lockHome(home.value, 'engine');
  if (!lock.ok) return lock;
  opened.push(lock.value.release);
  const keys = engineKeys(home.value.keys);
  if (!keys.ok) return failed(keys);
  const token = apiToken(home.value);
  if (!token.ok) return failed(token);
  const database = findDatabase(home.value, env);
  if (!database.ok) return failed(database);
  const migrated = await migrate(database.value.url);
  if (!migrated.ok) return failed(migrated);
  const store = await openStore(database.value);
  if (!store.ok) return failed(store);
  opened.push(store.value.close);
  const address = findBus(home.value, env);
  if (!address.ok) return failed(address);
  const bus = await openBus(address.value, 'engine', 'flyball engine');
  if (!bus.ok) return failed(bus);
  opened.push(bus.value.close);
  const recording = options.recordFile === null ? ok(null) : openRecording(options.recordFile);
  if (!recording.ok) return failed(recording);
  if (recording.value !== null) opened.push(recording.value.close);
  const notifierUrl = env['ALERTMANAGER_URL'];
  const notifier =
    notifierUrl === undefined || notifierUrl === '' ? ok(null) : createAlertmanager({ url: notifierUrl, clock: systemClock() });
  if (!notifier.ok) return failed(notifier);
  if (notifier.value !== null) opened.push(notifier.value.stop);
  const engine = await startEngine({
    // The same home takes the lease over at once (protocol.md section 4).
    holder: `engine-${createHash('sha256').update(home.value.root).digest('hex').slice(0, 12)}`,
    version: options.version,
    pid,
    store: store.value,
    bus: bus.value,
    signer: keys.value.signer,
    verifier: keys.value.verifier,
    clock: systemClock(),
    random: systemRandom,
    inventory: options.inventory,
    rules: options.rules,
    record: recording.value?.write ?? null,
    notifier: notifier.value,
    pendingOverrides: overrideFile(join(home.value.data, 'overrides.json'), options.say),
    say: options.say,
  });
  if (!engine.ok) return failed(engine);
  opened.push(engine.value.stop);
  const http = await serveHttp({ fetch: routes(engine.value, token.value).fetch, port: options.port });
  if (!http.ok) return failed(http);
  opened.push(http.value.close);
  const run = writeRun(home.value, 'engine', { pid, address: http.value.url });
  if (!run.ok) return failed(run);
  opened.push(() => void removeRun(home.value, 'engine'));
  return ok({ url: http.value.url, setInventory: engine.value.setInventory, stop });
}
