import { bool } from '../kinds.ts';
import type { CelType } from '../types.ts';
import type { Code, Range, Scope } from './code.ts';
import { strict } from './code.ts';

/**
 * `&&` and `||` of CEL are commutative: one side that decides absorbs the other's error (specification, logical operators). Since code has
 * no side effects, the side that cannot fail is run first.
 */
export function both(scope: Scope, left: Code, right: Code, symbol: '&&' | '||'): Code {
  if (!left.fails) return { js: `(${left.js} ${symbol} ${right.js})`, type: bool, fails: right.fails, range: null };
  if (!right.fails) return { js: `(${right.js} ${symbol} ${left.js})`, type: bool, fails: true, range: null };
  const decides = symbol === '||';
  const [a, b] = [scope.temporary(), scope.temporary()];
  const rest = `(${b} = ${right.js}) === ${decides} ? ${decides} : ${a} === undefined ? undefined : ${b}`;
  return { js: `((${a} = ${left.js}) === ${decides} ? ${decides} : ${rest})`, type: bool, fails: true, range: null };
}

export const not = (scope: Scope, operand: Code): Code => strict(scope, [operand], (x) => `!${x}`, { type: bool });

/** Only the branch that is taken is run, so only its error counts. */
export function choose(scope: Scope, condition: Code, branches: readonly [Code, Code], type: CelType): Code {
  const [yes, no] = branches;
  const range: Range | null =
    yes.range === null || no.range === null ? null : [Math.min(yes.range[0], no.range[0]), Math.max(yes.range[1], no.range[1])];
  const chosen = strict(scope, [condition], (c) => `${c} ? ${yes.js} : ${no.js}`, { type, range });
  return { ...chosen, js: `(${chosen.js})`, fails: chosen.fails || yes.fails || no.fails };
}
