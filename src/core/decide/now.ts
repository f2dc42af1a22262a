import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { floorDivide, parseTime } from '../../model/time.ts';
import { childrenOf, constantString } from '../cel/tree.ts';
import type { Checked } from '../cel/types.ts';

/** When `now` can change what expressions say: at `marks`, and at every whole second or minute, or at any time. */
export type NowUse = {
  readonly grain: 'none' | 'minute' | 'second' | 'instant';
  /** Times at which a comparison of `now` with a constant turns. */
  readonly marks: readonly bigint[];
};

const grains: readonly NowUse['grain'][] = ['none', 'minute', 'second', 'instant'];
const unused: NowUse = { grain: 'none', marks: [] };
const secondNs = 1_000_000_000n;
/** Since then every zone of the tz database is whole minutes from UTC (Liberia was the last to change). */
const wholeMinutesFromNs = 65_750_400n * secondNs;

export const nowUse = (checked: readonly Checked[]): NowUse => join(checked.map(({ expr }) => useIn(expr)));

export const usesNow = ({ grain, marks }: NowUse): boolean => grain !== 'none' || marks.length > 0;

/** The next time after `t` at which `now` can change what an expression says; null: never; `t` itself: it can at any time. */
export function nextNow({ grain, marks }: NowUse, t: bigint): bigint | null {
  if (grain === 'instant') return t;
  const step = grain === 'second' || t < wholeMinutesFromNs ? secondNs : 60n * secondNs;
  const ahead = [...marks.filter((mark) => mark > t), ...(grain === 'none' ? [] : [(floorDivide(t, step) + 1n) * step])];
  return ahead.length === 0 ? null : ahead.reduce((a, b) => (a < b ? a : b));
}

function useIn(expr: Expr): NowUse {
  if (isNow(expr)) return { grain: 'instant', marks: [] };
  const { exprKind } = expr;
  if (exprKind.case === 'callExpr') {
    const { function: name, target, args } = exprKind.value;
    if (target !== undefined && isNow(target) && name.startsWith('get')) return join([getterUse(name), ...args.map(useIn)]);
    const constant = isNow(args[0]) ? timeIn(args[1]) : isNow(args[1]) ? timeIn(args[0]) : null;
    // A comparison turns when `now` reaches the constant, and again when it has passed it.
    if (/^_[<>=!]=?_$/.test(name) && constant !== null) return { grain: 'none', marks: [constant, constant + 1n] };
  }
  return join(childrenOf(expr).map(useIn));
}

const getterUse = (name: string): NowUse => ({
  grain: name === 'getMilliseconds' ? 'instant' : name === 'getSeconds' ? 'second' : 'minute',
  marks: [],
});

const isNow = (expr: Expr | undefined): boolean => expr?.exprKind.case === 'identExpr' && /^\.?now$/.test(expr.exprKind.value.name);

/** The time of timestamp("…"), or null. */
function timeIn(expr: Expr | undefined): bigint | null {
  const call = expr?.exprKind.case === 'callExpr' && expr.exprKind.value.function === 'timestamp' ? expr.exprKind.value : null;
  const text = constantString(call?.args[0]);
  return text === null ? null : parseTime(text);
}

function join(uses: readonly NowUse[]): NowUse {
  return uses.reduce(
    (a, b) => ({ grain: grains.indexOf(a.grain) < grains.indexOf(b.grain) ? b.grain : a.grain, marks: [...a.marks, ...b.marks] }),
    unused,
  );
}
