import type { Raw } from '../cel/compile/code.ts';
import type { AggregateRun, BoundKey, Condition } from '../cel/programs.ts';
import type { Checked } from '../cel/types.ts';
import type { Value } from '../../model/rule.ts';
import type { CompiledRule } from '../rule/types.ts';
import { aggregateTexts } from '../rule/expressions.ts';
import { closeIfIdle, openKey } from '../window/keys.ts';
import type { View } from '../window/view.ts';
import type { Placing } from './bands.ts';
import { newCourse } from './course.ts';
import type { Course, Timing } from './course.ts';
import type { Expected } from './expect.ts';
import { movesAny } from './hold.ts';
import { inputsWithin } from './inputs.ts';
import type { Input, PastInput, Shown } from './inputs.ts';
import { join } from './join.ts';
import type { Joint } from './join.ts';
import type { Moving } from './moving.ts';
import { nowUse } from './now.ts';
import type { NowUse } from './now.ts';
import type { Firings } from './past.ts';
import { createSiblingCache } from './siblings.ts';
import type { SiblingCache } from './siblings.ts';
import type { Hold, Joined } from './source.ts';
import { faceOf } from './shared.ts';
import type { Shared } from './shared.ts';
import type { Key, ResolvedAction } from './types.ts';

/** A CEL<a> of the rule, and what it is given. */
export type Judged = {
  readonly checked: Checked;
  readonly run: AggregateRun;
  readonly holds: Condition;
  /** It speaks of `key`. */
  readonly namesKey: boolean;
  /** By the position of its aggregates. */
  readonly inputs: readonly Input[];
  /** What stands in `values`. */
  readonly shown: readonly Shown[];
  /** Every input is an aggregate over the rule's own records. */
  readonly isPlain: boolean;
  /** Whether of an input it matters only on which side of constants it lies. */
  readonly isSided: readonly boolean[];
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
  /** Numbers that move, by action and path. */
  readonly moving: ReadonlyMap<string, Moving>;
  readonly expected: Expected;
};

/** A key of which more is to be known than its verdict: it is not clear, or was not for long. */
export type KeyRun = {
  readonly id: number;
  readonly key: Key;
  readonly text: string;
  readonly bound: BoundKey;
  course: Course;
  held: Held | null;
  /** A person ended what is latched; the next instant sees it. */
  isResumed: boolean;
  /** What people were told when it began to fire; null: nothing that is still so. */
  told: { readonly sinceNs: bigint; readonly summary: string } | null;
};

/** Of a clear key of which nothing is to be known but its verdict. */
export const standing = { none: 0, unknown: 1, clear: 2, active: 3 } as const;

/** Where a rule gets its own records. */
export type Source = {
  readonly shared: Shared;
  readonly view: View;
  /** The longest of the rule's own windows: a key is of the rule while it holds a record. */
  readonly longest: number;
  /** By key number: a `standing`. */
  standings: Uint8Array;
  /** The selection's turn at the last instant judged; −1: none yet. */
  turn: number;
};

