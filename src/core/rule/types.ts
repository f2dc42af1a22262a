import type { Rule, RuleAction, SelectSet } from '../../model/rule.ts';
import type { Stream } from '../../model/record.ts';
import type { Checked, CelType } from '../cel/types.ts';

export type CompiledColumn = { readonly name: string; readonly checked: Checked; readonly type: CelType };

export type CompiledAction = {
  readonly action: RuleAction;
  /** CEL<m>: the action's own match, or the default one spelled out (`where` and "column == key"). */
  readonly match: Checked;
  /** The action's CEL<a> fields by their path in the action: "percent", "rate", "burst", "value", "weights.v1"; of a ramp its `while`. */
  readonly cel: ReadonlyMap<string, Checked>;
};

/** A set of `select`, its columns in the rule's order. */
export type CompiledSet = {
  readonly set: SelectSet;
  readonly stream: Stream;
  readonly where: Checked | null;
  readonly columns: readonly CompiledColumn[];
};

/** A rule whose expressions are type-checked: what the loop runs. */
export type CompiledRule = {
  readonly rule: Rule;
  readonly revision: number;
  /** Whose records it looks at; null: it measures nothing of its own. */
  readonly stream: Stream | null;
  readonly where: Checked | null;
  readonly columns: readonly CompiledColumn[];
  readonly sets: readonly CompiledSet[];
  /** CEL<a> of slo.objective; null: a number, or no slo. */
  readonly objective: Checked | null;
  /** In the rule's order. */
  readonly variables: readonly { readonly name: string; readonly checked: Checked }[];
  readonly when: Checked | null;
  readonly until: Checked | null;
  readonly order: Checked | null;
  readonly actions: readonly CompiledAction[];
  /** CEL<a> of expect.that. */
  readonly that: Checked | null;
  /** notify.summary: text, and CEL<a>. */
  readonly summary: readonly (string | Checked)[];
};
