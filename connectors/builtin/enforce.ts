import type { Limit, Outcome } from '../../src/model/decision.ts';
import type { Peer } from '../../src/model/record.ts';
import { settle, tagsOf } from '../../src/model/settle.ts';
import type { Draws } from '../../src/model/settle.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Random } from '../../src/ports/random.ts';
import { createBuckets } from './buckets.ts';
import type { KnownFacts } from './facts.ts';
import type { Policy } from './policy.ts';
import { sequences } from './sequence.ts';

export type Upstream = { readonly address: string; readonly port: number };

/** An answer of the sidecar's own. */
export type OwnAnswer =
  | { readonly kind: 'denied' | 'limited'; readonly status: number; readonly grpcStatus: number }
  | { readonly kind: 'responded'; readonly status: number; readonly body: string; readonly headers: Readonly<Record<string, string>> };

/** Names in lower case. */
export type HeaderEdits = { readonly set: Readonly<Record<string, string>>; readonly remove: readonly string[] };

/** What is done to one request. */
export type Enforced = {
  /** null: it goes on to an instance. */
  readonly answer: OwnAnswer | null;
  /** null: answered here, or nobody is there. */
  readonly upstream: Upstream | null;
  /** As the record will tell it: who was picked, or who was asked for. */
  readonly destination: Peer;
  /** Tags of the entries that touched it. */
  readonly applied: readonly string[];
  /** Who else gets a copy; null: a service of which nobody is ready. */
  readonly mirrors: readonly (Upstream | null)[];
  /** null: none. */
  readonly edits: HeaderEdits | null;
  /** Told of each piece of content that passes, in bytes; null: nobody counts. */
  readonly spend: ((bytes: number) => void) | null;
};

export type Enforce = (policy: Policy, facts: KnownFacts) => Enforced;

/** Chance and tokens for one request. */
export type Means = Draws & { readonly spend?: (limit: Limit, bytes: number) => void };

/** Enforcement with this process's own draws and buckets: a sequence for each part, and one for the instances of each service. */
export function enforcer(random: Random, clock: Pick<Clock, 'monotonic'>): Enforce {
  const draw = sequences(random);
  const buckets = createBuckets();
  return (policy, facts) => {
    const service = facts.destination.service ?? '';
    return enforceWith(policy, facts, {
      part: (part) => draw(part),
      // Asked only when an instance is picked: a draw for a denied request would leave a gap in the sequence.
      get pick() {
        return draw(`pick ${service}`);
      },
      token: (limit) => buckets.take(limit, clock.monotonic()),
      spend: (limit, bytes) => buckets.spend(limit, bytes, clock.monotonic()),
    });
  };
}

/** What the reference interpreter says, given these means. */
export function enforceWith(policy: Policy, facts: KnownFacts, means: Means): Enforced {
  const decision = policy.decide(facts);
  const outcome = settle(decision, means);
  const about = { ...nothing, destination: facts.destination, applied: tagsOf(outcome) };
  // A request here is always for a service, so it never goes `through`.
  if (outcome.kind !== 'forwarded' || outcome.instance === null) return { ...about, answer: answerOf(outcome) };
  const { upstream, destination } = policy.picked(outcome.instance);
  const counted = decision.limits.filter(({ action }) => action.unit === 'bytes');
  const { spend } = means;
  return {
    ...about,
    upstream,
    destination,
    mirrors: outcome.mirrors.map((service) => policy.anyOf(service, means.part(mirrorDraw(service)))),
    edits: decision.edits.by.length === 0 ? null : outcome.edits,
    spend: counted.length === 0 || spend === undefined ? null : (bytes) => counted.forEach((limit) => spend(limit, bytes)),
  };
}

const nothing = { answer: null, upstream: null, mirrors: [], edits: null, spend: null } as const;

/** What is drawn for the instance that gets a copy. */
export const mirrorDraw = (service: string): string => `mirror ${service}`;

function answerOf(outcome: Outcome): OwnAnswer | null {
  switch (outcome.kind) {
    case 'denied':
    case 'limited':
      return { kind: outcome.kind, status: outcome.status, grpcStatus: outcome.grpcStatus };
    case 'responded':
      return { kind: outcome.kind, status: outcome.status, body: outcome.body, headers: outcome.headers };
    default:
      return null;
  }
}
