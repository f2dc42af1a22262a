import type { Peer } from '../../src/model/record.ts';
import { settle, tagsOf } from '../../src/model/settle.ts';
import type { Draws } from '../../src/model/settle.ts';
import type { Random } from '../../src/ports/random.ts';
import type { KnownFacts } from './facts.ts';
import type { Policy } from './policy.ts';
import { sequences } from './sequence.ts';

/** What is done to one request. */
export type Enforced = {
  readonly deny: { readonly status: number; readonly grpcStatus: number } | null;
  /** null: denied, or nobody is there. */
  readonly upstream: { readonly address: string; readonly port: number } | null;
  /** As the record will tell it: who was picked, or who was asked for. */
  readonly destination: Peer;
  /** Tags of the entries that touched it. */
  readonly applied: readonly string[];
};

export type Enforce = (policy: Policy, facts: KnownFacts) => Enforced;

/** Enforcement with this process's own draws: a sequence for each part, and one for the instances of each service. */
export function enforcer(random: Random): Enforce {
  const draw = sequences(random);
  return (policy, facts) => {
    const service = facts.destination.service ?? '';
    return enforceWith(policy, facts, {
      part: (part) => draw(part),
      // Asked only when an instance is picked: a draw for a denied request would leave a gap in the sequence.
      get pick() {
        return draw(`pick ${service}`);
      },
    });
  };
}

/** What the reference interpreter says, given these draws. */
export function enforceWith(policy: Policy, facts: KnownFacts, draws: Draws): Enforced {
  const outcome = settle(policy.decide(facts), draws);
  const applied = tagsOf(outcome);
  if (outcome.kind === 'denied') {
    const { status, grpcStatus } = outcome;
    return { deny: { status, grpcStatus }, upstream: null, destination: facts.destination, applied };
  }
  // The target takes no table that could lead to another end, and a request here is always for a service.
  const instance = outcome.kind === 'forwarded' ? outcome.instance : null;
  if (instance === null) return { deny: null, upstream: null, destination: facts.destination, applied };
  const { upstream, destination } = policy.picked(instance);
  return { deny: null, upstream, destination, applied };
}
