import type { Lead } from './types.ts';

/**
 * From here on nothing is sent and nothing is committed. What the targets were last known to be stays, so that a record which lost it is
 * recognised when this engine leads again.
 */
export function standDown(lead: Lead): void {
  lead.leads = false;
  lead.ready = false;
  lead.commit = null;
  lead.wanted = null;
  // Whoever leads next hears the proofs again: its epoch is a new one, and every target announces itself.
  lead.behind.clear();
  for (const target of lead.targets.values()) {
    target.grant = null;
    target.pending = null;
    target.enrolling = false;
    target.lookup = null;
    target.floor = -1;
    target.state = 'none';
    target.told = null;
    target.last = null;
  }
}
