import type { Raw } from '../cel/compile/code.ts';
import type { AggregateRun, BoundKey, Condition, Programs } from '../cel/programs.ts';
import { mentions } from '../cel/rewrite.ts';
import type { Checked } from '../cel/types.ts';
import type { Value } from '../../model/rule.ts';
import type { CompiledRule } from '../rule/types.ts';
import { closeIfIdle, openKey } from '../window/keys.ts';
import type { SlotSpec } from '../window/layout.ts';
import type { Slot } from '../window/slot.ts';
import type { View } from '../window/view.ts';
import { newCourse } from './course.ts';
import type { Course, Timing } from './course.ts';
import { nowUse } from './now.ts';
import type { NowUse } from './now.ts';
import { faceOf } from './shared.ts';
import type { Shared } from './shared.ts';
import type { Key, ResolvedAction } from './types.ts';

/** A CEL<a> of the rule, and its outermost aggregates: as `minimum.count` asks for them, and as `minimum.until` does. */
export type Judged = {
  readonly run: AggregateRun;
  readonly holds: Condition;
  /** It speaks of `key`. */
  readonly namesKey: boolean;
  readonly slots: readonly Slot[];
  readonly untilSlots: readonly Slot[];
  readonly texts: readonly string[];
  /** Room for the values of one key. */
  readonly raws: (Raw | undefined)[];
};

/** What was seen and asked for when a key began to fire. */
export type Held = {
  readonly sinceNs: bigint;
  readonly values: ReadonlyMap<string, Value | null>;
  /** null until every CEL<a> part of the actions could be read. */
  readonly actions: readonly ResolvedAction[] | null;
  readonly order: number | null;
};

/** A key of which more is to be known than its verdict: it is not clear, or was not for long. */
export type KeyRun = {
  readonly id: number;
  readonly key: Key;
  readonly text: string;
  readonly bound: BoundKey;
  course: Course;
  held: Held | null;
};

/** Of a clear key of which nothing is to be known but its verdict. */
export const standing = { none: 0, unknown: 1, clear: 2, active: 3 } as const;

/** Where a rule with a `when` gets its records. */
export type Source = {
  readonly shared: Shared;
  readonly view: View;
  /** The longest of the rule's own windows: a key is of the rule while it holds a record. */
  readonly longest: number;
  /** All slots that the rule attached. */
  readonly slots: readonly { readonly slot: Slot; readonly spec: SlotSpec }[];
  /** By key number: a `standing`. */
  standings: Uint8Array;
  readonly comparesSiblings: boolean;
  /** The selection's turn at the last instant judged; −1: none yet. */
  turn: number;
};

/** One rule at work: what it was compiled to, and all its state. Changed in place; nothing outside src/core/decide sees it. */
export type RuleRun = {
  readonly compiled: CompiledRule;
  readonly timing: Timing;
  /** null: a standing rule. */
  readonly source: Source | null;
  readonly when: Judged | null;
  readonly until: Judged | null;
  readonly order: Judged | null;
  readonly actions: readonly ReadonlyMap<string, Judged>[];
  /** When `now` can change a verdict. */
  readonly now: NowUse;
  /** Keys whose `standing` is `active`, by number. */
  readonly active: Map<number, KeyRun>;
  readonly tellsClear: boolean;
  /** Keys that it knows. */
  known: number;
  /** The first line's time, or for a rule added later the stream time then; null before any line. */
  startNs: bigint | null;
  /** The first instant that is not judged yet; null before any line. */
  nextNs: bigint | null;
  /** Verdicts could not be known at the last instant. */
  wasBlind: boolean;
  /** No key changed its state at the last instant. */
  isQuiet: boolean;
  /** `expires` has passed. */
  isOver: boolean;
};

export type Made = { readonly source: Source | null; readonly slotsOf: (checked: Checked) => Pick<Judged, 'slots' | 'untilSlots'> };

type Telling = { readonly programs: Programs; readonly tellsClear: boolean };

