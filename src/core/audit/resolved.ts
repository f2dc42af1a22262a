import type { Value } from '../../model/rule.ts';
import type { ResolvedAction } from '../decide/types.ts';
import type { CompiledRule } from '../rule/types.ts';

/** A value that keeps its CEL type through JSON: 5 and 5.0 are not the same. */
type Typed =
  | { readonly string: string }
  | { readonly int: string }
  | { readonly double: string }
  | { readonly bool: boolean }
  | { readonly ns: string }
  | { readonly time: string };
export type TypedValues = Readonly<Record<string, Typed>>;

/** What an intent's actions came to when it began, for the audit: an engine that starts anew goes on with these. */
export const resolvedToJson = (actions: readonly ResolvedAction[]): readonly TypedValues[] =>
  actions.map(({ values }) => Object.fromEntries([...values].map(([path, value]) => [path, typed(value)])));

/** The same read back for the rule revision that they belong to; null: it is not such a text. */
export function resolvedFromJson(json: unknown, compiled: CompiledRule): readonly ResolvedAction[] | null {
  if (!Array.isArray(json) || json.length !== compiled.actions.length) return null;
  const actions: ResolvedAction[] = [];
  for (const [i, { action }] of compiled.actions.entries()) {
    const entries = Object.entries((json[i] ?? {}) as Readonly<Record<string, unknown>>).map(
      ([path, value]) => [path, untyped(value)] as const,
    );
    if (entries.some(([, value]) => value === null)) return null;
    actions.push({ action, values: new Map(entries as readonly (readonly [string, Value])[]) });
  }
  return actions;
}

function typed(value: Value): Typed {
  if (typeof value === 'string') return { string: value };
  if (typeof value === 'bigint') return { int: String(value) };
  if (typeof value === 'number') return { double: String(value) };
  if (typeof value === 'boolean') return { bool: value };
  return 'durationNs' in value ? { ns: String(value.durationNs) } : { time: String(value.timeNs) };
}

function untyped(json: unknown): Value | null {
  const [[kind, value] = ['', null], ...more] = typeof json === 'object' && json !== null ? Object.entries(json as object) : [];
  if (more.length > 0) return null;
  if (kind === 'bool') return typeof value === 'boolean' ? value : null;
  if (typeof value !== 'string') return null;
  if (kind === 'string') return value;
  if (kind === 'double') return Number(value);
  if (!/^-?\d{1,30}$/.test(value)) return null;
  if (kind === 'int') return BigInt(value);
  if (kind === 'ns') return { durationNs: BigInt(value) };
  return kind === 'time' ? { timeNs: BigInt(value) } : null;
}
