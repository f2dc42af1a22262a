import { chmodSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { fail, ok } from '../model/problem.ts';
import type { Problem, Result } from '../model/problem.ts';
import { textOf } from './files.ts';

/** A person's words to one process of this machine, over a Unix socket (mode 0600): needs no engine, no bus and no database. */
const bodyBytesMax = 64 * 1024;
const answerBytesMax = 4 * 1024 * 1024;
const answerMsMax = 5_000;

export type Answer = { readonly status: number; readonly body: unknown };

export type Control = { readonly path: string; readonly close: () => Promise<void> };

/**
 * Serves `POST /` with a JSON body on a socket; only the user of this process may talk to it. What a process that died has left there is replaced:
 * the caller holds the lock that says it is the only one. Errors: E-SOCKET.
 */
export async function serveControl(path: string, handle: (body: unknown) => Answer | Promise<Answer>): Promise<Result<Control>> {
  rmSync(path, { force: true });
  const server = createServer({ requestTimeout: answerMsMax, headersTimeout: answerMsMax }, (incoming, response) => {
    void readBody(incoming, bodyBytesMax)
      .then(async (text) => (text === null ? { status: 413, body: { problems: [tooLong(path)] } } : await handle(parse(text))))
      .catch((error: unknown): Answer => ({ status: 500, body: { problems: [problem(textOf(error), path)] } }))
      .then(({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
        response.end(JSON.stringify(body));
      });
  });
  server.maxConnections = 16;
  const failed = await new Promise<Problem | null>((resolve) => {
    server.once('error', (error) => resolve(problem(`cannot listen: ${textOf(error)}`, path)));
    // The folder is 0700 already; the socket is ours alone even where it is not.
    const before = process.umask(0o177);
    server.listen(path, () => resolve(null));
    process.umask(before);
  });
  if (failed !== null) return fail(failed);
  chmodSync(path, 0o600);
  return ok({
    path,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

/** Errors: E-SOCKET when nobody answers there in time. */
export function callControl(path: string, body: object): Promise<Result<Answer>> {
  return new Promise((resolve) => {
    const outgoing = request(
      { socketPath: path, method: 'POST', path: '/', headers: { 'content-type': 'application/json' } },
      (incoming) => {
        readBody(incoming, answerBytesMax).then(
          (text) => resolve(text === null ? fail(tooLong(path)) : ok({ status: incoming.statusCode ?? 0, body: parse(text) })),
          (error: unknown) => resolve(fail(problem(textOf(error), path))),
        );
      },
    );
    outgoing.setTimeout(answerMsMax, () => outgoing.destroy(new Error(`no answer within ${answerMsMax} ms`)));
    outgoing.on('error', (error) => resolve(fail(problem(textOf(error), path))));
    outgoing.end(JSON.stringify(body));
  });
}

/** null: longer than that. */
async function readBody(incoming: IncomingMessage, bytesMax: number): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

const tooLong = (at: string): Problem => problem('more than can be taken at once', at);

const problem = (what: string, at: string): Problem => ({
  code: 'E-SOCKET',
  what,
  at,
  todo: 'see that the adapter runs, in this home and as this user',
});
