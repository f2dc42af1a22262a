import { celEnv, plan } from '@bufbuild/cel';
import type { CelEnv } from '@bufbuild/cel';
import type { Value } from '../../model/rule.ts';
import type { Bindings } from './bind.ts';
import { ruleFunctions } from './functions.ts';
import { withVariables } from './rewrite.ts';
import type { Aggregate, Checked } from './types.ts';
import { toCel, valueOf } from './value.ts';

/** CEL with this project's functions. It keeps compiled patterns and time zones, so make one and use it for many expressions. */
export type Cel = { readonly env: CelEnv };

export const createCel = (): Cel => ({ env: celEnv({ funcs: [...ruleFunctions()] }) });

/** Gives the value of an expression, or null: CEL's error, which is absence in CEL<r> and `unknown` in CEL<a>. */
export type Program = (bindings: Bindings) => Value | null;

/** A CEL<r>, ready to run over bindRecord's result. */
export function recordProgram(cel: Cel, checked: Checked): Program {
  const run = plan(cel.env, checked.expr);
  return (bindings) => valueOf(run(bindings));
}

/** A CEL<a>, whose outermost aggregates are handed in by position; one without value is left unbound, which is an error to CEL. */
export type AggregateProgram = {
  readonly aggregates: readonly Aggregate[];
  /** `bindings` holds key, now and grpc and is not changed. */
  readonly run: (values: readonly (Value | null)[], bindings: Bindings) => Value | null;
};

/**
 * Three-valued meaning for free (rules.md section 3.9): CEL's own `&&` and `||` absorb an error where the other side decides, so a verdict
 * is unknown exactly when CEL's result is an error.
 */
export function aggregateProgram(cel: Cel, checked: Checked): AggregateProgram {
  // '@' begins no identifier that a rule can write.
  const names = checked.aggregates.map((_, i) => `@${i}`);
  const byId = new Map(checked.aggregates.map(({ id }, i) => [id, names[i] ?? '']));
  const run = plan(cel.env, withVariables(checked.expr, byId));
  return {
    aggregates: checked.aggregates,
    run: (values, bindings) => {
      const all: Bindings = Object.assign(Object.create(null) as Bindings, bindings);
      names.forEach((name, i) => {
        const value = values[i] ?? null;
        if (value !== null) all[name] = toCel(value);
      });
      return valueOf(run(all));
    },
  };
}
