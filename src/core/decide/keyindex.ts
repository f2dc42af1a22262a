import type { Value } from '../../model/rule.ts';
import { scalarOf } from '../cel/value.ts';
import type { Scalar } from '../cel/value.ts';

/** Finds what belongs to a key by the values of its columns, without writing the key's text: that is done once a key, not once a record. */
export type KeyIndex<T> = { readonly next: Map<Scalar, KeyIndex<T>>; found: T | null };

export const createIndex = <T>(): KeyIndex<T> => ({ next: new Map(), found: null });

export function find<T>(index: KeyIndex<T>, values: Iterable<Value>): T | null {
  let at: KeyIndex<T> | undefined = index;
  for (const value of values) {
    at = at.next.get(scalarOf(value));
    if (at === undefined) return null;
  }
  return at.found;
}

export function put<T>(index: KeyIndex<T>, values: Iterable<Value>, found: T): void {
  let at = index;
  for (const value of values) {
    const scalar = scalarOf(value);
    const next = at.next.get(scalar) ?? createIndex<T>();
    at.next.set(scalar, next);
    at = next;
  }
  at.found = found;
}

/** Leaves nothing behind: a flood of keys that came and went takes no memory. */
export function remove<T>(index: KeyIndex<T>, values: Iterable<Value>): void {
  const path: { readonly at: KeyIndex<T>; readonly scalar: Scalar }[] = [];
  let at = index;
  for (const value of values) {
    const scalar = scalarOf(value);
    const next = at.next.get(scalar);
    if (next === undefined) return;
    path.push({ at, scalar });
    at = next;
  }
  at.found = null;
  for (const { at: parent, scalar } of path.toReversed()) {
    const child = parent.next.get(scalar);
    if (child === undefined || child.next.size > 0 || child.found !== null) return;
    parent.next.delete(scalar);
  }
}
