/** A message as a cache keeps it. */
export type Stored = { readonly payload: Uint8Array; readonly headers: Readonly<Record<string, string>> };

/**
 * What a bus may keep beside carrying it (protocol.md section 7): a cache, never a promise. Nothing depends on it but how soon an adapter
 * that holds nothing, and hears from nobody, has a table.
 */
export interface Cache {
  /** Makes what it needs, when that is not there yet. The engine does; never throws. */
  readonly open: () => Promise<void>;
  /** Why it keeps nothing now; null: it does. */
  readonly problem: () => string | null;
  /** Keeps these as the newest snapshot of a target: the signed message first, its parts after it. Dropped when that cannot be. */
  readonly store: (target: string, messages: readonly Stored[]) => void;
  /** What was stored last, in the same order; null: nothing, or it does not answer. */
  readonly read: (target: string) => Promise<readonly Stored[] | null>;
}
