import { isToService, servedEveryMs } from './messages.ts';
import type { FromService, ServiceConfig } from './messages.ts';
import { serve } from './server.ts';
import type { Service } from './server.ts';

/**
 * Process entry point: one replica of a shop service, forked by the supervisor. Reads `config` from IPC, answers `ready`, and ends when
 * told by SIGTERM (answering what it has accepted first) or at once when the supervisor is gone.
 */

const graceMs = 2_000;
let service: Promise<Service> | null = null;
let instance = '';

const tell = (message: FromService): void => {
  // A message that cannot be sent: the supervisor has just gone, and `disconnect` is about to say so.
  if (process.connected) process.send?.(message, undefined, undefined, (error) => (error === null ? undefined : process.exit(0)));
};

async function start(config: ServiceConfig): Promise<Service> {
  instance = config.instance;
  const started = await serve(config);
  tell({ kind: 'ready', instance, port: started.port });
  setInterval(() => {
    const atMs = Date.now();
    tell({ kind: 'served', instance, atMs, ...started.take() });
  }, servedEveryMs);
  return started;
}

function broken(error: unknown): never {
  tell({ kind: 'broken', instance, reason: error instanceof Error ? error.message : String(error) });
  process.exit(1);
}

process.on('message', (message) => {
  if (!isToService(message)) return;
  if (message.kind === 'config') service ??= start(message.config);
  service
    ?.then((running) => {
      if (message.kind === 'calls') running.setCalls(message.calls);
      if (message.kind === 'fault') running.setFault(message.fault, message.on);
    })
    .catch(broken);
});
// A Ctrl-C reaches the whole process group: the supervisor stops its children in order, so the signal means nothing here.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => {
  (service ?? Promise.resolve(null))
    .then((running) => running?.stop(graceMs))
    .then(() => process.exit(0))
    .catch(broken);
});
