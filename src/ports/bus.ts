import type { Cache } from './cache.ts';

/** Fan-out between engine and adapters (protocol.md section 3). At most once: whoever needs more asks again. */
export type BusMessage = {
  readonly subject: string;
  readonly payload: Uint8Array;
  /** Flyball-Key and Flyball-Sig, where the message is signed. */
  readonly headers: Readonly<Record<string, string>>;
};

export type BusState = { readonly connected: boolean; /** Messages not sent because the bus was away or full. */ readonly dropped: number };

export interface Bus {
  /** What it is, as shown on the screen and in `status`. */
  readonly kind: 'nats' | 'local';
  /** Where it listens, without credentials. */
  readonly address: string;
  /** Never throws: what cannot be sent is dropped and counted. Payload ≤ 512 KiB, subject tokens as in NATS. */
  readonly publish: (message: BusMessage) => void;
  /** NATS subject patterns: `*` one token, `>` the rest. Messages of one publisher arrive in order. Returns the unsubscribe. */
  readonly subscribe: (pattern: string, handler: (message: BusMessage) => void) => () => void;
  /** Where it can keep something, too. */
  readonly cache?: Cache;
  readonly state: () => BusState;
  /** Called at each change of `connected`; the returned function stops it. */
  readonly watch: (handler: (state: BusState) => void) => () => void;
  /** Resolves when the server has everything published so far, or rejects after 2 s. */
  readonly flush: () => Promise<void>;
  readonly close: () => Promise<void>;
}
