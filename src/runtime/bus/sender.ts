import type { Socket } from 'node:net';

/** What waits for one slow reader; older messages give way to newer ones, because newer heads and diffs say more. */
const framesMax = 4_096;
const bytesMax = 8 * 1024 * 1024;
/** Handed to the socket at once; more stays here, where it can still be dropped. */
const socketBytesMax = 256 * 1024;

export type Sender = {
  /** Messages may be dropped when the reader is slow; everything else (few, small) is kept. */
  readonly send: (frame: Buffer, kind: 'message' | 'control') => void;
};

/** A bounded queue before a socket. Frames of one turn of the event loop go out in one write. */
export function makeSender(socket: Socket, dropped: () => void): Sender {
  let queue: { readonly frame: Buffer; readonly droppable: boolean }[] = [];
  let bytes = 0;
  let scheduled = false;

  const flush = (): void => {
    scheduled = false;
    if (socket.destroyed || socket.writableLength > socketBytesMax) return;
    let size = 0;
    let count = 0;
    while (count < queue.length && size <= socketBytesMax) size += queue[count++]?.frame.length ?? 0;
    if (count === 0) return;
    bytes -= size;
    socket.write(Buffer.concat(queue.slice(0, count).map((item) => item.frame)));
    queue = queue.slice(count);
    if (queue.length > 0) schedule();
  };
  const schedule = (): void => {
    if (scheduled) return;
    scheduled = true;
    queueMicrotask(flush);
  };
  socket.on('drain', schedule);
  return {
    send: (frame, kind) => {
      if (socket.destroyed) return void (kind === 'message' && dropped());
      queue.push({ frame, droppable: kind === 'message' });
      bytes += frame.length;
      while (queue.length > framesMax || bytes > bytesMax) {
        const oldest = queue.findIndex((item) => item.droppable);
        // Nothing but our answers: whoever asks so much and reads nothing is no client.
        if (oldest === -1) return void socket.destroy();
        const [gone] = queue.splice(oldest, 1);
        bytes -= gone?.frame.length ?? 0;
        dropped();
      }
      schedule();
    },
  };
}
