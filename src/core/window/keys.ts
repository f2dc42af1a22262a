import type { FlyRecord } from '../../model/record.ts';
import type { Scalar } from '../cel/value.ts';
import { countHeavy } from './heavy.ts';
import { findKey, putKey, removeKey } from './index.ts';
import { grownInts } from './keep/keeper.ts';
import { heavyKeysMax, keysMax } from './selection.ts';
import type { Selection } from './selection.ts';
import { addMember, createMembers, offer, removeMember } from './view.ts';

/**
 * The number of a key, opened where it is new; −1: the selection has too many. `record`: one with the key, for the views; null: every view
 * takes it.
 */
export function openKey(selection: Selection, values: readonly Scalar[], record: FlyRecord | null): number {
  const { keys, keepers, windows } = selection;
  const found = findKey(keys.index, values);
  if (found >= 0) return found;
  // Of those beyond the bound the heavy ones are let in, and nothing is put out for them: what fires stays.
  if (keys.open >= keysMax && (keys.open >= keysMax + heavyKeysMax || !countHeavy(selection.heavy, values))) return -1;
  const id = keys.free.pop() ?? keys.values.length;
  if (id >= keys.room) {
    keys.room = Math.max(16, keys.room * 2);
    for (const column of ['held', 'known', 'touched', 'row', 'rowPane'] as const) keys[column] = grownInts(keys[column], keys.room);
    for (const window of windows) window.counts = grownInts(window.counts, keys.room);
    for (const { errors } of selection.series) errors.forEach((ints, window) => (errors[window] = grownInts(ints, keys.room)));
    for (const { keeper } of keepers) keeper.grow(keys.room);
  }
  keys.values[id] = [...values];
  keys.open++;
  keys.rowPane[id] = -1;
  putKey(keys.index, values, id);
  const group = groupOf(values);
  const siblings = keys.groups.get(group) ?? createMembers();
  keys.groups.set(group, siblings);
  keys.siblings[id] = siblings;
  addMember(siblings, id);
  for (const view of selection.views.values()) {
    if (record === null) addMember(view.members, id);
    else offer(view, id, record);
  }
  touch(selection, id);
  return id;
}

/** Closes a key that no pane holds and no rule knows. */
export function closeIfIdle(selection: Selection, id: number): void {
  const { keys } = selection;
  const values = keys.values[id];
  if (values === null || values === undefined || values.length === 0 || keys.held[id] !== 0 || keys.known[id] !== 0) return;
  removeKey(keys.index, values);
  removeMember(keys.siblings[id]!, id);
  if (keys.siblings[id]!.size === 0) keys.groups.delete(groupOf(values));
  for (const { members } of selection.views.values()) removeMember(members, id);
  for (const { keeper } of selection.keepers) keeper.forget(id);
  keys.values[id] = null;
  keys.free.push(id);
  keys.open--;
  keys.closed++;
}

/** The key changed at this turn. */
export function touch(selection: Selection, id: number): void {
  const { keys, dirty, turn } = selection;
  if (keys.touched[id] === turn) return;
  keys.touched[id] = turn;
  selection.changedAt = turn;
  dirty.push(id);
}

/** What siblings share: all columns but the last. */
export const groupOf = (values: readonly Scalar[]): string =>
  JSON.stringify(values.slice(0, -1), (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));
