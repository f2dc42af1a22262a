/**
 * An expected failure, the same in CLI, API and console: a stable code, what failed, where, and what to do next.
 * `at` is "file:line:column" for text, else the thing's own name (a target, a table).
 */
export type Problem = {
  readonly code: `${'E' | 'W'}-${string}`;
  readonly what: string;
  readonly at: string;
  readonly todo: string;
  /** The source line with a caret below the column, where there is one. */
  readonly excerpt?: string;
};

export type Result<T, P = Problem> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: P };

export const ok = <T>(value: T): { readonly ok: true; readonly value: T } => ({ ok: true, value });
export const fail = <P>(problem: P): { readonly ok: false; readonly problem: P } => ({ ok: false, problem });

/** A state that only a programmer's error can bring about: crash, do not go on. */
export function assert(condition: unknown, message: string): asserts condition {
  if (condition !== true) throw new Error(`flyball: broken invariant: ${message}`);
}
