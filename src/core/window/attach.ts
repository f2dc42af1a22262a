import type { Measures } from '../cel/programs.ts';
import type { CelType, Checked } from '../cel/types.ts';
import { slide } from './advance.ts';
import { moveInts } from './keep/counts.ts';
import { createKeeper } from './keep/kinds.ts';
import type { KeeperKind } from './keep/kinds.ts';
import type { Placed, Quantiles } from './keep/quantiles.ts';
import type { SlotSpec } from './layout.ts';
import type { Selection } from './selection.ts';
import type { Slot } from './slot.ts';

export type Compile = (all: readonly Checked[]) => Measures;

/** Windows and arguments of one selection. They stay while any rule does, so a rule that needs one more than this gets a selection of its own. */
const windowsMax = 64;
/** The same with windows that end before the instant: a baseline has many. */
const laggedMax = 30_000;
const seriesMax = 256;

/** Whether the selection can give these aggregates from the panes at hand: it keeps what they need, for long enough. */
export function covers(selection: Selection, specs: readonly SlotSpec[]): boolean {
  const { panes, windows, heldNs } = selection;
  const isEmpty = panes.length === 0;
  const mayCut = (spec: SlotSpec): boolean => {
    const asked = [...selection.slots.values()].filter(
      (slot) => slot.series >= 0 && selection.series[slot.series]?.fingerprint === spec.fingerprint,
    );
    return !selection.hasPacked || spec.cuts.every((constant) => asked.some(({ cuts }) => cuts.includes(constant)));
  };
  return specs.every((spec) => {
    const series = selection.series.find(({ fingerprint }) => fingerprint === spec.fingerprint);
    const isKept = spec.kinds.every((kind) => series?.keepers.some((k) => selection.keepers[k]!.kind === kind) === true);
    const isKnown = selection.places.has(placeKey(spec));
    const mayWiden = windows.length < (spec.lagNs === 0n ? windowsMax : laggedMax) && (isEmpty || spec.windowNs + spec.lagNs <= heldNs);
    if (!mayCut(spec)) return false;
    return (isKept || (isEmpty && selection.series.length < seriesMax)) && (isKnown || mayWiden);
  });
}

/** The slot of an aggregate, made where it is new; what it needs is kept from now on, and filled from the panes at hand. */
export function attach(selection: Selection, spec: SlotSpec, compile: Compile): Slot {
  const known = selection.slots.get(spec.id);
  if (known !== undefined) {
    known.users++;
    const isNew = spec.cuts.some((constant) => !known.cuts.includes(constant));
    known.cuts.push(...spec.cuts);
    if (isNew) cut(selection, known);
    return known;
  }
  const window = windowOf(selection, spec);
  const series = spec.argument === null ? -1 : seriesOf(selection, spec.argument, spec.fingerprint ?? '', compile);
  if (series >= 0) keepErrors(selection, series, window);
  const keepers =
    spec.argument === null ? [] : spec.kinds.map((kind) => keeperOf(selection, { series, kind, window, type: spec.argument!.type }));
  const slot: Slot = {
    id: spec.id,
    name: spec.name,
    type: spec.type,
    argumentKind: spec.argument?.type.kind ?? null,
    window,
    windowNs: spec.windowNs,
    series,
    keepers,
    q: spec.q,
    least: spec.least,
    cuts: [...spec.cuts],
    seen: [],
    raws: [],
    at: new Int32Array(0),
    sides: [],
    sidedAt: new Int32Array(0),
    users: 1,
  };
  selection.slots.set(spec.id, slot);
  if (slot.cuts.length > 0) cut(selection, slot);
  return slot;
}

/** A rule needs the slot no more, nor the cuts it asked for. What was kept for it goes when the selection goes. */
export function release(selection: Selection, slot: Slot, spec: SlotSpec): void {
  for (const constant of spec.cuts) slot.cuts.splice(slot.cuts.indexOf(constant), 1);
  if (--slot.users === 0) selection.slots.delete(slot.id);
}

/** The place of a window, made where there is none. */
export function windowOf(selection: Selection, { windowNs, lagNs }: Pick<SlotSpec, 'windowNs' | 'lagNs'>): number {
  const { windows, places } = selection;
  const found = places.get(placeKey({ windowNs, lagNs }));
  if (found !== undefined) return found;
  const counts = new Int32Array(selection.keys.room);
  const place = windows.push({ lengthNs: windowNs, lagNs, fromNs: null, toNs: null, first: 0, end: 0, counts }) - 1;
  places.set(placeKey({ windowNs, lagNs }), place);
  if (windowNs + lagNs > selection.heldNs) selection.heldNs = windowNs + lagNs;
  if (selection.reachedNs !== null) slide(selection, windows[place]!, place, selection.reachedNs);
  return place;
}

const placeKey = ({ windowNs, lagNs }: Pick<SlotSpec, 'windowNs' | 'lagNs'>): string => `${windowNs} ${lagNs}`;

function seriesOf(selection: Selection, argument: Checked, fingerprint: string, compile: Compile): number {
  const { series } = selection;
  const found = series.findIndex((one) => one.fingerprint === fingerprint);
  if (found >= 0) return found;
  const place = series.push({ fingerprint, argument, keepers: [], errors: [] }) - 1;
  selection.measures = compile(series.map((one) => one.argument));
  return place;
}

function keepErrors(selection: Selection, place: number, window: number): void {
  const { errors } = selection.series[place]!;
  if (errors[window] !== undefined) return;
  const totals = (errors[window] = new Int32Array(selection.keys.room));
  for (const pane of panesIn(selection, window)) {
    const column = pane.errors[place];
    if (column !== null && column !== undefined) moveInts(totals, column, pane.rows, 1);
  }
}

type Kept = { readonly series: number; readonly kind: KeeperKind; readonly window: number; readonly type: CelType };

function keeperOf(selection: Selection, { series, kind, window, type }: Kept): number {
  const { keepers } = selection;
  const own = selection.series[series]!.keepers;
  let place = own.find((k) => keepers[k]!.kind === kind) ?? -1;
  if (place < 0) {
    place = keepers.push({ kind, keeper: createKeeper(kind, type), windows: new Set() }) - 1;
    keepers[place]!.keeper.grow(selection.keys.room);
    own.push(place);
  }
  const { keeper, windows } = keepers[place]!;
  if (!windows.has(window)) {
    windows.add(window);
    keeper.addWindow(window);
    for (const pane of panesIn(selection, window)) keeper.move(pane.columns[place], pane.rows, window, 1);
  }
  return place;
}

/** Cuts the intervals of a quantile at all constants that some rule compares it with. */
function cut(selection: Selection, { keepers: [place = -1] }: Slot): void {
  const constants = [...selection.slots.values()].flatMap((slot) => (slot.keepers[0] === place ? slot.cuts : []));
  const { keeper, windows } = selection.keepers[place]!;
  (keeper as Quantiles & typeof keeper).cutAt(constants, (window) => (windows.has(window) ? placedIn(selection, place, window) : []));
  // What was read before is of the old intervals.
  selection.readsFrom = selection.turn + 1;
}

/** What the panes of a window hold of a quantile. */
export function* placedIn(selection: Selection, place: number, window: number) {
  for (const { columns } of panesIn(selection, window)) yield columns[place] as Placed;
}

function* panesIn({ panes, windows }: Selection, place: number) {
  const { first, end } = windows[place]!;
  for (let i = first; i < end; i++) yield panes[i]!;
}
