import type pg from 'pg';
import { newClient } from '../postgres/client.ts';

const connectMsMax = 2_000;
const backoffMsMin = 50;
const backoffMsMax = 500;
/** A server behind a dead link sends no end: asked this often. */
const pingEveryMs = 2_000;
const watchersMax = 100;

export type Watcher = {
  /** Resolves after the first look at the server. */
  readonly looked: () => Promise<void>;
  readonly up: () => boolean;
  readonly watch: (handler: (up: boolean) => void) => () => void;
  readonly close: () => Promise<void>;
};

/** One connection that only watches: it hears at once when the server goes, and finds out when it is back. */
export function watchServer(url: string): Watcher {
  const handlers = new Set<(up: boolean) => void>();
  let state = false;
  let closed = false;
  let backoff = backoffMsMin;
  let timer: NodeJS.Timeout | undefined;
  let client: pg.Client | null = null;
  let settled: Promise<void> = Promise.resolve();

  const set = (up: boolean): void => {
    if (up === state) return;
    state = up;
    for (const handler of handlers) handler(up);
  };
  const later = (ms: number, run: () => Promise<void>): void => {
    if (!closed) timer = setTimeout(() => void (settled = run()), ms);
  };
  const lost = (which: pg.Client): void => {
    if (client !== which) return;
    client = null;
    clearTimeout(timer);
    set(false);
    later(backoff, open);
    backoff = Math.min(backoff * 2, backoffMsMax);
  };
  const open = async (): Promise<void> => {
    const next = newClient({
      connectionString: url,
      connectionTimeoutMillis: connectMsMax,
      query_timeout: connectMsMax,
      keepAlive: true,
      application_name: 'flyball watch',
    });
    client = next;
    next.on('error', () => lost(next));
    next.on('end', () => lost(next));
    try {
      await next.connect();
      await ping(next);
    } catch {
      lost(next);
      await end(next);
    }
  };
  const ping = async (which: pg.Client): Promise<void> => {
    // A standby that we were switched to answers, but cannot record.
    const { rows } = await which.query<{ standby: boolean }>('select pg_is_in_recovery() as standby');
    if (client !== which || closed) return;
    set(rows[0]?.standby === false);
    backoff = backoffMsMin;
    later(pingEveryMs, () =>
      ping(which).catch(async () => {
        lost(which);
        await end(which);
      }),
    );
  };
  const first = open();
  settled = first;
  return {
    looked: () => first,
    up: () => state,
    watch: (handler) => {
      if (handlers.size >= watchersMax) throw new Error(`more than ${watchersMax} watch the store`);
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
    close: async () => {
      closed = true;
      clearTimeout(timer);
      const last = client;
      client = null;
      await settled;
      if (last !== null) await end(last);
      set(false);
    },
  };
}

/** A client that never connected, or whose server died, may have nothing to end. */
const end = (client: pg.Client): Promise<void> => client.end().catch(() => undefined);
