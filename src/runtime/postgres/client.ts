import { Socket } from 'node:net';
import pg from 'pg';

const endMsMax = 1_000;

/**
 * A client of its own socket, whose end() always comes to an end and never fails. The driver's waits for the socket to close, which after a
 * TLS alert (a certificate that the server does not want) may never happen: then it is closed from here.
 */
export function newClient(config: pg.ClientConfig): pg.Client {
  const socket = new Socket();
  const client = new pg.Client({ ...config, stream: () => socket });
  const end = client.end.bind(client);
  const bounded = (): Promise<void> =>
    new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(late);
        socket.destroy();
        resolve();
      };
      const late = setTimeout(done, endMsMax);
      // One that never connected, or whose server died, may have nothing to end.
      end().then(done, done);
    });
  return Object.assign(client, { end: bounded });
}
