import type { IncomingMessage } from 'node:http';
import type { OwnAnswer } from './enforce.ts';

export type Spoken = {
  readonly status: number;
  readonly text: string;
  /** Envoy's letters. */
  readonly flags: readonly string[];
  /** Name, value, name, value … */
  readonly headers: readonly string[];
};

/** An answer of policy, as this caller understands it. A gRPC caller gets its status as a trailers-only response: over HTTP every gRPC answer is 200. */
export function ownAnswer({ headers }: IncomingMessage, answer: OwnAnswer): Spoken {
  if (answer.kind === 'responded') {
    return { status: answer.status, text: answer.body, flags: [], headers: Object.entries(answer.headers).flat() };
  }
  const flags = answer.kind === 'limited' ? ['RL'] : [];
  const type = headers['content-type'];
  if (type?.startsWith('application/grpc') !== true)
    return { status: answer.status, text: `${answer.kind} by policy\n`, flags, headers: [] };
  const status = ['grpc-status', String(answer.grpcStatus), 'grpc-message', `${answer.kind} by policy`];
  return { status: 200, text: '', flags, headers: ['content-type', type, ...status] };
}
