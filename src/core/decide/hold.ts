import type { Num, RuleAction, Value } from '../../model/rule.ts';
import { isInForce } from './course.ts';
import { readFor } from './reading.ts';
import type { Instant } from './reading.ts';
import type { Held, Judged, KeyRun } from './run.ts';
import type { ResolvedAction } from './types.ts';

/**
 * What a key in force asks for. The CEL<a> parts of its actions are read once, at the instant it began to fire; if one of them has no value
 * then, all are tried again at each instant until every one has: half an intent is never in force, and the state does not wait for it.
 */
export function hold(instant: Instant, key: KeyRun, seen: Held['values']): Held | null {
  const { run, t } = instant;
  if (!isInForce(key.course)) return null;
  const held: Held = key.held ?? { sinceNs: t, values: seen, actions: null, order: null };
  const actions = held.actions ?? resolveAll(instant, key);
  const order = run.order === null ? null : numberOf(readFor(instant, key, run.order));
  if (actions === held.actions && (order === null || order === held.order) && key.held !== null) return held;
  return { ...held, actions, order: order ?? held.order };
}

function resolveAll(instant: Instant, key: KeyRun): readonly ResolvedAction[] | null {
  const resolved = instant.run.compiled.actions.map(({ action }, i) =>
    resolve(action, instant.run.actions[i] ?? new Map(), (of) => readFor(instant, key, of)),
  );
  return resolved.every((action) => action !== null) ? resolved : null;
}

function resolve(action: RuleAction, parts: ReadonlyMap<string, Judged>, read: (of: Judged) => Value | null): ResolvedAction | null {
  const numbers = new Map(numbersOf(action));
  const values = new Map<string, Value>();
  for (const [path, num] of numbers) if (num.kind === 'literal') values.set(path, num.value);
  for (const [path, part] of parts) {
    const value = read(part);
    const settled = numbers.has(path) ? bounded(path, numberOf(value)) : value;
    if (settled === null) return null;
    values.set(path, settled);
  }
  return { action, values };
}

/** The Num fields of an action by their paths. */
function numbersOf(action: RuleAction): readonly (readonly [path: string, num: Num])[] {
  switch (action.kind) {
    case 'deny':
    case 'avoid':
    case 'mirror':
      return [['percent', action.percent]];
    case 'limit':
      return [['rate', action.rate], ...(action.burst === null ? [] : [['burst', action.burst] as const])];
    case 'split':
      return Object.entries(action.weights).flatMap(([name, num]) => (num === 'rest' ? [] : [[`weights.${name}`, num] as const]));
    default:
      return [];
  }
}

/** A share beyond all is all, a rate below nothing is nothing; what is no finite number has no value. */
function bounded(path: string, value: number | null): number | null {
  if (value === null || !Number.isFinite(value)) return null;
  return Math.max(0, path === 'percent' ? Math.min(100, value) : value);
}

/** A number for comparing and enforcing: durations in ns. */
function numberOf(value: Value | null): number | null {
  if (typeof value === 'number' || typeof value === 'bigint') return Number(value);
  return typeof value === 'object' && value !== null && 'durationNs' in value ? Number(value.durationNs) : null;
}
