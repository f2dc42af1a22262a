import type { CompiledRule } from '../core/rule/types.ts';

const tickMsMin = 10;
const tickMsMax = 100;

/** How long to wait from `nowMs` until the next instant of the rule that is judged most often (10 … 100 ms): instants are multiples of `every`. */
export function nextTickMs(nowMs: number, rules: Iterable<CompiledRule>): number {
  let everyMs = tickMsMax;
  for (const { rule } of rules) everyMs = Math.min(everyMs, Number(rule.everyNs / 1_000_000n));
  const every = Math.max(everyMs, tickMsMin);
  return every - (nowMs % every) + 0.2;
}
