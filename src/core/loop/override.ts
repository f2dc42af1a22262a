import { coversRule, scopeText, strictest } from '../../model/override.ts';
import type { Override } from '../../model/override.ts';
import { entry } from '../audit/entries.ts';
import type { Intent } from '../decide/types.ts';
import type { LeadInput } from '../publish/types.ts';
import type { CompiledRule } from '../rule/types.ts';
import { tell } from './tell.ts';
import type { Frozen, Input, Loop, Turn } from './types.ts';

type Give = (input: LeadInput) => void;

export function onOverride(turn: Turn, { override, isNew }: Extract<Input, { readonly kind: 'override' }>, lead: Give): void {
  turn.loop.dirty = true;
  lead({ kind: 'override', override });
  if (isNew) recordOverride(turn, override);
}

export function onLift(turn: Turn, { ids, author, reason }: Extract<Input, { readonly kind: 'lift' }>, lead: Give): void {
  turn.loop.dirty = true;
  for (const id of ids) {
    const override = turn.loop.lead.overrides.get(id);
    if (override === undefined) continue;
    turn.audit.push(operatorEntry(turn, override, { what: 'lift', author, reason }));
    tell(turn, 'override', { text: `${overrideText(override)} is lifted by ${author}: ${reason}`, data: { id } });
  }
  lead({ kind: 'lift', ids });
}

/** In the audit and on the timeline; also one that was set at an adapter. */
export function recordOverride(turn: Turn, override: Override): void {
  const { id, mode, by, reason } = override;
  turn.audit.push(operatorEntry(turn, override, { what: mode, author: by, reason }));
  tell(turn, 'override', { text: `${overrideText(override)} by ${by}: ${reason}`, data: { id, mode } });
}

export const overrideText = ({ mode, scope }: Override): string => `${mode} of ${scopeText(scope)}`;

function operatorEntry(
  turn: Turn,
  { id, scope, at, until }: Override,
  body: { readonly what: string; readonly author: string; readonly reason: string },
) {
  return entry({
    at: turn.wallMs,
    kind: 'operator',
    target: scope.kind === 'target' ? scope.name : null,
    rule: scope.kind === 'rule' ? scope.name : null,
    body: { ...body, id, scope, since: at, until },
  });
}

/**
 * What is planned by: for a rule under an override the intents it had when the override came (freeze), those before its last change (revert) or
 * none that is leased (off), until the last override of it is gone; for all others what they ask for now.
 */
export function underOverrides(
  loop: Loop,
  asked: readonly Intent[],
  wallMs: number,
): { readonly intents: readonly Intent[]; readonly rules: readonly CompiledRule[] } {
  remember(loop, asked);
  const overrides = [...loop.lead.overrides.values()].filter(({ until }) => until > wallMs);
  const rules = new Map<string, CompiledRule>([...[...loop.frozen].map(([name, f]) => [name, f.compiled] as const), ...loop.rules]);
  const ends = new Map<string, number>();
  for (const [name, compiled] of rules) {
    const own = overrides.filter((one) => coversRule(one, { name, owner: compiled.rule.owner }));
    const before = loop.frozen.get(name);
    const mode = strictest([...own.map((one) => one.mode), ...(own.length > 0 && before !== undefined ? [before.mode] : [])]);
    if (mode === null) loop.frozen.delete(name);
    else {
      ends.set(name, Math.max(...own.map(({ until }) => until)));
      if (before?.mode !== mode) loop.frozen.set(name, still(loop, { mode, compiled: before?.compiled ?? compiled, before }));
    }
  }
  if (loop.frozen.size === 0) return { intents: asked, rules: [...loop.rules.values()] };
  const kept = [...loop.frozen].flatMap(([name, { intents }]) => {
    const endNs = BigInt(ends.get(name) ?? 0) * 1_000_000n;
    return intents.map((intent): Intent => (intent.leaseEndNs === null ? intent : { ...intent, leaseEndNs: endNs }));
  });
  return {
    intents: [...asked.filter(({ rule }) => !loop.frozen.has(rule)), ...kept],
    rules: [
      ...[...loop.rules.values()].filter(({ rule }) => !loop.frozen.has(rule.name)),
      ...[...loop.frozen.values()].map(({ compiled }) => compiled),
    ],
  };
}

type Stilled = { readonly mode: Frozen['mode']; readonly compiled: CompiledRule; readonly before: Frozen | undefined };

function still(loop: Loop, { mode, compiled, before }: Stilled): Frozen {
  const known = loop.asked.get(compiled.rule.name);
  const now = before?.intents ?? known?.now ?? [];
  // Without anything to go back to, a revert holds what there is.
  const intents =
    mode === 'freeze' ? now : mode === 'revert' ? (known?.before ?? now) : now.filter(({ leaseEndNs }) => leaseEndNs === null);
  return { mode, compiled, intents };
}

/** What each rule asks for, and what it asked for before its keys last changed. A rule that is held still keeps what it had. */
function remember(loop: Loop, asked: readonly Intent[]): void {
  const byRule = new Map<string, Intent[]>([...loop.asked.keys()].map((name) => [name, []]));
  for (const intent of asked) {
    const own = byRule.get(intent.rule);
    if (own === undefined) byRule.set(intent.rule, [intent]);
    else own.push(intent);
  }
  for (const [name, now] of byRule) {
    if (loop.frozen.has(name)) continue;
    const known = loop.asked.get(name);
    if (known !== undefined && sameKeys(known.now, now)) loop.asked.set(name, { ...known, now });
    else if (loop.rules.has(name)) loop.asked.set(name, { now, before: known?.now ?? null });
    else loop.asked.delete(name);
  }
}

/** Whether the same keys ask, by the same revision; numbers that move are no change. */
function sameKeys(a: readonly Intent[], b: readonly Intent[]): boolean {
  if (a.length !== b.length) return false;
  const keys = new Set(a.map(nameOf));
  return b.every((intent) => keys.has(nameOf(intent)));
}

const nameOf = ({ revision, keyText }: Intent): string => `${revision} ${keyText}`;
