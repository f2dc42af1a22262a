import { generate } from './generator.ts';
import type { Generator } from './generator.ts';
import { isToLoad } from './messages.ts';
import type { FromLoad } from './messages.ts';

/**
 * Process entry point: the users of the shop. Reads `config` from IPC and starts at once; ends when told (`stop`, SIGTERM), when its
 * bounds are reached, or at once when the supervisor is gone.
 */

let generator: Generator | null = null;

const tell = (message: FromLoad, sent: () => void): void => {
  // A message that cannot be sent: the supervisor has just gone, and `disconnect` is about to say so.
  if (process.connected) process.send?.(message, undefined, undefined, (error) => (error === null ? sent() : process.exit(0)));
  else sent();
};
const done = (sent: number): void => tell({ kind: 'done', sent }, () => process.exit(0));

process.on('message', (message) => {
  if (!isToLoad(message)) return;
  if (message.kind === 'config') generator ??= generate(message.config, (report) => tell({ kind: 'load', report }, () => undefined), done);
  if (message.kind === 'url') generator?.setUrl(message.url);
  if (message.kind === 'flood') generator?.setFlood(message.flood);
  if (message.kind === 'stop') stop();
});
// A Ctrl-C reaches the whole process group: the supervisor stops its children in order, so the signal means nothing here.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', stop);
process.on('disconnect', () => process.exit(0));

function stop(): void {
  if (generator === null) done(0);
  else generator.stop();
}
