import type { TextColumn } from '../../model/batch.ts';

/** Key numbers by the codes of a key's texts, so that no text is looked at for a record whose key is known. */
export type Codes = {
  /** The lists that codes stand for, and how many codes there is room for in each. */
  lists: readonly (readonly string[])[];
  rooms: number[];
  /** By the codes taken together: a key's number and one, or 0; where there is too much room for that, a map. */
  dense: Int32Array | null;
  sparse: Map<number, number>;
  closed: number;
};

/** Room for codes in a plain list (4 MB). */
const denseMax = 2 ** 20;
/** Beyond, codes taken together are no small integers any more. */
const sparseMax = 2 ** 30;

export const createCodes = (): Codes => ({ lists: [], rooms: [], dense: null, sparse: new Map(), closed: 0 });

/** Makes ready for these columns; false: there are too many codes. */
export function codeRoom(codes: Codes, texts: readonly TextColumn[], closed: number): boolean {
  const fits =
    codes.lists.length === texts.length && texts.every(({ names }, i) => codes.lists[i] === names && names.length <= codes.rooms[i]!);
  if (!fits) {
    codes.lists = texts.map(({ names }) => names);
    codes.rooms = texts.map(({ names }) => 2 ** Math.ceil(Math.log2(names.length + 8)));
    const room = codes.rooms.reduce((product, one) => product * one, 1);
    if (room > sparseMax) {
      codes.lists = [];
      return false;
    }
    codes.dense = room <= denseMax ? new Int32Array(room) : null;
    codes.sparse.clear();
  } else if (codes.closed !== closed) {
    codes.dense?.fill(0);
    codes.sparse.clear();
  }
  codes.closed = closed;
  return true;
}

/** Puts the numbers of the keys of records `at[0 … n)` into `ids`; −1: not known here. Says whether all are known. */
export function idOf({ rooms, dense, sparse }: Codes, texts: readonly TextColumn[], at: Int32Array, ids: Int32Array, n: number): boolean {
  ids.fill(0, 0, n);
  for (let k = 0; k < texts.length; k++) append(ids, rooms[k]!, texts[k]!.codes, at, n);
  if (dense !== null) return lookUp(ids, dense, n);
  let all = 0;
  for (let j = 0; j < n; j++) all |= ids[j] = sparse.get(ids[j]!) ?? -1;
  return all >= 0;
}

// Loops of their own: each is then made for the kinds of lists that it meets.
function append(ids: Int32Array, room: number, codes: TextColumn['codes'], at: Int32Array, n: number): void {
  for (let j = 0; j < n; j++) ids[j] = Math.imul(ids[j]!, room) + codes[at[j]!]!;
}

function lookUp(ids: Int32Array, dense: Int32Array, n: number): boolean {
  let all = 0;
  for (let j = 0; j < n; j++) all |= ids[j] = dense[ids[j]!]! - 1;
  return all >= 0;
}

/** From now on the key of record `i` has this number; −1: it was not opened. */
export function remember({ rooms, dense, sparse }: Codes, texts: readonly TextColumn[], i: number, id: number): void {
  if (id < 0) return;
  const code = texts.reduce((sum, { codes }, k) => sum * rooms[k]! + codes[i]!, 0);
  if (dense !== null) dense[code] = id + 1;
  else sparse.set(code, id);
}
