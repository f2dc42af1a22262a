import { moveInts } from './keep/counts.ts';
import { closeIfIdle, touch } from './keys.ts';
import { packFromNs } from './selection.ts';
import type { Pane, Selection, Window } from './selection.ts';

/** Panes kept to be written anew. */
const spareMax = 8;

/** Moves every window to the instant `t`, when nothing later than `t` was added; the keys that change are `dirty` until the next. */
export function advance(selection: Selection, t: bigint): void {
  if (selection.reachedNs !== null && t <= selection.reachedNs) return;
  selection.reachedNs = t;
  selection.windows.forEach((window, w) => slide(selection, window, w, t));
  dropPassed(selection);
}

/** Begins the next turn: what changes from now on is looked at by the next instant. */
export function beginTurn(selection: Selection): void {
  selection.turn++;
  selection.dirty = [];
}

/** The next time after `t` at which a window changes though nothing is read; null: all are empty. */
export function nextChange({ windows, panes }: Selection): bigint | null {
  let least: bigint | null = null;
  for (const { lengthNs, lagNs, first, end } of windows) {
    const [leaves, enters] = [first < end ? panes[first] : undefined, panes[end]];
    const times = [
      leaves === undefined ? null : leaves.startNs + lengthNs + lagNs + 1n,
      enters === undefined ? null : enters.endNs + lagNs,
    ];
    for (const time of times) if (time !== null && (least === null || time < least)) least = time;
  }
  return least;
}

/** Lets in and out of a window the panes that its next instant asks for. */
export function slide(selection: Selection, window: Window, w: number, t: bigint): void {
  const { panes } = selection;
  const toNs = t - window.lagNs;
  const fromNs = toNs - window.lengthNs;
  Object.assign(window, { fromNs, toNs });
  while (window.first < window.end && panes[window.first]!.startNs < fromNs) move(selection, panes[window.first++]!, w, -1);
  // What has passed the window before it could enter.
  while (window.first === window.end && (panes[window.end]?.startNs ?? fromNs) < fromNs) window.first = ++window.end;
  for (let pane = panes[window.end]; pane !== undefined && pane.endNs <= toNs; pane = panes[++window.end]) move(selection, pane, w, 1);
}

/** A pane that is kept for long needs less room once it has passed. */
function pack(selection: Selection, pane: Pane): void {
  pane.isPacked = true;
  selection.keepers.forEach(({ keeper }, k) => {
    const freed = keeper.pack?.(pane.columns[k]) ?? 0;
    pane.cells -= freed;
    selection.cells -= freed;
    if (freed > 0) selection.hasPacked = true;
  });
}

function move(selection: Selection, pane: Pane, w: number, by: 1 | -1): void {
  if (!pane.isPacked && selection.heldNs >= packFromNs) pack(selection, pane);
  const { rows } = pane;
  const { counts } = selection.windows[w]!;
  for (let row = 0; row < rows.size; row++) {
    const id = rows.keys[row]!;
    counts[id]! += by * rows.counts[row]!;
    touch(selection, id);
  }
  selection.series.forEach(({ errors }, i) => {
    const [totals, column] = [errors[w], pane.errors[i]];
    if (totals !== undefined && column !== undefined && column !== null) moveInts(totals, column, rows, by);
  });
  selection.keepers.forEach(({ keeper, windows }, k) => {
    if (windows.has(w)) keeper.move(pane.columns[k], rows, w, by);
  });
}

/** Panes that every window has passed. */
function dropPassed(selection: Selection): void {
  const { panes, windows, keys } = selection;
  const passed = windows.reduce((least, { first }) => Math.min(least, first), panes.length);
  // The list is cut when that pays; few panes lie behind every window till then.
  if (passed === 0 || passed * 8 < panes.length) return;
  for (const pane of panes.splice(0, passed)) {
    const { rows } = pane;
    selection.cells -= pane.cells;
    for (let row = 0; row < rows.size; row++) {
      const id = rows.keys[row]!;
      keys.held[id]!--;
      closeIfIdle(selection, id);
    }
    if (selection.spare.length < spareMax) selection.spare.push(pane);
  }
  for (const window of windows) {
    window.first -= passed;
    window.end -= passed;
  }
}
