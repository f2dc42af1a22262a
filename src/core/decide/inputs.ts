import type { Value } from '../../model/rule.ts';
import type { Aggregate, CelType } from '../cel/types.ts';
import type { Slot } from '../window/slot.ts';
import type { Judged } from './run.ts';
import type { Shared } from './shared.ts';

/** Where an aggregate's records are kept, and how a key of the rule is found there. */
export type Lens = {
  readonly shared: Shared;
  /** The rule's columns that make up the key there; null: they are the rule's own records, and a key has the same number. */
  readonly columns: readonly number[] | null;
};

/** A plain aggregate, as `minimum.count` asks for it and as `minimum.until` does. */
export type SlotInput = { readonly kind: 'slot'; readonly lens: Lens; readonly count: Slot; readonly until: Slot };

/** peers(a), share(a), rank(a). */
export type SiblingsInput = {
  readonly kind: 'siblings';
  readonly how: 'peers' | 'share' | 'rank';
  readonly of: SlotInput;
  readonly type: CelType;
  /** `minimum.peers`. */
  readonly least: number;
};

/** baseline(a, span), zscore(a, span). */
export type PastInput = {
  readonly kind: 'past';
  readonly how: 'baseline' | 'zscore';
  readonly of: SlotInput;
  /** The same aggregate over each earlier window, the latest first. */
  readonly earlier: readonly SlotInput[];
  readonly type: CelType;
};

/** What an expression is given for a key, and where it comes from. */
export type Input =
  | SlotInput
  | SiblingsInput
  | PastInput
  | { readonly kind: 'burn'; readonly ratio: SlotInput; readonly objective: number | Judged }
  | { readonly kind: 'param'; readonly byDefault: Value; readonly byKey: ReadonlyMap<string, Value> }
  | { readonly kind: 'variable'; readonly of: Judged }
  | { readonly kind: 'firing'; readonly rule: string; readonly byKey: boolean };

/** What is shown under an aggregate's text. */
export type Shown = { readonly text: string; readonly input: Input };

/** Every input that an expression needs, those of its variables and comparisons included. */
export function inputsWithin(judged: Judged): readonly Input[] {
  return judged.inputs.flatMap((input): readonly Input[] => {
    if (input.kind === 'variable') return inputsWithin(input.of);
    if (input.kind === 'burn') return [input, input.ratio, ...(typeof input.objective === 'number' ? [] : inputsWithin(input.objective))];
    if (input.kind === 'siblings') return [input, input.of];
    return input.kind === 'past' ? [input, input.of, ...input.earlier] : [input];
  });
}

/** The aggregate whose slots an input reads: the one compared, or itself. */
export const plainOf = (aggregate: Aggregate): Aggregate | null =>
  aggregate.inner ?? (['firing', 'param', 'variable'].includes(aggregate.name) ? null : aggregate);
