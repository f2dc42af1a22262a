import type { Cache, Stored } from '../../ports/cache.ts';
import { textOf } from '../files.ts';

/** protocol.md section 7. Durations are in ns on JetStream's own interface. */
const ns = 1_000_000;
const mib = 1024 * 1024;
const diffStream = {
  name: 'FLYBALL_DIFF',
  subjects: ['flyball.v1.diff.*'],
  retention: 'limits',
  storage: 'file',
  discard: 'old',
  max_msgs_per_subject: 64,
  max_age: 10 * 60_000 * ns,
  max_bytes: 1024 * mib,
  duplicate_window: 2 * 60_000 * ns,
  allow_direct: true,
};
const bucket = 'KV_FLYBALL_SNAP';
const keyOf = (target: string, i: number): string => `$KV.FLYBALL_SNAP.${target}.${i}`;
const snapStream = {
  name: bucket,
  subjects: ['$KV.FLYBALL_SNAP.>'],
  retention: 'limits',
  storage: 'file',
  discard: 'new',
  max_msgs_per_subject: 1,
  max_msg_size: mib,
  max_bytes: 1024 * mib,
  allow_rollup_hdrs: true,
  deny_delete: true,
  allow_direct: true,
};
/** Of a snapshot that several servers keep; one alone keeps one. */
const replicas = [3, 1];
const answerMsMax = 2_000;
/** As src/core/limits.ts has it, and the message that lists them. */
const messagesMax = 1 + 136;
/** How many messages the stored snapshot has: which older ones belong to it is not to be guessed. */
const countHeader = 'Flyball-Parts';

export type Ask = (
  subject: string,
  payload: Uint8Array,
  msMax: number,
) => Promise<{ readonly status: number; readonly payload: Uint8Array; readonly headers: Readonly<Record<string, string>> }>;

/** JetStream's own requests, which are JSON; nothing of a client library is needed for these few. */
export function jetstream(ask: Ask, publish: (message: Stored & { readonly subject: string }) => void): Cache {
  let problem: string | null = 'not asked yet';
  const call = async (what: string, body: object): Promise<Answer> => {
    const { payload } = await ask(`$JS.API.${what}`, Buffer.from(JSON.stringify(body)), answerMsMax);
    const { error, config } = JSON.parse(Buffer.from(payload).toString('utf8')) as Said;
    return { error: error === undefined ? null : (error.description ?? 'refused'), config };
  };
  const make = async (stream: typeof diffStream | typeof snapStream): Promise<string | null> => {
    // Making what is there would want its room twice.
    const there = await call(`STREAM.INFO.${stream.name}`, {});
    const alike = Object.entries(stream).every(([name, value]) => JSON.stringify(there.config?.[name]) === JSON.stringify(value));
    if (there.error === null && alike) return null;
    // Another version of us made it otherwise.
    const how = there.error === null ? 'UPDATE' : 'CREATE';
    let last = '';
    for (const num_replicas of replicas) {
      const { error } = await call(`STREAM.${how}.${stream.name}`, { ...stream, num_replicas });
      if (error === null) return null;
      last = error;
    }
    return last;
  };
  return {
    problem: () => problem,
    open: async () => {
      try {
        problem = (await make(diffStream)) ?? (await make(snapStream));
      } catch (error) {
        problem = `JetStream does not answer: ${textOf(error)}`;
      }
    },
    store: (target, messages) => {
      if (problem !== null) return;
      const [list, ...parts] = messages;
      if (list === undefined || messages.length > messagesMax) return;
      // What the list names is there when the list is.
      for (const [i, part] of parts.entries()) publish({ ...part, subject: keyOf(target, i + 1) });
      publish({ payload: list.payload, headers: { ...list.headers, [countHeader]: String(messages.length) }, subject: keyOf(target, 0) });
    },
    read: async (target) => {
      try {
        const get = (i: number) => ask(`$JS.API.DIRECT.GET.${bucket}.${keyOf(target, i)}`, new Uint8Array(0), answerMsMax);
        const list = await get(0);
        const count = Number(list.headers[countHeader] ?? '');
        if (list.status !== 0 || !Number.isInteger(count) || count < 1 || count > messagesMax) return null;
        const parts: Stored[] = [];
        for (let i = 1; i < count; i++) {
          const part = await get(i);
          if (part.status !== 0) return null;
          parts.push(part);
        }
        return [list, ...parts];
      } catch {
        // Nobody answers: no JetStream there, or not for us. The snapshot from the engine comes as it would anyway.
        return null;
      }
    },
  };
}

type Said = { readonly error?: { readonly description?: string }; readonly config?: Readonly<Record<string, unknown>> };
type Answer = { readonly error: string | null; readonly config: Said['config'] };
