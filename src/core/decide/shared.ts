import type { CelType } from '../cel/types.ts';
import { lazily, rawColumns } from '../cel/programs.ts';
import type { BoundKey } from '../cel/programs.ts';
import type { Value } from '../../model/rule.ts';
import { lifeAt } from '../window/liveness.ts';
import type { Life, StreamLife } from '../window/liveness.ts';
import type { Selection } from '../window/selection.ts';
import { wrapped } from '../window/slot.ts';
import type { CompiledRule } from '../rule/types.ts';
import { bindKey, keyOf, textOfKey } from './key.ts';
import { createSiblingCache } from './siblings.ts';
import type { SiblingCache } from './siblings.ts';
import type { Key } from './types.ts';

/** A key as rules see it. */
export type Face = { readonly values: unknown; readonly key: Key; readonly text: () => string; readonly bound: BoundKey };

/** A selection, and what the rules that look at it need besides its records. */
export type Shared = {
  readonly selection: Selection;
  /** By key number. */
  readonly faces: (Face | undefined)[];
  /** Set for a selection made after lines were read: what was before, it does not know. */
  readonly knownFromNs: bigint | null;
  /** The life of the stream at the instant `lifeAtNs`. */
  life: Life;
  lifeAtNs: bigint | null;
  readonly siblings: SiblingCache;
};

export const createShared = (selection: Selection, knownFromNs: bigint | null): Shared => ({
  selection,
  faces: [],
  knownFromNs,
  life: [],
  lifeAtNs: null,
  siblings: createSiblingCache(),
});

/** The key of a number; made once, and anew when the number is another key's. */
export function faceOf({ selection, faces }: Shared, id: number, rule: Pick<CompiledRule, 'columns' | 'rule'>): Face {
  const values = selection.keys.values[id];
  const known = faces[id];
  if (known !== undefined && known.values === values) return known;
  const types: readonly CelType[] = rule.columns.map(({ type }) => type);
  const own: readonly Value[] = (values ?? []).map((value, i) => wrapped(value, types[i]?.kind ?? null));
  const key = keyOf(rule.columns, own);
  const face: Face = {
    values,
    key,
    text: lazily(() => textOfKey(key)),
    bound: { bound: lazily(() => bindKey(rule, key)), raw: rawColumns(own) },
  };
  faces[id] = face;
  return face;
}

/** The life of the stream at `t`; values read under another one are not used again. */
export function follow(shared: Shared, of: StreamLife, t: bigint): void {
  if (shared.lifeAtNs === t) return;
  const { selection, knownFromNs } = shared;
  shared.lifeAtNs = t;
  const before = shared.life;
  shared.life = lifeAt(of, { t, windows: selection.windows, knownFromNs });
  if (!isSame(before, shared.life)) selection.readsFrom = selection.turn;
}

function isSame(a: Life, b: Life): boolean {
  if (a.length !== b.length) return false;
  return a.every((one, i) => {
    const other = b[i]!;
    return one.status === other.status && one.isStaleIn === other.isStaleIn && one.liveThroughout === other.liveThroughout;
  });
}
