import type { Applied, Decision, Limit, Outcome, Say, Steer } from './decision.ts';
import type { Instance } from './inventory.ts';
import { compareText } from './order.ts';
import { pick, sum } from './share.ts';

/** Chance for one request. */
export type Draws = {
  /** [0, 1) for one part; asked once a part. */
  readonly part: (part: string) => number;
  /** [0, 1): which instance of the group. */
  readonly pick: number;
  /** Takes a token and says whether there was one; left out: there always is. Every matching limit is asked. */
  readonly token?: (limit: Limit) => boolean;
};

/** One concrete outcome of a decision. The same draws give the same outcome. */
export function settle(decision: Decision, draws: Draws): Outcome {
  const decided = decision.admit.find(({ part, action }) => action.kind !== 'deny' || isDrawn(action.ppm, draws.part(part)));
  if (decided?.action.kind === 'deny') {
    const { status, grpcStatus } = decided.action;
    return { kind: 'denied', status, grpcStatus, applied: [applied(decided, `denied with ${status}`)] };
  }
  if (decided?.action.kind === 'respond') {
    const { status, body, headers } = decided.action;
    return { kind: 'responded', status, body, headers, applied: [applied(decided, `answered with ${status}`)] };
  }
  const before = decided === undefined ? [] : [applied(decided, 'allowed')];
  const tokens = decision.limits.map((limit) => ({ limit, taken: draws.token?.(limit) ?? true }));
  const counted = tokens.map(({ limit, taken }) => applied(limit, taken ? 'counted' : 'no token left'));
  // HTTP 429 and gRPC RESOURCE_EXHAUSTED.
  if (tokens.some(({ taken }) => !taken)) return { kind: 'limited', status: 429, grpcStatus: 8, applied: [...before, ...counted] };
  return forward(decision, draws, [...before, ...counted]);
}

/** The tags to put on what was touched: sorted, each once. */
export const tagsOf = (outcome: Outcome): readonly string[] => [...new Set(outcome.applied.map(({ tag }) => tag))].sort(compareText);

function forward({ steer, mirrors, edits }: Decision, draws: Draws, before: readonly Applied[]): Outcome {
  const steered = [
    ...(steer.picked === null
      ? []
      : [applied(steer.picked, steer.picked.action.kind === 'route' ? `routed to ${steer.picked.action.to}` : 'split')]),
    ...steer.avoids.map((say) => applied(say, `avoids ${say.action.on} ${say.action.value}`)),
  ];
  const instance = steer.through ? null : instanceOf(steer, draws);
  // HTTP 503 and gRPC UNAVAILABLE.
  if (instance === undefined) return { kind: 'unavailable', status: 503, grpcStatus: 14, applied: [...before, ...steered] };
  const copied = mirrors.filter(({ part, action }) => isDrawn(action.ppm, draws.part(part)));
  return {
    kind: 'forwarded',
    instance,
    mirrors: copied.map(({ action }) => action.to),
    edits: { set: edits.set, remove: edits.remove, dscp: edits.dscp },
    applied: [
      ...before,
      ...steered,
      ...copied.map((say) => applied(say, `mirrored to ${say.action.to}`)),
      ...edits.by.map((say) => applied(say, 'edited')),
    ],
  };
}

/** First the group, by its own (perhaps sticky) draw, then the instance in it: together each has just its weight. */
function instanceOf({ choices, picked, sticky }: Steer, draws: Draws): Instance | undefined {
  const groups = [...new Set(choices.map(({ group }) => group))].sort(compareText);
  const membersOf = (group: string): Steer['choices'] => choices.filter((choice) => choice.group === group);
  const shares = groups.map((group) => sum(membersOf(group).map(({ weight }) => weight)));
  const draw = sticky ?? (picked === null || groups.length < 2 ? 0 : draws.part(picked.part));
  const chosen = groups[pick(shares, draw) ?? -1];
  if (chosen === undefined) return undefined;
  const members = membersOf(chosen);
  const index = pick(
    members.map(({ weight }) => weight),
    draws.pick,
  );
  return index === undefined ? undefined : members[index]?.instance;
}

const isDrawn = (ppm: number, draw: number): boolean => draw * 1_000_000 < ppm;

const applied = (say: Say, why: string): Applied => ({ tag: say.tag, why });
