import { recentMax, targetsMax } from '../limits.ts';
import type { Lead, LeadTarget } from './types.ts';

/** The target's state, made when it is not known yet; null: there are too many. */
export function targetOf(lead: Lead, name: string): LeadTarget | null {
  const known = lead.targets.get(name);
  if (known !== undefined) return known;
  if (lead.targets.size >= targetsMax) return null;
  const target: LeadTarget = {
    name,
    row: null,
    info: null,
    address: null,
    grant: null,
    closed: new Map(),
    pending: null,
    enrolling: false,
    heardMs: null,
    heardAt: null,
    headDueMs: 0,
    state: 'none',
    acked: 0,
    told: null,
    ended: '',
    last: null,
    sends: 0,
    resendDueMs: 0,
    recent: new Map(),
    lookup: null,
    overrides: new Set(),
    leaves: new WeakMap(),
  };
  lead.targets.set(name, target);
  return target;
}

/** Keeps the hash of a revision of ours, to recognise a foreign one. */
export function remember(target: LeadTarget, revision: number, hash: string): void {
  target.recent.set(revision, hash);
  if (target.recent.size <= recentMax) return;
  const [oldest] = target.recent.keys();
  if (oldest !== undefined) target.recent.delete(oldest);
}
