import type { Override, OverrideMode, OverrideScope } from '../../src/model/override.ts';
import type { Seeded } from '../protocol/random.ts';

/** What people have set, as the database and every person knows it: outlives the engine, and is not restored away. */
export type Desk = {
  readonly save: (one: Override) => void;
  readonly lift: (ids: readonly string[]) => void;
  readonly active: (nowMs: number) => readonly Override[];
  readonly lifted: () => readonly string[];
};

export function createDesk(): Desk {
  const all = new Map<string, Override>();
  const lifted = new Set<string>();
  return {
    save: (one) => void (all.has(one.id) || all.set(one.id, one)),
    lift: (ids) => ids.forEach((id) => lifted.add(id)),
    active: (nowMs) => [...all.values()].filter(({ id, until }) => until > nowMs && !lifted.has(id)),
    lifted: () => [...lifted],
  };
}

/** Overrides in a simulation are short, so that all are over in the calm. */
const longestMs = 2_500;

export function someOverride(random: Seeded, nowMs: number, target: string): Override {
  const scope: OverrideScope = random.chance(0.4) ? { kind: 'all' } : { kind: 'target', name: target };
  const mode: OverrideMode = random.pick(['freeze', 'freeze', 'revert', 'off']);
  const at = Math.floor(nowMs);
  return { id: random.hex(16), scope, mode, by: 'ana', reason: '', at, until: at + 200 + random.integer(longestMs - 200) };
}
