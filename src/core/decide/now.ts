import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { childrenOf } from '../cel/tree.ts';
import type { Checked } from '../cel/types.ts';
import { floorDivide } from '../../model/time.ts';

/** How `now` enters expressions: not at all, only through getters that change at whole minutes or seconds, or in any way. */
export type NowGrain = 'none' | 'minute' | 'second' | 'instant';

const grains: readonly NowGrain[] = ['none', 'minute', 'second', 'instant'];
const secondNs = 1_000_000_000n;
/** Since then every zone of the tz database is whole minutes from UTC (Liberia was the last to change). */
const wholeMinutesFromNs = 65_750_400n * secondNs;

export const nowGrain = (checked: readonly Checked[]): NowGrain => finest(checked.map(({ expr }) => grainOf(expr)));

/** The next time after `t` at which `now` can change what an expression says; null: never; `t` itself: it can at any time. */
export function nextNow(grain: NowGrain, t: bigint): bigint | null {
  if (grain === 'none') return null;
  if (grain === 'instant') return t;
  const step = grain === 'second' || t < wholeMinutesFromNs ? secondNs : 60n * secondNs;
  return (floorDivide(t, step) + 1n) * step;
}

function grainOf(expr: Expr): NowGrain {
  const { exprKind } = expr;
  if (exprKind.case === 'identExpr') return exprKind.value.name.replace(/^\./, '') === 'now' ? 'instant' : 'none';
  if (exprKind.case === 'callExpr' && exprKind.value.target?.exprKind.case === 'identExpr') {
    const { function: name, target, args } = exprKind.value;
    if (grainOf(target) === 'instant' && name.startsWith('get')) {
      const own: NowGrain = name === 'getMilliseconds' ? 'instant' : name === 'getSeconds' ? 'second' : 'minute';
      return finest([own, ...args.map(grainOf)]);
    }
  }
  return finest(childrenOf(expr).map(grainOf));
}

const finest = (all: readonly NowGrain[]): NowGrain => all.reduce((a, b) => (grains.indexOf(a) < grains.indexOf(b) ? b : a), 'none');
