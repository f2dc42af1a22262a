import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import type { Programs } from '../cel/programs.ts';
import { sideAt } from '../window/read.ts';
import type { Slot } from '../window/slot.ts';
import { isMember } from '../window/view.ts';
import type { View } from '../window/view.ts';
import { constantsIn } from './cuts.ts';
import { usesNow } from './now.ts';
import type { RuleRun, Source } from './run.ts';
import type { Shared } from './shared.ts';

/**
 * Rules that compare one aggregate of the same keys with constants, in the order in which a value that moves meets them: of the key's value
 * only the place among the constants matters. While that stays, what each of the rules says of the key stays, and none of them is asked.
 */
type Band = {
  readonly view: View;
  readonly slot: Slot;
  /** The rules' longest window. */
  readonly longest: number;
  /** 1: a rule holds above its constant, −1: below. */
  readonly sign: 1 | -1;
  /** It holds at its constant too. */
  readonly inclusive: boolean;
  /** sign · constant, rising; and the keys that each rule is to judge. */
  readonly bounds: Float64Array;
  readonly watches: readonly number[][];
  /** By key: how many bounds its value has passed, and 3; less for what is no place. */
  places: Int32Array;
};

/** No place yet; the key's window is empty; its value is unknown; else bounds passed + `first`. */
const unplaced = 0;
const empty = 1;
const unknown = 2;
const first = 3;

export type Bands = readonly Band[];

/** The bands of the rules that look at a selection. From now on each of these rules has a `watch`. */
export function bandsOf(shared: Shared, runs: readonly RuleRun[], programs: Programs): Bands {
  const groups = new Map<string, { readonly run: RuleRun; readonly source: Source; readonly test: Test }[]>();
  for (const run of runs) {
    const { source } = run;
    if (source === null || source.shared !== shared) continue;
    const test = testOf(run, programs);
    run.watch = test === null ? null : [];
    run.placing = null;
    if (test === null) continue;
    const name = [source.view.id, source.longest, test.slot.id, test.sign, test.inclusive].join('|');
    groups.set(name, [...(groups.get(name) ?? []), { run, source, test }]);
  }
  return [...groups.values()].map((group): Band => {
    const ordered = group.toSorted((a, b) => a.test.bound - b.test.bound);
    const [{ source, test }] = ordered as [(typeof ordered)[number]];
    const { slot, sign, inclusive } = test;
    const bounds = Float64Array.from(ordered, (one) => one.test.bound);
    const watches = ordered.map(({ run }) => run.watch ?? []);
    const band: Band = { view: source.view, longest: source.longest, slot, sign, inclusive, bounds, watches, places: new Int32Array(0) };
    ordered.forEach((one, index) => (one.run.placing = { band, index, isForUntil: one.test.isForUntil }));
    return band;
  });
}

/** Puts into the `watch` of each rule the keys of which it may say something else than at the last instant. */
export function watchBands({ selection, life }: Shared, bands: Bands): void {
  const { dirty, keys, turn, windows } = selection;
  // Every value is read anew, of keys too that did not change.
  const isWhole = selection.readsFrom === turn;
  for (const band of bands) {
    const { view, slot, longest } = band;
    const { members } = view;
    if (band.places.length < keys.room) {
      const grown = new Int32Array(keys.room);
      grown.set(band.places);
      band.places = grown;
    }
    if (isWhole) band.places.fill(unplaced);
    const { places } = band;
    const { counts } = windows[longest]!;
    const look = (id: number): void => {
      const place = counts[id] === 0 ? empty : placeOf(band, sideAt(selection, slot, id, life));
      const before = places[id]!;
      if (place === before && place !== unplaced) return;
      places[id] = place;
      const isMove = place >= first && before >= first;
      const from = isMove ? Math.min(place, before) - first : 0;
      const to = isMove ? Math.max(place, before) - first : band.watches.length;
      for (let i = from; i < to; i++) band.watches[i]!.push(id);
    };
    if (dirty.length <= members.size) {
      for (const id of dirty) if (isMember(members, id)) look(id);
    } else for (let i = 0; i < members.size; i++) if (keys.touched[members.ids[i]!] === turn) look(members.ids[i]!);
  }
}

/** A rule's place in its band. */
export type Placing = {
  readonly band: Pick<Band, 'places'>;
  readonly index: number;
  /** `until` is what `when` is, turned round. */
  readonly isForUntil: boolean;
};

/** What `when` says of a key at this instant, as far as its place tells; null: it does not. */
export function placed({ band, index, isForUntil }: Placing, id: number, byUntil: boolean): 'holds' | 'clear' | null {
  const place = band.places[id] ?? unplaced;
  if (place < first || (byUntil && !isForUntil)) return null;
  return place - first > index ? 'holds' : 'clear';
}

function placeOf({ sign, inclusive, bounds }: Band, raw: unknown): number {
  if (raw === undefined) return unknown;
  if (typeof raw !== 'number' && typeof raw !== 'bigint') return unplaced;
  // The constants are exact below 2^53, so a bigint that is rounded stays on its side of each.
  const x = sign * Number(raw);
  let [low, high] = [0, bounds.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (inclusive ? bounds[middle]! <= x : bounds[middle]! < x) low = middle + 1;
    else high = middle;
  }
  return low + first;
}

type Test = {
  readonly slot: Slot;
  readonly sign: 1 | -1;
  readonly inclusive: boolean;
  readonly bound: number;
  readonly isForUntil: boolean;
};

/** The comparison that `when` is; null: it is none of one aggregate with a constant. */
function testOf({ when, until, looksAround, source, reads, now, compiled }: RuleRun, programs: Programs): Test | null {
  const { expiresNs, warmup, keys } = compiled.rule;
  // What else can turn its verdicts: see `isStill`.
  if (reads.length !== 1 || expiresNs !== null || warmup === 'window' || usesNow(now)) return null;
  // Keys come and go with the inventory, without a value that moves.
  if (keys === 'inventory') return null;
  const [input] = when?.inputs ?? [];
  if (when === null || source === null || looksAround !== 'no' || !when.isPlain || when.inputs.length !== 1 || input?.kind !== 'slot')
    return null;
  const { checked } = when;
  const call = checked.expr.exprKind.case === 'callExpr' ? checked.expr.exprKind.value : null;
  const [left, right] = call?.args ?? [];
  const sign = signs.get(call?.function ?? '');
  if (sign === undefined || left === undefined || right === undefined) return null;
  const isSlot = (expr: Expr): boolean => expr.id === checked.aggregates[0]?.id;
  if (isSlot(left) === isSlot(right)) return null;
  const [constant] = constantsIn({ ...checked, expr: isSlot(left) ? right : left }, { programs, params: [] });
  if (constant === undefined || !(Math.abs(constant) < Number.MAX_SAFE_INTEGER)) return null;
  const turned = (isSlot(left) ? sign : -sign) as 1 | -1;
  // A value that `when` has, `until` has too where it asks for no more records.
  const isForUntil = until === null && input.until.least <= input.count.least;
  return { slot: input.count, sign: turned, inclusive: call?.function.includes('=') === true, bound: turned * constant, isForUntil };
}

const signs: ReadonlyMap<string, 1 | -1> = new Map([
  ['_>_', 1],
  ['_>=_', 1],
  ['_<_', -1],
  ['_<=_', -1],
]);
