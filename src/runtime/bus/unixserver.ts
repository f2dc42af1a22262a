import { chmodSync, lstatSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import type { Server, Socket } from 'node:net';
import type { Problem } from '../../model/problem.ts';
import { codeOf, fileProblem } from '../files.ts';

const bindAttempts = 3;
const closeMsMax = 1_000;

/** Listens on a Unix socket (0600), in the place of one whose server was killed; `E-BUS-TAKEN` when a server lives there. */
export async function bindUnix(server: Server, path: string): Promise<Problem | null> {
  for (let i = 1; ; i++) {
    try {
      await listen(server, path);
      return null;
    } catch (error) {
      if (codeOf(error) !== 'EADDRINUSE' || i === bindAttempts) return fileProblem('cannot open the local bus', path, error);
    }
    if (await answers(path)) {
      return {
        code: 'E-BUS-TAKEN',
        what: 'another process serves the local bus here',
        at: path,
        todo: 'stop it, or set FLYBALL_HOME to another folder',
      };
    }
    if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== false) rmSync(path, { force: true });
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      // The folder is 0700 already; this keeps the socket ours wherever it is.
      chmodSync(path, 0o600);
      resolve();
    });
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Lets what was published go out, then ends every client; the socket file goes with the server. */
export function closeServer(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  return new Promise((resolve) => {
    const late = setTimeout(() => sockets.forEach((socket) => socket.destroy()), closeMsMax);
    server.close(() => {
      clearTimeout(late);
      resolve();
    });
    // A turn later: frames of this turn are still on their way to the sockets.
    setImmediate(() => sockets.forEach((socket) => socket.end(() => socket.destroy())));
  });
}
