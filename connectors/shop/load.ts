import { generate } from './generator.ts';
import type { Generator } from './generator.ts';
import { isToLoad } from './messages.ts';
import type { FromLoad } from './messages.ts';

/**
 * Process entry point: the users of the shop. Reads `config` from IPC and starts at once; ends when told (`stop`, SIGTERM), when its
 * bounds are reached, or at once when the supervisor is gone.
 */

let generator: Generator | null = null;

const tell = (message: FromLoad): void => {
  if (process.connected) process.send?.(message);
};
const done = (sent: number): void => {
  const end = (): never => process.exit(0);
  if (process.connected) process.send?.({ kind: 'done', sent } satisfies FromLoad, end);
  else end();
};

process.on('message', (message) => {
  if (!isToLoad(message)) return;
  if (message.kind === 'config') generator ??= generate(message.config, (report) => tell({ kind: 'load', report }), done);
  if (message.kind === 'url') generator?.setUrl(message.url);
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
