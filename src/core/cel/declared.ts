import { fail, ok } from '../../model/problem.ts';
import type { Result } from '../../model/problem.ts';
import { compile, declaredNames, isInexact } from './compile/program.ts';
import type { Raw } from './compile/code.ts';
import { costProblem, staticCost } from './cost.ts';
import type { Declared } from './declare.ts';
import { planDyn } from './dynamic/plan.ts';
import { fromRaw, toRaw } from './dynamic/value.ts';
import type { Dyn } from './dynamic/value.ts';
import { dyn } from './kinds.ts';
import { parse } from './parse.ts';
import type { CelProblem } from './problem.ts';
import { isStaticallyNamed } from './qualified.ts';
import type { CelType, Checked } from './types.ts';

/** Plain CEL over variables by dotted path; undefined is CEL's error. */
export type DeclaredProgram = {
  readonly run: (variables: ReadonlyMap<string, Dyn>) => Dyn | undefined;
  /** Whether it runs as code of checked types; what meets an int beyond 2^53 there is run again with bigints. */
  readonly form: 'checked' | 'dynamic';
};

/** A program of the `declared` dialect: code of checked types wherever every part has one, else over values that carry theirs. */
export function declaredProgram(checked: Checked, declared: Declared): DeclaredProgram {
  const dynamic = planDyn(checked, declared);
  const code = isPlain(checked, declared) ? compile<[unknown]>(checked, 'e', declaredNames(declared.variables)) : null;
  if (code === null) return { run: dynamic, form: 'dynamic' };
  return {
    form: 'checked',
    run: (variables) => {
      const given = [...declared.variables.keys()].every((path) => variables.has(path)) ? nested(variables) : null;
      if (given === null) return dynamic(variables);
      try {
        const raw = code(given);
        return raw === undefined ? undefined : fromRaw(raw, checked.type);
      } catch (error) {
        if (!isInexact(error)) throw error;
        return dynamic(variables);
      }
    },
  };
}

/** Parses without checking types: every error shows when it runs (CEL specification, `disable_check`). */
export function unchecked(text: string): Result<Checked, readonly CelProblem[]> {
  const parsed = parse(text, true);
  if (!parsed.ok) return fail([parsed.problem]);
  const { expr, starts: positions, macros } = parsed.value;
  const types = new Map<bigint, CelType>();
  const cost = staticCost({ expr, types, macros });
  const dear = costProblem(cost, 0);
  return dear === null ? ok({ text, dialect: 'declared', expr, type: dyn, types, positions, macros, cost, aggregates: [] }) : fail([dear]);
}

const loose: readonly CelType['kind'][] = ['dyn', 'type', 'uint', 'bytes'];

function isPlain({ types, type }: Checked, declared: Declared): boolean {
  const hasForm = (of: CelType): boolean => {
    if (of.kind === 'list') return hasForm(of.of);
    return of.kind === 'map' ? hasForm(of.key) && hasForm(of.value) : !loose.includes(of.kind);
  };
  return types.size > 0 && isStaticallyNamed(declared) && hasForm(type) && [...types.values()].every(hasForm);
}

/** Variables as checked code reads them: objects within each other by path. null: it has no form for one. */
function nested(variables: ReadonlyMap<string, Dyn>): Record<string, unknown> | null {
  const root: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [path, value] of variables) {
    const raw: Raw | undefined = toRaw(value);
    if (raw === undefined) return null;
    const parts = path.split('.');
    let into = root;
    for (const part of parts.slice(0, -1)) into = (into[part] ??= Object.create(null)) as Record<string, unknown>;
    into[parts.at(-1) ?? ''] = raw;
  }
  return root;
}
