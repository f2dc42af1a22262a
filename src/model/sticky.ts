import type { Scalar } from './table.ts';

/**
 * A draw in [0, 1) that stays the same for one value of the sticky attribute, whatever the revision or target: FNV-1a over the UTF-8 text,
 * then murmur3's last steps, because FNV alone leaves the high bits of short texts close together.
 * @param salt the rule, so that two splits do not send the same users the same way.
 */
export function stickyDraw(salt: string, value: Scalar): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(`${salt}\n${value}`)) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
