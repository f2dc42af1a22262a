import type { RuleAction, Value } from '../../model/rule.ts';
import { isInForce } from './course.ts';
import { afterWithin } from './expect.ts';
import { numbersOf } from '../rule/numbers.ts';
import { isMoving, moved, startOf } from './moving.ts';
import type { Moving, Read } from './moving.ts';
import { readFor } from './reading.ts';
import type { Instant } from './reading.ts';
import type { Held, Judged, KeyRun } from './run.ts';
import type { ResolvedAction } from './types.ts';

/**
 * What a key in force asks for. The CEL<a> parts of its actions are read at the instant it began to fire; if one of them has no value then,
 * all are tried again at each instant until every one has: half an intent is never in force, and the state does not wait for it. Numbers
 * that move are read again later.
 */
export function hold(instant: Instant, key: KeyRun, seen: Held['values']): Held | null {
  const { run, t } = instant;
  if (!isInForce(key.course)) return null;
  const held: Held = key.held ?? { sinceNs: t, values: seen, actions: null, order: null, moving: new Map(), expected: null };
  const asked = held.actions === null ? resolveAll(instant, key) : moveAll(instant, key, held);
  const order = run.order === null ? null : numberOf(readFor(instant, key, run.order));
  const expected = afterWithin(instant, key, held);
  const isSame = asked === null || asked.actions === held.actions;
  if (!isSame || expected !== held.expected) instant.news.push({ kind: 'asks', key: key.text });
  const isStill = isSame && (asked === null || asked.moving === held.moving);
  if (isStill && (order === null || order === held.order) && expected === held.expected && key.held !== null) return held;
  return { ...held, ...asked, order: order ?? held.order, expected };
}

type Asked = { readonly actions: readonly ResolvedAction[]; readonly moving: ReadonlyMap<string, Moving> };

/** Every action with its parts read; null: one of them cannot be read yet. */
function resolveAll(instant: Instant, key: KeyRun): Asked | null {
  const { run, t } = instant;
  const moving = new Map<string, Moving>();
  const actions: ResolvedAction[] = [];
  for (const [i, { action }] of run.compiled.actions.entries()) {
    const parts = run.actions[i] ?? new Map<string, Judged>();
    const numbers = new Map(numbersOf(action));
    const values = new Map<string, Value>();
    for (const [path, num] of numbers) if (num.kind === 'literal') values.set(path, num.value);
    for (const [path, part] of parts) {
      const num = numbers.get(path);
      const start = isMoving(num) ? startOf(num, part, readWith(instant, key), t) : null;
      if (start !== null) moving.set(pathIn(i, path), start);
      const value = isMoving(num) ? (start?.value ?? null) : readFor(instant, key, part);
      const settled = num === undefined ? value : bounded(path, numberOf(value));
      if (settled === null) return null;
      values.set(path, settled);
    }
    actions.push({ action, values });
  }
  return { actions, moving };
}

/** The same actions, with what has moved since. After a restart a number goes on from where it was. */
function moveAll(instant: Instant, key: KeyRun, { actions, moving }: Held): Asked | null {
  const { run, t } = instant;
  if (actions === null || !run.hasMoving) return null;
  let next = moving;
  const changed = actions.map((resolved, i) => {
    let { values } = resolved;
    for (const [path, num] of numbersOf(resolved.action)) {
      const part = run.actions[i]?.get(path);
      if (part === undefined || !isMoving(num)) continue;
      const before = moving.get(pathIn(i, path)) ?? { value: Number(values.get(path)), dueNs: t + num.everyNs };
      const after = moved(before, num, part, readWith(instant, key), t);
      if (moving.get(pathIn(i, path)) !== after) next = new Map([...next, [pathIn(i, path), after]]);
      const value = bounded(path, after.value);
      if (value !== null && value !== values.get(path)) values = new Map([...values, [path, value]]);
    }
    return values === resolved.values ? resolved : { action: resolved.action, values };
  });
  return { actions: changed.some((one, i) => one !== actions[i]) ? changed : actions, moving: next };
}

const pathIn = (action: number, path: string): string => `${action} ${path}`;

const readWith =
  (instant: Instant, key: KeyRun): Read =>
  (part) => {
    const value = readFor(instant, key, part);
    return typeof value === 'boolean' ? value : numberOf(value);
  };

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

/** Whether some number of these actions moves. */
export const movesAny = (actions: readonly RuleAction[]): boolean =>
  actions.some((action) => numbersOf(action).some(([, num]) => isMoving(num)));
