import { sameValue } from '../cel/value.ts';
import { isInForce } from './course.ts';
import type { RuleRun } from './run.ts';
import { faceOf } from './shared.ts';
import type { Key } from './types.ts';

/** The keys of each rule that were in force just before an instant; a rule that no one asks for is not among them. */
export type Standings = ReadonlyMap<string, readonly Key[]>;

export const noStandings: Standings = new Map();

/** What rules that are due at an instant ask of others: taken before any of them is judged, so that their order does not matter. */
export function standingsFor(due: readonly RuleRun[], all: readonly RuleRun[]): Standings {
  const names = new Set(due.flatMap(({ asksFor }) => asksFor));
  const asked = all.filter(({ compiled }) => names.has(compiled.rule.name));
  return new Map(
    asked.map((run) => [run.compiled.rule.name, [...run.active.values()].filter((key) => isInForce(key.course)).map(({ key }) => key)]),
  );
}

/** firing("rule"[, key]) (settled point 14): of some key, or of one equal in the columns that both have. No such rule: nothing fires. */
export function firingBefore(
  { run, before }: { readonly run: RuleRun; readonly before: Standings },
  id: number,
  { rule, byKey }: { readonly rule: string; readonly byKey: boolean },
): boolean {
  const keys = before.get(rule) ?? [];
  if (!byKey || run.source === null) return keys.length > 0;
  const { key } = faceOf(run.source.shared, id, run.compiled);
  return keys.some((other) => [...other].every(([name, value]) => !key.has(name) || sameValue(key.get(name) ?? null, value)));
}
