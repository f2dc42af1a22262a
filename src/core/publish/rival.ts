import { leaderLeaseMs, leaseMarginMs } from '../limits.ts';
import type { Lease, Over } from './leasetypes.ts';

/**
 * What may be taken now, or null. The record takes it only from exactly this: a beat that came since, seen or not, refuses it. In doubt
 * the leader takes a new epoch from its own; a standby takes what is free, and what stood still for too long.
 */
export function takeWhat(lease: Lease, nowMs: number): Over | null {
  if (lease.role === 'leader') return lease.doubt === null ? null : { epoch: lease.epoch, beat: null };
  if (lease.seen === null) return null;
  const { row, sinceMs } = lease.seen;
  if (isFree(lease)) return { epoch: row.epoch, beat: row.holder === '' ? row.beat : null };
  return nowMs - sinceMs >= leaderLeaseMs + leaseMarginMs ? { epoch: row.epoch, beat: row.beat } : null;
}

/**
 * Nobody leads, or we do: under our name stands an epoch that we have had, or one that an earlier life of ours (or a take without answer)
 * has left. A higher one than ours is another process of the same name, and a rival like any other.
 */
export function isFree({ seen, holder, claims, epoch }: Lease): boolean {
  if (seen === null) return false;
  const { row } = seen;
  return row.holder === '' || (row.holder === holder && (claims || row.epoch <= epoch));
}
