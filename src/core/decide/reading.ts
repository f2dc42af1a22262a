import type { Value } from '../../model/rule.ts';
import type { BoundKey } from '../cel/programs.ts';
import { jsonOf } from '../cel/value.ts';
import { rawAt, sideAt, rawFrom, valueAt } from '../window/read.ts';
import { firingBefore } from './firing.ts';
import type { Standings } from './firing.ts';
import type { Input } from './inputs.ts';
import { idIn } from './lens.ts';
import { pastValue } from './past.ts';
import { siblingValue } from './siblings.ts';
import { faceOf } from './shared.ts';
import type { Judged, KeyRun, RuleRun } from './run.ts';
import type { News } from './types.ts';

/** A rule at one instant. */
export type Instant = {
  readonly run: RuleRun;
  readonly t: bigint;
  /** What fired before it. */
  readonly before: Standings;
  /** What it has to tell. */
  readonly news: News[];
};

/** The value of a CEL<a> for a key; null: unknown. `byUntil`: with `minimum.until`. */
export function evaluate(instant: Instant, id: number, of: Judged, byUntil: boolean): Value | null {
  const values = of.inputs.map((input) => inputValue(instant, id, input, byUntil));
  return of.run(values, boundKey(instant.run, id), instant.t);
}

/** Whether a condition holds for a key; undefined: unknown. */
export function holds(instant: Instant, id: number, of: Judged, byUntil: boolean): boolean | undefined {
  const { run, t } = instant;
  const { inputs, raws } = of;
  let isExact = true;
  if (of.isPlain && run.source !== null) {
    const { selection, life } = run.source.shared;
    for (let i = 0; i < inputs.length; i++) {
      const input = inputs[i]!;
      if (input.kind !== 'slot') continue;
      const slot = byUntil ? input.until : input.count;
      const raw = of.isSided[i] === true ? sideAt(selection, slot, id, life) : rawAt(selection, slot, id, life);
      raws[i] = raw;
      if (raw === null) isExact = false;
    }
  } else {
    for (let i = 0; i < inputs.length; i++) {
      const raw = rawFrom(inputValue(instant, id, inputs[i]!, byUntil));
      raws[i] = raw;
      if (raw === null) isExact = false;
    }
  }
  const key = of.namesKey ? boundKey(run, id) : noKey;
  if (isExact && key.raw !== null) {
    const result = of.holds(raws, key.raw, t);
    if (result !== null) return result;
  }
  const result = evaluate(instant, id, of, byUntil);
  return typeof result === 'boolean' ? result : undefined;
}

/** A CEL<a> that is read and not judged by: a part of an action, guard.order. It uses `minimum.count`. */
export const readFor = (instant: Instant, key: KeyRun, of: Judged): Value | null => evaluate(instant, key.id, of, false);

/** What one input gives; null: without value. */
export function inputValue(instant: Instant, id: number, input: Input, byUntil: boolean): Value | null {
  const { run } = instant;
  switch (input.kind) {
    case 'slot': {
      const { shared } = input.lens;
      return valueAt(shared.selection, byUntil ? input.until : input.count, idIn(input.lens, run, id), shared.life);
    }
    case 'siblings':
      return siblingValue(instant, id, input, byUntil ? input.of.until : input.of.count);
    case 'past':
      return pastValue(instant, id, input, byUntil);
    case 'burn': {
      const good = inputValue(instant, id, input.ratio, byUntil);
      const objective = typeof input.objective === 'number' ? input.objective : evaluate(instant, id, input.objective, byUntil);
      if (typeof good !== 'number' || typeof objective !== 'number') return null;
      const rate = (1 - good) / (1 - objective);
      return Number.isNaN(rate) ? null : rate;
    }
    case 'param': {
      const [first] = run.source === null ? [] : faceOf(run.source.shared, id, run.compiled).key.values();
      return (first === undefined ? undefined : input.byKey.get(textOf(first))) ?? input.byDefault;
    }
    case 'variable':
      return evaluate(instant, id, input.of, byUntil);
    case 'firing':
      return firingBefore(instant, id, input);
  }
}

/** A key column as a rule's file names it. */
const textOf = (value: Value): string => (typeof value === 'string' ? value : jsonOf(value).replaceAll('"', ''));

const noKey: BoundKey = { bound: () => new Map(), raw: [] };

const boundKey = ({ source, compiled }: RuleRun, id: number): BoundKey =>
  source === null ? noKey : faceOf(source.shared, id, compiled).bound;
