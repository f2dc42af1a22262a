import type { Stream } from '../../model/record.ts';
import type { Measure, Programs } from '../cel/programs.ts';
import type { Checked } from '../cel/types.ts';
import { mentions } from '../cel/rewrite.ts';
import type { CompiledColumn, CompiledRule, CompiledSet } from '../rule/types.ts';
import { attach, covers, release, windowOf } from '../window/attach.ts';
import { commonGrain, fingerprint } from '../window/layout.ts';
import type { SlotSpec } from '../window/layout.ts';
import { createSelection } from '../window/selection.ts';
import type { Slot } from '../window/slot.ts';
import { createView, offer } from '../window/view.ts';
import type { View } from '../window/view.ts';
import { recordOf, splitWhere } from './hoist.ts';
import type { Lens } from './inputs.ts';
import { createShared } from './shared.ts';
import type { Shared } from './shared.ts';

export type Joined = {
  readonly programs: Programs;
  readonly selections: Readonly<Record<Stream, Shared[]>>;
  readonly streamTimeNs: bigint | null;
};

/** Records that a rule looks at: its own, or those of a set. */
export type Wanted = {
  readonly stream: Stream;
  readonly where: Checked | null;
  readonly columns: readonly CompiledColumn[];
  readonly everyNs: bigint;
  /** The window of the rule or set, which is kept whether an aggregate uses it or not. */
  readonly windowNs: bigint;
  readonly specs: readonly SlotSpec[];
  /** The part of `where` that is asked once a record. */
  readonly ofRecord: readonly Checked[];
};

/** A rule's hold on a selection: what it attached there. */
export type Hold = Lens & {
  readonly stream: Stream;
  readonly slots: { readonly slot: Slot; readonly spec: SlotSpec }[];
  readonly own: number;
};

/** Finds the selection that these records are kept in, or makes it. */
export function joinSelection(judge: Joined, wanted: Wanted, columns: Lens['columns']): Hold {
  const { programs, selections, streamTimeNs } = judge;
  const { stream, everyNs, windowNs, specs, ofRecord } = wanted;
  const all = selections[stream];
  const grainNs = [windowNs, ...specs.flatMap((spec) => [spec.windowNs, spec.lagNs])].reduce(commonGrain, everyNs);
  const seesAllReporters = wanted.where !== null && mentions(wanted.where.expr, 'reporter');
  const prints = ofRecord.map(({ expr }) => fingerprint(expr)).toSorted();
  const names = wanted.columns.map(({ name, checked }) => [name, fingerprint(checked.expr)]);
  const id = JSON.stringify([stream, seesAllReporters, prints, names, `${everyNs}`, `${grainNs}`]);
  let shared = all.find(({ selection }) => selection.id === id && covers(selection, specs));
  if (shared === undefined) {
    const where = allOf(ofRecord.map(programs.record));
    const measured = programs.records(wanted.columns.map(({ checked }) => checked));
    const selects = { id, stream, seesAllReporters, grainNs, everyNs, where, columns: measured, columnCount: wanted.columns.length };
    const asks = { where: ofRecord, columns: wanted.columns.map(({ checked }) => checked) };
    shared = createShared(createSelection({ ...selects, asks }), streamTimeNs);
    shared.selection.startNs = streamTimeNs;
    all.push(shared);
  }
  shared.selection.users++;
  return { shared, columns, stream, slots: [], own: windowOf(shared.selection, { windowNs, lagNs: 0n }) };
}

/** The slot of an aggregate, released when the rule leaves. */
export function slotOf({ shared, slots }: Hold, spec: SlotSpec, programs: Programs): Slot {
  const slot = attach(shared.selection, spec, programs.records);
  slots.push({ slot, spec });
  return slot;
}

/** The rule needs the selection no more; the last one takes it away. */
export function leaveSelection({ selections }: Pick<Joined, 'selections'>, { shared, slots, stream }: Hold): void {
  for (const { slot, spec } of slots) release(shared.selection, slot, spec);
  if (--shared.selection.users > 0) return;
  const all = selections[stream];
  all.splice(all.indexOf(shared), 1);
}

/** What a rule wants for itself. Siblings are keys of the rule itself, so a rule that compares its own keeps its records apart. */
export function ownWanted(
  compiled: CompiledRule,
  stream: Stream,
  { specs, comparesOwn }: { readonly specs: readonly SlotSpec[]; readonly comparesOwn: boolean },
): Wanted & { readonly ofKey: readonly Checked[] } {
  const { where, columns, rule } = compiled;
  const split = comparesOwn ? { ofRecord: where === null ? [] : [where], ofKey: [] } : splitWhere(compiled);
  return { stream, where, columns, everyNs: rule.everyNs, windowNs: rule.windowNs, specs, ...split };
}

export const setWanted = ({ set, stream, where, columns }: CompiledSet, everyNs: bigint, specs: readonly SlotSpec[]): Wanted => ({
  stream,
  where,
  columns,
  everyNs,
  windowNs: set.windowNs,
  specs,
  ofRecord: where === null ? [] : [where],
});

/** Conditions joined by CEL's &&: one that is false decides, whatever erred. */
function allOf(parts: readonly Measure[]): Measure | null {
  const [first] = parts;
  if (first === undefined) return null;
  if (parts.length === 1) return first;
  return (record) => {
    let isKnown = true;
    for (const part of parts) {
      const holds = part(record);
      if (holds === false) return false;
      if (holds === undefined) isKnown = false;
    }
    return isKnown ? true : undefined;
  };
}

/** The keys of a selection for which the parts of `where` hold that speak of nothing else. */
export function viewOf({ selection }: Shared, compiled: CompiledRule, ofKey: readonly Checked[], programs: Programs): View {
  const id = JSON.stringify(ofKey.map(({ expr }) => fingerprint(expr)).toSorted());
  const known = selection.views.get(id);
  if (known !== undefined) {
    known.users++;
    return known;
  }
  const view = createView(id, ofKey.map(programs.record)); // prettier-ignore
  view.users++;
  selection.views.set(id, view);
  selection.keys.values.forEach((values, key) => {
    if (values !== null) offer(view, key, recordOf(selection.stream, compiled, values));
  });
  return view;
}

export function leaveView({ selection }: Shared, view: View): void {
  if (--view.users === 0) selection.views.delete(view.id);
}
