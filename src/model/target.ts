import type { Instance } from './inventory.ts';
import type { ActionKind } from './table.ts';

/** What kind of enforcement point it is; `targets:` of a rule names these. */
export type TargetKind = string;

/** What one target can enforce (design.md section 4), announced by its adapter. */
export type Capabilities = {
  readonly actions: readonly ActionKind[];
  /** Attribute paths it can match; "request.headers" stands for every header. */
  readonly fields: readonly string[];
  /** Names of the tests it can express: in, notIn, present, range, cidr, prefix, suffix, contains, regex. */
  readonly tests: readonly string[];
  readonly entriesMax: number;
  /** Whether a change of table is seen whole or not at all. */
  readonly atomic: boolean;
  /** Nanoseconds a request or packet: what makes one target cheaper than another. */
  readonly costNs: number;
};

/** What traffic passes it. `instances` are those it stands before and knows of: they join the inventory, behind what its file says. */
export type Sees = { readonly services: readonly string[]; readonly instances?: readonly Instance[] };

/** The engine's view of one enrolled target. */
export type TargetInfo = {
  readonly name: string;
  readonly kind: TargetKind;
  readonly capabilities: Capabilities;
  readonly sees: Sees;
};

/** Names of targets (protocol.md section 8): also a subject's token and a credential's name. */
export const targetName = /^[a-z0-9-]{1,63}$/;
