import type { Override, OverrideScope } from '../../model/override.ts';
import { liftedKeepMs, liftedMax, overridesMax, protocolVersion } from '../limits.ts';
import { encode } from './bytes.ts';
import type { Lift, OverrideMessage } from './messages.ts';
import { report, sign } from './speak.ts';
import { everyTarget } from './subjects.ts';
import type { LeadTarget, LeadTurn } from './types.ts';

/** A person's override: in force here at once, and on its way to the adapters it covers; heads repeat it. */
export function onOverride(turn: LeadTurn, override: Override): void {
  const { lead, now } = turn;
  if (lead.lifted.has(override.id) || override.until <= now.wallMs) return;
  lead.overrides.set(override.id, override);
  const target = heardBy(override.scope);
  if (target === null) return;
  const message: OverrideMessage = { v: protocolVersion, target, at: now.wallMs, override };
  sign(turn, 'override', 'override', target, encode(message));
}

/** After the commit that lifted them. */
export function onLift(turn: LeadTurn, ids: readonly string[]): void {
  const { lead, now } = turn;
  const to = new Map<string, string[]>();
  for (const id of ids) {
    const target = heardBy(lead.overrides.get(id)?.scope ?? { kind: 'all' });
    lead.overrides.delete(id);
    lead.lifted.set(id, now.wallMs);
    if (target !== null) to.set(target, [...(to.get(target) ?? []), id]);
  }
  for (const [target, lifted] of to) {
    const message: Lift = { v: protocolVersion, target, at: now.wallMs, epoch: lead.epoch, lifted: lifted.slice(-liftedMax) };
    if (lead.epoch > 0) sign(turn, 'lift', 'override', target, encode(message));
  }
}

/** What an adapter says stands above its table. One that we do not know was set at its socket: recorded, and it covers that target whatever it says. */
export function learnOverrides(turn: LeadTurn, target: LeadTarget, said: readonly Override[]): void {
  const { lead, now, out } = turn;
  target.overrides = new Set(said.map(({ id }) => id));
  for (const one of said) {
    if (lead.overrides.has(one.id) || lead.lifted.has(one.id) || one.until <= now.wallMs) continue;
    const mine = [...lead.overrides.values()].filter(({ scope }) => scope.kind === 'target' && scope.name === target.name);
    if (mine.length >= overridesMax) return report(turn, 'too-many-overrides', target.name, `more than ${overridesMax}`);
    const override: Override = { ...one, scope: { kind: 'target', name: target.name } };
    lead.overrides.set(one.id, override);
    out.push({ kind: 'learned', override });
  }
}

/** Forgets what counts no more. */
export function forgetOverrides({ lead, now, out }: LeadTurn): void {
  for (const [id, one] of lead.overrides) {
    if (one.until > now.wallMs) continue;
    lead.overrides.delete(id);
    out.push({ kind: 'over', override: one });
  }
  for (const [id, at] of lead.lifted) if (at + liftedKeepMs < now.wallMs) lead.lifted.delete(id);
}

/** The subject's target; null: adapters do not hear of it, the engine plans by it. */
const heardBy = (scope: OverrideScope): string | null => (scope.kind === 'all' ? everyTarget : scope.kind === 'target' ? scope.name : null);
