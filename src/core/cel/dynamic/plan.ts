import type { Expr, Expr_Call, Expr_Comprehension, Expr_Select } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import type { Declared } from '../declare.ts';
import { writtenParts } from '../macros.ts';
import { symbolOf } from '../operators.ts';
import { meaningOf } from '../qualified.ts';
import { dottedName } from '../tree.ts';
import type { Checked } from '../types.ts';
import { dynCall } from './calls.ts';
import { entryOf, operateDyn } from './operators.ts';
import { loopOver } from './loops.ts';
import { keyOf, mapOf } from './value.ts';
import type { Dyn, Entry } from './value.ts';

/** The values of the variables by dotted path, and of the macros around. */
export type Frame = { readonly variables: ReadonlyMap<string, Dyn>; readonly locals: Dyn[] };
export type Step = (frame: Frame) => Dyn | undefined;

type Scope = { readonly checked: Pick<Checked, 'macros'>; readonly declared: Declared; readonly locals: readonly string[] };

/**
 * An expression of the `declared` dialect as nested functions over values that carry their types: for what the code of checked types has no
 * form for (dyn, uint, bytes, types, ints beyond 2^53). undefined is CEL's error; what is not there at all is one too, as without a checker.
 */
export function planDyn(
  checked: Pick<Checked, 'expr' | 'macros'>,
  declared: Declared,
): (variables: ReadonlyMap<string, Dyn>) => Dyn | undefined {
  const run = plan(checked.expr, { checked, declared, locals: [] });
  return (variables) => run({ variables, locals: [] });
}

const fails: Step = () => undefined;

function plan(expr: Expr, scope: Scope): Step {
  const { exprKind } = expr;
  const named = nameStep(expr, scope);
  if (named !== null) return named;
  switch (exprKind.case) {
    case 'constExpr':
      return constantStep(expr);
    case 'selectExpr':
      return selectStep(exprKind.value, scope);
    case 'callExpr':
      return callStep(exprKind.value, scope);
    case 'listExpr':
      return listStep(exprKind.value.elements.map((element) => plan(element, scope)));
    case 'structExpr':
      return mapStep(expr, scope);
    case 'comprehensionExpr':
      return macroStep(expr, exprKind.value, scope);
    default:
      return fails;
  }
}

/** A name as a whole; null: its parts must be looked at. */
function nameStep(expr: Expr, { locals, declared }: Scope): Step | null {
  const name = dottedName(expr);
  if (name === null) return null;
  const local = locals.lastIndexOf(name.split('.')[0] ?? '');
  if (local >= 0) return expr.exprKind.case === 'identExpr' ? ({ locals: values }) => values[local] : null;
  const meaning = meaningOf(name, declared);
  if (meaning === null) return expr.exprKind.case === 'identExpr' ? fails : null;
  if (meaning.kind === 'type') return () => ({ kind: 'type', value: meaning.name });
  return ({ variables }) => variables.get(meaning.path);
}

function constantStep(expr: Expr): Step {
  const constant = expr.exprKind.case === 'constExpr' ? expr.exprKind.value.constantKind : undefined;
  switch (constant?.case) {
    case 'nullValue':
      return () => null;
    case 'uint64Value': {
      const value = { kind: 'uint', value: constant.value } as const;
      return () => value;
    }
    case 'int64Value':
      return BigInt.asIntN(64, constant.value) === constant.value ? () => constant.value : fails;
    case 'boolValue':
    case 'stringValue':
    case 'doubleValue':
    case 'bytesValue':
      return () => constant.value;
    default:
      return fails;
  }
}

function selectStep({ operand, field, testOnly }: Expr_Select, scope: Scope): Step {
  if (operand === undefined) return fails;
  const whole = testOnly ? null : nameStep(operand, scope);
  const of = whole ?? plan(operand, scope);
  if (!testOnly) return strict([of], ([map]) => (isMap(map) ? entryOf(map, field) : undefined));
  return strict([of], ([map]) => (isMap(map) ? map.value.has(keyOf(field) ?? '') : undefined));
}

const isMap = (value: Dyn | undefined): value is Extract<Dyn, { kind: 'map' }> =>
  value !== null && typeof value === 'object' && 'kind' in value && value.kind === 'map';

/** All operands must have a value. */
function strict(steps: readonly Step[], run: (values: readonly Dyn[]) => Dyn | undefined): Step {
  return (frame) => {
    const values: Dyn[] = [];
    for (const step of steps) {
      const value = step(frame);
      if (value === undefined) return undefined;
      values.push(value);
    }
    return run(values);
  };
}

function callStep({ function: name, target, args }: Expr_Call, scope: Scope): Step {
  const steps = [...(target === undefined ? [] : [target]), ...args].map((arg) => plan(arg, scope));
  const [first = fails, second = fails, third = fails] = steps;
  if (name === '_&&_' || name === '_||_') return logic(first, second, name === '_||_');
  if (name === '_?_:_') {
    return (frame) => {
      const condition = first(frame);
      return typeof condition === 'boolean' ? (condition ? second : third)(frame) : undefined;
    };
  }
  if (name === '!_') return strict([first], ([x]) => (typeof x === 'boolean' ? !x : undefined));
  if (name === '-_')
    return strict([first], ([x]) => (typeof x === 'number' ? -x : typeof x === 'bigint' ? operateDyn('-', 0n, x) : undefined));
  const symbol = symbolOf(name);
  if (symbol !== undefined) return strict(steps, ([x = null, y = null]) => operateDyn(symbol, x, y));
  const call = dynCall(name, target === undefined ? 'global' : 'receiver');
  return call === null ? fails : strict(steps, call);
}

/** One side that decides absorbs whatever the other is (CEL specification, logical operators). */
function logic(left: Step, right: Step, decides: boolean): Step {
  return (frame) => {
    const one = left(frame);
    if (one === decides) return decides;
    const other = right(frame);
    if (other === decides) return decides;
    return one === !decides && other === !decides ? !decides : undefined;
  };
}

const listStep = (steps: readonly Step[]): Step => strict(steps, (values) => values);

function mapStep(expr: Expr, scope: Scope): Step {
  const { entries, messageName } = expr.exprKind.case === 'structExpr' ? expr.exprKind.value : { entries: [], messageName: '' };
  if (messageName !== '') return fails;
  const steps = entries.flatMap(({ keyKind, value }) => [
    keyKind.case === 'mapKey' ? plan(keyKind.value, scope) : fails,
    value === undefined ? fails : plan(value, scope),
  ]);
  return strict(steps, (values) => mapOf(values.flatMap((key, i): Entry[] => (i % 2 === 0 ? [[key, values[i + 1] ?? null]] : []))));
}

function macroStep(expr: Expr, loop: Expr_Comprehension, scope: Scope): Step {
  const name = scope.checked.macros.get(expr.id);
  if (name === undefined || loop.iterRange === undefined) return fails;
  const inner: Scope = { ...scope, locals: [...scope.locals, loop.iterVar] };
  const { conditions, value } = writtenParts(name, loop);
  const condition = conditions[0] === undefined ? null : plan(conditions[0], inner);
  const parts = { condition, value: value === null ? null : plan(value, inner), slot: scope.locals.length };
  return loopOver(name, plan(loop.iterRange, scope), parts) ?? fails;
}
