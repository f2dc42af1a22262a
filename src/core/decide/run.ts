import type { Value } from '../../model/rule.ts';
import { lazily, rawColumns } from '../cel/programs.ts';
import type { AggregateRun, BoundKey, Programs, RecordProgram } from '../cel/programs.ts';
import { mentions } from '../cel/rewrite.ts';
import type { Checked } from '../cel/types.ts';
import type { CompiledRule } from '../rule/types.ts';
import { createWindows } from '../window/keep.ts';
import type { KeyWindows } from '../window/keep.ts';
import { layoutOf } from '../window/layout.ts';
import type { Layout, Slot } from '../window/layout.ts';
import { newCourse } from './course.ts';
import type { Course, Timing } from './course.ts';
import { createIndex, put, remove } from './keyindex.ts';
import type { KeyIndex } from './keyindex.ts';
import { bindKey, groupOf, textOfKey } from './key.ts';
import { nowUse } from './now.ts';
import type { NowUse } from './now.ts';
import type { Key, ResolvedAction } from './types.ts';

/** Keys of one rule with records or state; a record of a further key is counted (`keysOver`) and opens none. */
export const keysMax = 100_000;
/** Records kept for one rule; while a window would hold one that was not kept, every verdict of the rule is unknown. */
export const recordsMax = 5_000_000;

/** A CEL<a> of the rule, and where its outermost aggregates are kept. */
export type Judged = { readonly run: AggregateRun; readonly slots: readonly Slot[]; readonly texts: readonly string[] };

/** What was seen and asked for when a key began to fire. */
export type Held = {
  readonly sinceNs: bigint;
  readonly values: ReadonlyMap<string, Value | null>;
  /** null until every CEL<a> part of the actions could be read. */
  readonly actions: readonly ResolvedAction[] | null;
  readonly order: number | null;
};

/** The last verdict's inputs: while they stay, it stays. */
export type Memo = { readonly of: Judged; readonly values: readonly (Value | null)[]; readonly result: Value | null };

export type KeyRun = {
  readonly key: Key;
  readonly text: string;
  readonly group: string;
  readonly bound: BoundKey;
  readonly windows: KeyWindows;
  course: Course;
  held: Held | null;
  memo: Memo | null;
};

export type Counters = {
  /** Records that the rule's `where` and `by` took. */
  records: number;
  /** Taken after an instant that would have seen them was judged; they count at later ones. */
  late: number;
  /** Late records that no window can hold any more. */
  droppedLate: number;
  /** Records on which `where` erred. */
  whereErrors: number;
  /** Records on which `by` erred or whose key column is absent. */
  keyErrors: number;
  /** Arguments of aggregates that erred. */
  argumentErrors: number;
  /** Records of keys beyond `keysMax`. */
  keysOver: number;
  /** Records beyond `recordsMax`. */
  recordsOver: number;
};

/** One rule at work: what it was compiled to, and all its state. Changed in place; nothing outside src/core/decide sees it. */
export type RuleRun = {
  readonly compiled: CompiledRule;
  readonly timing: Timing;
  readonly layout: Layout;
  readonly where: RecordProgram | null;
  /** `where` names `reporter`, so the rule sees every reporter's records, not only destinations'. */
  readonly seesAllReporters: boolean;
  readonly columns: readonly RecordProgram[];
  readonly arguments: readonly RecordProgram[];
  readonly when: Judged | null;
  readonly until: Judged | null;
  readonly order: Judged | null;
  readonly actions: readonly ReadonlyMap<string, Judged>[];
  /** When `now` can change a verdict. */
  readonly now: NowUse;
  readonly keys: Map<string, KeyRun>;
  /** The same by the values of the columns. */
  readonly index: KeyIndex<KeyRun>;
  readonly counters: Counters;
  /** The first line's time, or for a rule added later the stream time then; null before any line. */
  startNs: bigint | null;
  /** Set for a rule added after lines were read: what was before, it does not know. */
  knownFromNs: bigint | null;
  /** The first instant that is not judged yet; null before any line. */
  nextNs: bigint | null;
  /** Records kept in all windows of all keys. */
  kept: number;
  /** Verdicts are unknown up to here, because a record was not kept. */
  blindUntilNs: bigint | null;
  /** No key changed its state at the last instant. */
  isQuiet: boolean;
  /** `expires` has passed. */
  isOver: boolean;
};

export function createRun(programs: Programs, compiled: CompiledRule): RuleRun {
  const { rule, where, columns, when, until, order, actions } = compiled;
  const others = [order, ...actions.flatMap((action) => [...action.cel.values()])];
  const checked = [when, until, ...others].filter((c) => c !== null);
  const layout = layoutOf(checked.flatMap((c) => c.aggregates), rule.windowNs); // prettier-ignore
  const keyColumns = columns.map(({ name, checked }) => ({ name, type: checked.type }));
  const judged = (c: Checked): Judged => ({
    run: programs.aggregate(c, keyColumns),
    slots: c.aggregates.map(layout.slotOf),
    texts: c.aggregates.map((a) => a.text),
  });
  const run: RuleRun = {
    compiled,
    timing: rule,
    layout,
    where: where === null ? null : programs.record(where),
    seesAllReporters: where !== null && mentions(where.expr, 'reporter'),
    columns: columns.map((column) => programs.record(column.checked)),
    arguments: layout.arguments.map((argument) => programs.record(argument)),
    when: when === null ? null : judged(when),
    until: until === null ? null : judged(until),
    order: order === null ? null : judged(order),
    actions: actions.map((action) => new Map([...action.cel].map(([path, c]) => [path, judged(c)]))),
    now: nowUse(checked),
    keys: new Map(),
    index: createIndex(),
    counters: { records: 0, late: 0, droppedLate: 0, whereErrors: 0, keyErrors: 0, argumentErrors: 0, keysOver: 0, recordsOver: 0 },
    startNs: null,
    knownFromNs: null,
    nextNs: null,
    kept: 0,
    blindUntilNs: null,
    isQuiet: false,
    isOver: false,
  };
  // With `by: []` the one key is there from the first instant, and is never forgotten (settled point 4).
  if (columns.length === 0) openKey(run, new Map());
  return run;
}

/** A standing rule has no `when`: it fires at the first instant and stays. */
export const isStanding = ({ when }: RuleRun): boolean => when === null;

/** The key's run, opened as `clear`, `unknown` where it is new; null when the rule has too many. */
export function openKey(run: RuleRun, key: Key): KeyRun | null {
  const text = textOfKey(key);
  const known = run.keys.get(text);
  if (known !== undefined) return known;
  if (run.keys.size >= keysMax) return null;
  const opened: KeyRun = {
    key,
    text,
    group: groupOf(key),
    bound: { bound: lazily(() => bindKey(run.compiled, key)), raw: rawColumns(key.values()) },
    windows: createWindows(run.layout),
    course: newCourse(run.timing),
    held: null,
    memo: null,
  };
  run.keys.set(text, opened);
  put(run.index, key.values(), opened);
  return opened;
}

export function closeKey(run: RuleRun, { text, key }: KeyRun): void {
  run.keys.delete(text);
  remove(run.index, key.values());
}
