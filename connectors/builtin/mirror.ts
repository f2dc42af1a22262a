import type { IncomingMessage } from 'node:http';
import { fieldLines, hasBody } from './hop.ts';
import type { Upstreams } from './upstream.ts';

/** Why a copy was not sent: no instance is ready, too many are under way, its content is too long, or its caller left in mid-request. */
export type Unsent = 'nobody' | 'full' | 'too-long' | 'cut-off';
export type MirrorCounts = Readonly<Record<'sent' | 'answered' | 'failed' | Unsent, number>>;

export type Mirrors = {
  /** Before a byte of the request's content is read: the copy reads it along, and never holds it up. */
  readonly copy: (request: CopyRequest) => void;
  readonly counts: () => MirrorCounts;
};

export type CopyRequest = {
  readonly req: IncomingMessage;
  /** null: of the service that should get it nobody is ready. */
  readonly to: { readonly address: string; readonly port: number } | null;
  /** Origin form. */
  readonly target: string;
  /** As they go to the real upstream: name, value, name, value … */
  readonly headers: readonly string[];
};

/** Copies under way, those included whose content is still coming; one more is not sent. */
const copiesMax = 256;
/** Content of one copy, in bytes; all copies under way hold no more than copiesMax times as much. */
const contentMax = 65_536;

/**
 * Copies of requests to another service, fire and forget: the answer is thrown away, a failure is counted, and whoever waits for the real
 * answer notices nothing. A copy is the whole request or none: it goes out when all content is in. It goes to an instance itself, past
 * that service's sidecar, so it is no record (rules.md section 1).
 */
export function createMirrors(upstreams: Upstreams, timeoutMs: number): Mirrors {
  const counts = { sent: 0, answered: 0, failed: 0, nobody: 0, full: 0, 'too-long': 0, 'cut-off': 0 };
  let underWay = 0;

  const send = ({ req, to, target, headers }: CopyRequest & { readonly to: NonNullable<CopyRequest['to']> }, content: Buffer): void => {
    const method = req.method ?? 'GET';
    const framing = hasBody(req) ? ['content-length', String(content.length)] : [];
    const head = `${method} ${target} HTTP/1.1\r\n${fieldLines([...unframed(headers, hasBody(req)), ...framing])}\r\n`;
    counts.sent++;
    const end = (how: 'answered' | 'failed'): void => {
      counts[how]++;
      underWay--;
    };
    const exchange = upstreams.open(
      { to, method, head, timeoutMs, fresh: false },
      {
        head: () => undefined,
        data: () => undefined,
        end: () => end('answered'),
        failed: () => end('failed'),
        timeout: () => {
          exchange.destroy();
          end('failed');
        },
        drain: () => undefined,
      },
    );
    if (content.length > 0) exchange.write(content);
    exchange.finished();
  };

  const collect = (req: IncomingMessage, done: (content: Buffer) => void, unsent: (why: Unsent) => void): void => {
    const pieces: Buffer[] = [];
    let size = 0;
    let over = false;
    const give = (why: Unsent): void => {
      if (over) return;
      over = true;
      pieces.length = 0;
      req.off('data', add);
      unsent(why);
    };
    const add = (piece: Buffer): void => {
      size += piece.length;
      if (size > contentMax) return give('too-long');
      pieces.push(piece);
    };
    req.on('data', add);
    req.on('end', () => {
      if (over) return;
      over = true;
      done(Buffer.concat(pieces));
    });
    req.on('close', () => give('cut-off'));
  };

  return {
    copy: (request) => {
      const { req, to } = request;
      if (to === null) return void counts.nobody++;
      if (underWay >= copiesMax) return void counts.full++;
      underWay++;
      if (!hasBody(req)) return send({ ...request, to }, nothing);
      collect(req, (content) => send({ ...request, to }, content), (why) => (counts[why]++, underWay--)); // prettier-ignore
    },
    counts: () => ({ ...counts }),
  };
}

const nothing = Buffer.alloc(0);

/** Without the fields that say how long the content is: a copy's is known. */
function unframed(headers: readonly string[], has: boolean): readonly string[] {
  if (!has) return headers;
  const kept: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (!['content-length', 'transfer-encoding'].includes(name.toLowerCase())) kept.push(name, headers[i + 1] ?? '');
  }
  return kept;
}
