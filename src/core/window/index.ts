import type { Scalar } from '../cel/value.ts';

/** Finds a key's number by the values of its columns: one map a column, so that nothing is built for a record whose key is known. */
export type KeyIndex = Map<Scalar, KeyIndex | number>;

export const createIndex = (): KeyIndex => new Map();

/** −1: there is none. No columns: the one key is under `''`. */
export function findKey(index: KeyIndex, values: readonly Scalar[]): number {
  if (values.length === 0) return numberIn(index.get(''));
  let at: KeyIndex | number | undefined = index;
  for (const value of values) {
    if (!(at instanceof Map)) return -1;
    at = at.get(value);
  }
  return numberIn(at);
}

export function putKey(index: KeyIndex, values: readonly Scalar[], id: number): void {
  const path = values.length === 0 ? [''] : values;
  let at = index;
  for (const value of path.slice(0, -1)) {
    const known = at.get(value);
    const next = known instanceof Map ? known : createIndex();
    at.set(value, next);
    at = next;
  }
  at.set(path.at(-1)!, id);
}

/** Leaves nothing behind: a flood of keys that came and went takes no memory. */
export function removeKey(index: KeyIndex, values: readonly Scalar[]): void {
  const [first = '', ...others] = values;
  if (others.length === 0) return void index.delete(first);
  const next = index.get(first);
  if (!(next instanceof Map)) return;
  removeKey(next, others);
  if (next.size === 0) index.delete(first);
}

const numberIn = (found: KeyIndex | number | undefined): number => (typeof found === 'number' ? found : -1);
