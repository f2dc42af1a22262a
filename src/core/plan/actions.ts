import { fail, ok, type Result } from '../../model/problem.ts';
import type { Num, Rule, RuleAction, Value } from '../../model/rule.ts';
import type { Action } from '../../model/table.ts';
import type { ResolvedAction } from '../decide/types.ts';
import { ppmOf, sharesOf } from './shares.ts';

/**
 * An action with its numbers as the table has them: shares in ppm, rates in thousandths a second.
 * Errors: E-ACTION when a number read from CEL is out of its range or a value is missing.
 */
export function actionOf({ action, values }: ResolvedAction, rule: Rule): Result<Action> {
  const at = `${rule.name}:${action.place.line}:${action.place.column}`;
  const bad = (what: string): Result<Action> =>
    fail({ code: 'E-ACTION', what: `${action.kind}: ${what}`, at, todo: 'see the values of the intent' });
  // A literal may be left out of what was read.
  const number = (path: string, num: Num): number => numberOf(values.get(path) ?? (num.kind === 'literal' ? num.value : undefined));
  switch (action.kind) {
    case 'allow':
      return ok({ kind: 'allow' });
    case 'deny': {
      const ppm = ppmOf(number('percent', action.percent));
      return ppm === undefined
        ? bad('percent is not 0 … 100')
        : ok({ kind: 'deny', ppm, status: action.status, grpcStatus: action.grpcStatus });
    }
    case 'respond':
      return ok({ kind: 'respond', status: action.status, body: action.body, headers: action.headers });
    case 'limit':
      return limitOf(action, number) ?? bad('rate and burst must be positive');
    case 'split': {
      const ppm = sharesOf(
        new Map(
          Object.entries(action.weights).map(([name, weight]) => [name, weight === 'rest' ? weight : number(`weights.${name}`, weight)]),
        ),
      );
      return typeof ppm === 'string' ? bad(ppm) : ok({ kind: 'split', on: action.on, ppm: Object.fromEntries(ppm), sticky: action.sticky });
    }
    case 'avoid': {
      const ppm = ppmOf(number('percent', action.percent));
      const value = values.get('value');
      if (typeof value !== 'string') return bad(`${action.on} is not a name`);
      return ppm === undefined
        ? bad('percent is not 0 … 100')
        : ok({ kind: 'avoid', on: action.on, value, ppm, floorPpm: Math.round(rule.guard.floor * 1e6) });
    }
    case 'route':
      return ok({ kind: 'route', to: action.to });
    case 'mirror': {
      const ppm = ppmOf(number('percent', action.percent));
      return ppm === undefined ? bad('percent is not 0 … 100') : ok({ kind: 'mirror', to: action.to, ppm });
    }
    case 'set':
      return ok({ kind: 'set', set: action.set, remove: action.remove, dscp: action.dscp });
  }
}

const perSecondMilli = 1_000;

function limitOf(action: Extract<RuleAction, { kind: 'limit' }>, number: (path: string, num: Num) => number): Result<Action> | null {
  const rate = number('rate', action.rate);
  // No burst: rate × 1 s, and a bucket that holds no whole token would let nothing through at all.
  const burst = action.burst === null ? Math.max(1, Math.ceil(rate)) : Math.floor(number('burst', action.burst));
  const rateMilli = Math.round(rate * perSecondMilli);
  if (!(rateMilli >= 0 && burst >= 1) || !Number.isSafeInteger(rateMilli) || !Number.isSafeInteger(burst)) return null;
  const { unit, per, scope } = action;
  return ok({ kind: 'limit', rateMilli, burst, unit, per, scope });
}

const numberOf = (value: Value | undefined): number =>
  typeof value === 'number' || typeof value === 'bigint' ? Number(value) : Number.NaN;
