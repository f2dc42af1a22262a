import type { Rule, RuleAction } from '../../model/rule.ts';
import type { Stream } from '../../model/record.ts';
import type { Checked, CelType } from '../cel/types.ts';

export type CompiledColumn = { readonly name: string; readonly checked: Checked; readonly type: CelType };

export type CompiledAction = {
  readonly action: RuleAction;
  /** CEL<m>: the action's own match, or the default one spelled out (`where` and "column == key"). */
  readonly match: Checked;
  /** The action's CEL<a> fields by their path in the action: "percent", "rate", "burst", "value", "weights.v1". */
  readonly cel: ReadonlyMap<string, Checked>;
};

/** A rule whose expressions are type-checked: what the loop runs. */
export type CompiledRule = {
  readonly rule: Rule;
  readonly revision: number;
  /** null: a standing rule. */
  readonly stream: Stream | null;
  readonly where: Checked | null;
  readonly columns: readonly CompiledColumn[];
  readonly when: Checked | null;
  readonly until: Checked | null;
  readonly order: Checked | null;
  readonly actions: readonly CompiledAction[];
};
