import type { Stream } from '../../model/record.ts';
import type { Measure, Programs } from '../cel/programs.ts';
import type { Aggregate, Checked } from '../cel/types.ts';
import type { CompiledRule } from '../rule/types.ts';
import { attach, covers, release, windowOf } from '../window/attach.ts';
import { commonGrain, fingerprint, specOf } from '../window/layout.ts';
import type { SlotSpec } from '../window/layout.ts';
import { createSelection } from '../window/selection.ts';
import type { Selects } from '../window/selection.ts';
import type { Slot } from '../window/slot.ts';
import { createView, offer } from '../window/view.ts';
import type { View } from '../window/view.ts';
import { cutsOf } from './cuts.ts';
import { recordOf, splitWhere } from './hoist.ts';
import { checkedIn, forget, knownKeys, namesReporter } from './run.ts';
import type { Made, RuleRun } from './run.ts';
import { createShared } from './shared.ts';
import type { Shared } from './shared.ts';

type Joined = {
  readonly programs: Programs;
  readonly selections: Readonly<Record<Stream, Shared[]>>;
  readonly streamTimeNs: bigint | null;
};

/** Finds the selection that a rule's records are kept in, or makes it, and attaches the rule's aggregates to it. */
export function joinSelection(judge: Joined, compiled: CompiledRule): Made {
  const { programs } = judge;
  if (compiled.stream === null) return { source: null, slotsOf: () => ({ slots: [], untilSlots: [] }) };
  const all = judge.selections[compiled.stream];
  const plan = planOf(compiled, programs);
  let shared = all.find(({ selection }) => selection.id === plan.selects.id && covers(selection, plan.specs));
  if (shared === undefined) {
    shared = createShared(createSelection({ ...plan.selects, ...compiledParts(compiled, plan, programs) }), judge.streamTimeNs);
    shared.selection.startNs = judge.streamTimeNs;
    all.push(shared);
  }
  const { selection } = shared;
  selection.users++;
  const { windowNs } = compiled.rule;
  const own = windowOf(selection, { windowNs, lagNs: 0n });
  const slots: { readonly slot: Slot; readonly spec: SlotSpec }[] = [];
  const slotOf = (spec: SlotSpec): Slot => {
    const slot = attach(selection, spec, programs.records);
    slots.push({ slot, spec });
    return slot;
  };
  const made = new Map(plan.byAggregate.map(({ aggregate, count, until }) => [aggregate, { count: slotOf(count), until: slotOf(until) }]));
  const windows = [own, ...slots.map(({ slot }) => slot.window)];
  const longest = windows.reduce((a, b) => (selection.windows[b]!.lengthNs > selection.windows[a]!.lengthNs ? b : a));
  const comparesSiblings = slots.some(({ slot }) => slot.inner !== null);
  return {
    source: {
      shared,
      view: viewOf(shared, compiled, plan, programs),
      longest,
      slots,
      standings: new Uint8Array(0),
      comparesSiblings,
      turn: -1,
    },
    slotsOf: ({ aggregates }) => ({
      slots: aggregates.map((aggregate) => made.get(aggregate)!.count),
      untilSlots: aggregates.map((aggregate) => made.get(aggregate)!.until),
    }),
  };
}

/** The rule needs its selection no more; the last one takes it away. */
export function leaveSelection(judge: Joined, run: RuleRun): void {
  const { source, compiled } = run;
  if (source === null || compiled.stream === null) return;
  const { shared, view, slots } = source;
  for (const id of knownKeys(run)) forget(run, id);
  for (const { slot, spec } of slots) release(shared.selection, slot, spec);
  if (--view.users === 0) shared.selection.views.delete(view.id);
  if (--shared.selection.users > 0) return;
  const all = judge.selections[compiled.stream];
  all.splice(all.indexOf(shared), 1);
}

type Plan = {
  readonly selects: Pick<Selects, 'id' | 'stream' | 'seesAllReporters' | 'grainNs' | 'everyNs'>;
  readonly ofRecord: readonly Checked[];
  readonly ofKey: readonly Checked[];
  readonly byAggregate: readonly { readonly aggregate: Aggregate; readonly count: SlotSpec; readonly until: SlotSpec }[];
  readonly specs: readonly SlotSpec[];
};

function planOf(compiled: CompiledRule, programs: Programs): Plan {
  const { rule, columns, where, stream } = compiled;
  const byAggregate = checkedIn(compiled).flatMap((checked) => {
    const cuts = cutsOf(checked, programs);
    const of = (least: number) => (aggregate: Aggregate) =>
      specOf(aggregate, { windowNs: rule.windowNs, least, leastPeers: rule.minimum.peers, cuts });
    const [count, until] = [of(rule.minimum.count), of(rule.minimum.until)];
    return checked.aggregates.map((aggregate) => ({ aggregate, count: count(aggregate), until: until(aggregate) }));
  });
  const specs = byAggregate.flatMap(({ count, until }) => [count, until]);
  // Siblings are keys of the rule itself, so a rule that compares them keeps its records apart.
  const comparesSiblings = specs.some(({ inner }) => inner !== null);
  const split = comparesSiblings ? { ofRecord: where === null ? [] : [where], ofKey: [] } : splitWhere(compiled);
  const grainNs = [rule.windowNs, ...specs.map(({ windowNs }) => windowNs)].reduce(commonGrain, rule.everyNs);
  const seesAllReporters = namesReporter(compiled);
  const prints = split.ofRecord.map(({ expr }) => fingerprint(expr)).toSorted();
  const names = columns.map(({ name, checked }) => [name, fingerprint(checked.expr)]);
  const id = JSON.stringify([stream, seesAllReporters, prints, names, `${rule.everyNs}`, `${grainNs}`]);
  return { ...split, selects: { id, stream: stream!, seesAllReporters, grainNs, everyNs: rule.everyNs }, byAggregate, specs };
}

const compiledParts = (
  { columns }: CompiledRule,
  { ofRecord }: Plan,
  programs: Programs,
): Pick<Selects, 'where' | 'columns' | 'columnCount' | 'asks'> => ({
  where: allOf(ofRecord.map(programs.record)),
  columns: programs.records(columns.map(({ checked }) => checked)),
  columnCount: columns.length,
  asks: { where: ofRecord, columns: columns.map(({ checked }) => checked) },
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

function viewOf({ selection }: Shared, compiled: CompiledRule, { ofKey }: Plan, programs: Programs): View {
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
