import type { Part } from './entries.ts';

/** Which bound or rule of composition kept an action out of the table. */
export type RefusedBy = 'floor' | 'keys' | 'transitions' | 'contradiction' | 'entry';

/** An action that was asked for and is not in the table, or a change that was not made. */
export type Refusal = {
  readonly rule: string;
  readonly revision: number;
  /** The key as canonical JSON. */
  readonly key: string;
  /** Index in `then`; null: all of them. */
  readonly part: number | null;
  readonly guard: RefusedBy;
  /** One sentence for a person. */
  readonly text: string;
};

export const refusalOf = ({ intent }: Pick<Part, 'intent'>, part: number | null, guard: RefusedBy, text: string): Refusal => ({
  rule: intent.rule,
  revision: intent.revision,
  key: intent.keyText,
  part,
  guard,
  text,
});
