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
  lifeText: string;
};

const noLife: Life = { status: 'unseen', staleIn: [], liveThroughout: [] };

export const createShared = (selection: Selection, knownFromNs: bigint | null): Shared => ({
  selection,
  faces: [],
  knownFromNs,
  life: noLife,
  lifeAtNs: null,
  lifeText: '',
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
  shared.life = lifeAt(of, { t, windows: selection.windows.map(({ lengthNs }) => lengthNs), knownFromNs });
  const { status, staleIn, liveThroughout } = shared.life;
  const text = `${status} ${staleIn.join()} ${liveThroughout.join()}`;
  if (text !== shared.lifeText) selection.readsFrom = selection.turn;
  shared.lifeText = text;
}
