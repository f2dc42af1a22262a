import { protocolVersion } from '../limits.ts';

/** The versions this program speaks; subjects carry the major (protocol.md section 10). */
export const ours = { min: protocolVersion, max: protocolVersion } as const;

/** The highest version that both speak; null: none, and what the target holds stays. */
export function commonVersion({ min, max }: { readonly min: number; readonly max: number }): number | null {
  const highest = Math.min(max, ours.max);
  return highest >= Math.max(min, ours.min) ? highest : null;
}