export function createRun({ programs, tellsClear }: Telling, compiled: CompiledRule, { source, slotsOf }: Made): RuleRun {
  const { rule, columns, when, until, order, actions } = compiled;
  const keyColumns = columns.map(({ name, checked }) => ({ name, type: checked.type }));
  const judged = (c: Checked): Judged => ({
    run: programs.aggregate(c, keyColumns),
    holds: programs.condition(c, keyColumns),
    namesKey: mentions(c.expr, 'key'),
    ...slotsOf(c),
    texts: c.aggregates.map((a) => a.text),
    raws: [],
  });
  const run: RuleRun = {
    compiled,
    timing: rule,
    source,
    when: when === null ? null : judged(when),
    until: until === null ? null : judged(until),
    order: order === null ? null : judged(order),
    actions: actions.map((action) => new Map([...action.cel].map(([path, c]) => [path, judged(c)]))),
    now: nowUse(checkedIn(compiled)),
    active: new Map(),
    tellsClear,
    known: 0,
    startNs: null,
    nextNs: null,
    wasBlind: false,
    isQuiet: false,
    isOver: false,
  };
  // With `by: []` the one key is there from the first instant, and is never forgotten (settled point 4).
  if (source === null) activate(run, 0);
  else if (columns.length === 0) know(run, openKey(source.shared.selection, [], null));
  return run;
}

/** Every CEL<a> of a rule. */
export const checkedIn = ({ when, until, order, actions }: CompiledRule): readonly Checked[] =>
  [when, until, order, ...actions.flatMap((action) => [...action.cel.values()])].filter((checked) => checked !== null);

export const namesReporter = ({ where }: CompiledRule): boolean => where !== null && mentions(where.expr, 'reporter');

/** A standing rule has no `when`: it fires at the first instant and stays. */
export const isStanding = ({ when }: RuleRun): boolean => when === null;

export const standingOf = (source: Source, id: number): number => (id < source.standings.length ? source.standings[id]! : standing.none);

/** From now on the rule knows the key, as clear and unknown. */
export function know(run: RuleRun, id: number): void {
  const { source } = run;
  if (source === null || standingOf(source, id) !== standing.none) return;
  setStanding(source, id, standing.unknown);
  source.shared.selection.keys.known[id]!++;
  run.known++;
}

export function setStanding(source: Source, id: number, to: number): void {
  if (id >= source.standings.length) {
    const grown = new Uint8Array(Math.max(id + 1, source.shared.selection.keys.room));
    grown.set(source.standings);
    source.standings = grown;
  }
  source.standings[id] = to;
}

/** More is to be known of the key than its verdict. */
export function activate(run: RuleRun, id: number): KeyRun {
  const { source } = run;
  const known = run.active.get(id);
  if (known !== undefined) return known;
  const course = newCourse(run.timing);
  if (source === null) {
    const made: KeyRun = { id, key: new Map(), text: '{}', bound: { bound: () => new Map(), raw: [] }, course, held: null };
    run.active.set(id, made);
    return made;
  }
  know(run, id);
  const { key, text, bound } = faceOf(source.shared, id, run.compiled);
  const verdict = standingOf(source, id) === standing.clear ? 'clear' : 'unknown';
  const made: KeyRun = { id, key, text: text(), bound, course: { ...course, verdict }, held: null };
  setStanding(source, id, standing.active);
  run.active.set(id, made);
  return made;
}

/** Nothing more is to be known of the key than its verdict. */
export function settle(run: RuleRun, { id, course }: KeyRun): void {
  if (run.source === null) return;
  run.active.delete(id);
  setStanding(run.source, id, course.verdict === 'clear' ? standing.clear : standing.unknown);
}

/** The rule knows the key no more. */
export function forget(run: RuleRun, id: number): void {
  const { source } = run;
  run.active.delete(id);
  if (source === null || standingOf(source, id) === standing.none) return;
  setStanding(source, id, standing.none);
  const { selection } = source.shared;
  selection.keys.known[id]!--;
  run.known--;
  closeIfIdle(selection, id);
}

/** The numbers of the keys that the rule knows. */
export function* knownKeys({ source }: RuleRun): Generator<number> {
  if (source === null) return;
  const { ids, size } = source.view.members;
  for (const id of ids.slice(0, size)) if (standingOf(source, id) !== standing.none) yield id;
}
