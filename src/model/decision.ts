import type { Instance } from './inventory.ts';
import type { Action } from './table.ts';

/** The action of a kind. */
export type ActionOf<K extends Action['kind']> = Extract<Action, { readonly kind: K }>;

/** An action with a say: its part (one draw, one bucket, however many alternatives match) and the tag of its owner. */
export type Say<A extends Action = Action> = {
  readonly part: string;
  /** rule@revision */
  readonly tag: string;
  readonly action: A;
};

/** What a table does to one request or packet, before anything is drawn. */
export type Decision = {
  /** In order: the first that is drawn decides; none: admitted. Only the last can be certain, so nothing after it is listed. */
  readonly admit: readonly Say<ActionOf<'allow' | 'deny' | 'respond'>>[];
  /** Each needs a token. */
  readonly limits: readonly Limit[];
  readonly steer: Steer;
  readonly mirrors: readonly Say<ActionOf<'mirror'>>[];
  readonly edits: Edits;
};

export type Limit = Say<ActionOf<'limit'>> & {
  /** One bucket for each value of `per`, as canonical JSON. */
  readonly bucket: string;
};

export type Choice = {
  /** The value of the split that it stands for; "" without a split. */
  readonly group: string;
  readonly instance: Instance;
  /** Exact: only proportions count; 0 gets nothing. */
  readonly weight: bigint;
};

export type Steer = {
  /** The split or route that picked; null: the service asked for. */
  readonly picked: Say<ActionOf<'split' | 'route'>> | null;
  /** The draw for the group that the sticky attribute fixes, [0, 1); null: drawn. */
  readonly sticky: number | null;
  /** The ready instances of the services that can be reached, ordered by service and instance. */
  readonly choices: readonly Choice[];
  /** Avoids in effect: each takes from an instance that is ready. */
  readonly avoids: readonly Say<ActionOf<'avoid'>>[];
  /** Avoids that would leave too few, or nothing. */
  readonly voided: readonly Say<ActionOf<'avoid'>>[];
  /** True when an avoid is void: capacity before caution. */
  readonly panic: boolean;
  /** True when no service is known: the packet goes where it was going. */
  readonly through: boolean;
};

/** Header names in lower case. */
export type Edits = {
  readonly set: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
  readonly dscp: number | null;
  /** Those of whom at least one edit stands. */
  readonly by: readonly Say<ActionOf<'set'>>[];
};

/** One tag and what its entry did. */
export type Applied = { readonly tag: string; readonly why: string };

export type Outcome = { readonly applied: readonly Applied[] } & (
  | { readonly kind: 'denied' | 'limited' | 'unavailable'; readonly status: number; readonly grpcStatus: number }
  | { readonly kind: 'responded'; readonly status: number; readonly body: string; readonly headers: Readonly<Record<string, string>> }
  | {
      readonly kind: 'forwarded';
      /** null: through, to where it was going. */
      readonly instance: Instance | null;
      /** Services that get a copy. */
      readonly mirrors: readonly string[];
      readonly edits: Omit<Edits, 'by'>;
    }
);