/** One rule at work: what it was compiled to, and all its state. Changed in place; nothing outside src/core/decide sees it. */
export type RuleRun = {
  readonly compiled: CompiledRule;
  readonly timing: Timing;
  /** Its `every` in ns; rules with equal ones have the same. NaN, which equals nothing: it is no safe integer. */
  readonly every: number;
  /** null: it measures nothing of its own. */
  readonly source: Source | null;
  readonly holds: Joint['holds'];
  /** The same in a list, to be walked at each instant. */
  readonly reads: readonly Hold[];
  readonly when: Judged | null;
  readonly until: Judged | null;
  readonly order: Judged | null;
  readonly actions: readonly ReadonlyMap<string, Judged>[];
  readonly that: Judged | null;
  readonly summary: readonly (string | Judged)[];
  /** A verdict can change with siblings, sets, the past or other rules: then all keys are judged at each instant. */
  readonly looksAround: 'no' | 'siblings' | 'always';
  /** Rules that firing() asks for. */
  readonly asksFor: readonly string[];
  /** When keys were in force, where a baseline asks. */
  readonly firings: Firings | null;
  readonly hasMoving: boolean;
  /** Keys of which what they asked for was withdrawn, since when; until a person resumes them. */
  readonly reverted: Map<string, bigint>;
  readonly siblings: SiblingCache;
  /** The text of a key by its number. */
  readonly keyText: (id: number) => string;
  /** When `now` can change a verdict. */
  readonly now: NowUse;
  /** Keys whose `standing` is `active`, by number. */
  readonly active: Map<number, KeyRun>;
  readonly tellsClear: boolean;
  /** Clear keys that are to be judged, where others need not (see bands.ts); null: all that changed are. */
  watch: number[] | null;
  /** Where the verdicts of keys can be read off; null with `watch`. */
  placing: Placing | null;
  /** What a key in force asks for stays as it was when it began. */
  readonly isSteady: boolean;
  /** Keys that it knows because they are in the inventory. */
  readonly pinned: Set<number>;
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

type Telling = Joined & { readonly tellsClear: boolean };

export function createRun(judge: Telling, compiled: CompiledRule): RuleRun {
  const { rule, columns, when, until, order, actions, that, summary } = compiled;
  const { source, holds, judged } = join(judge, compiled);
  const orNull = (checked: Checked | null): Judged | null => (checked === null ? null : judged(checked));
  const conditions = [when, until].flatMap((checked) => (checked === null ? [] : inputsWithin(judged(checked))));
  const all = aggregateTexts(compiled).flatMap((checked) => inputsWithin(judged(checked)));
  const past = all.filter((input) => input.kind === 'past');
  const asksFor = [...new Set(all.flatMap((input) => (input.kind === 'firing' ? [input.rule] : [])))];
  const run: RuleRun = {
    compiled,
    timing: rule,
    every: Number.isSafeInteger(Number(rule.everyNs)) ? Number(rule.everyNs) : NaN,
    source,
    holds,
    reads: [...holds.values()],
    when: orNull(when),
    until: orNull(until),
    order: orNull(order),
    actions: actions.map((action) => new Map([...action.cel].map(([path, c]) => [path, judged(c)]))),
    that: orNull(that),
    summary: summary.map((part) => (typeof part === 'string' ? part : judged(part))),
    looksAround: aroundOf(conditions),
    asksFor,
    firings: past.length === 0 ? null : { heldNs: past.map(heldNs).reduce((a, b) => (a > b ? a : b)), byKey: new Map() },
    hasMoving: movesAny(rule.then),
    reverted: new Map(),
    siblings: createSiblingCache(),
    keyText: (id) => (source === null ? '{}' : faceOf(source.shared, id, compiled).text()),
    now: nowUse([...aggregateTexts(compiled), ...compiled.variables.map(({ checked }) => checked)]),
    active: new Map(),
    tellsClear: judge.tellsClear,
    watch: null,
    placing: null,
    isSteady: order === null && that === null && !movesAny(rule.then),
    pinned: new Set(),
    known: 0,
    startNs: null,
    nextNs: null,
    wasBlind: false,
    isQuiet: false,
    isOver: false,
  };
  // With `by: []` the one key is there from the first instant, and is never forgotten (settled point 4).
  const only = source === null || columns.length > 0 ? 0 : openKey(source.shared.selection, [], null);
  if (source === null || isStanding(run)) activate(run, only);
  else if (columns.length === 0) know(run, only);
  return run;
}

function aroundOf(inputs: readonly Input[]): RuleRun['looksAround'] {
  const isOwn = (input: Input): boolean => input.kind !== 'slot' || input.lens.columns === null;
  if (!inputs.every(isOwn) || inputs.some(({ kind }) => kind === 'past' || kind === 'firing')) return 'always';
  return inputs.some(({ kind }) => kind === 'siblings') ? 'siblings' : 'no';
}

/** How far back a baseline looks. */
function heldNs({ of, earlier }: PastInput): bigint {
  const { windows } = of.lens.shared.selection;
  const { lagNs = 0n, lengthNs = 0n } = windows[earlier.at(-1)?.count.window ?? 0] ?? {};
  return lagNs + lengthNs;
}

/** A standing rule has no `when`: it fires at the first instant and stays. */
export const isStanding = ({ when }: RuleRun): boolean => when === null;

export const standingOf = (source: Source, id: number): number => (id < source.standings.length ? source.standings[id]! : standing.none);

/** Whether one of the rule's own windows holds a record of the key. */
export const holdsRecords = ({ shared, longest }: Source, id: number): boolean => shared.selection.windows[longest]!.counts[id]! > 0;

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
    const made: KeyRun = {
      id,
      key: new Map(),
      text: '{}',
      bound: { bound: () => new Map(), raw: [] },
      course,
      held: null,
      isResumed: false,
      told: null,
    };
    run.active.set(id, made);
    return made;
  }
  know(run, id);
  const { key, text, bound } = faceOf(source.shared, id, run.compiled);
  const verdict = standingOf(source, id) === standing.clear ? 'clear' : 'unknown';
  const made: KeyRun = { id, key, text: text(), bound, course: { ...course, verdict }, held: null, isResumed: false, told: null };
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
