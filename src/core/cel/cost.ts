import type { Expr, Expr_Call, Expr_Comprehension } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { celCharsAssumed, celCostMax, celElementsAssumed, celPatternStepsMax } from './bounds.ts';
import { writtenParts } from './macros.ts';
import { patternSteps } from './pattern.ts';
import type { CelProblem } from './problem.ts';
import { constantString } from './tree.ts';
import type { CelType, Checked } from './types.ts';

/**
 * What one evaluation may cost at worst, after cel-go's checker: 1 for a name that is read or an operation, a tenth for each code unit that is
 * looked at, a loop's body as often as its range is long. Dearer than there are the order of texts, which goes by code points, and patterns,
 * which may be run from each character on. What a record holds is taken to be as long as bounds.ts says; what an
 * aggregate's argument costs is for one record.
 */
export const staticCost = (of: Pick<Checked, 'expr' | 'types' | 'macros'>): number =>
  Math.ceil(estimate(of.expr, { ...of, sizes: new Map() }).cost);

/** A problem when one evaluation may cost more than celCostMax. */
export const costProblem = (cost: number, offset: number): CelProblem | null =>
  cost <= celCostMax
    ? null
    : {
        code: 'E-CEL-COST',
        offset,
        what: `it may cost ${cost.toLocaleString('en-US')} at worst, more than ${celCostMax.toLocaleString('en-US')}`,
        todo: 'put fewer loops inside each other, and shorter patterns into them',
      };

/** How long a value may be: code units of text, elements of a list, entries of a map; and how long each of them is. */
type Size = { readonly count: number; readonly each: Size | null };
type Estimate = { readonly cost: number; readonly size: Size };
type Scope = Pick<Checked, 'types' | 'macros'> & { readonly sizes: ReadonlyMap<string, Size> };

const charCost = 0.1;
/** Per code unit. */
const orderCost = 1;
/** Per code unit and instruction of a pattern. */
const patternCost = 0.25;
/** An address, number or time as text. */
const shortText: Size = { count: 64, each: null };
const scalar: Size = { count: 1, each: null };
const long: Size = { count: celCharsAssumed, each: null };

function estimate(expr: Expr, scope: Scope): Estimate {
  const { exprKind } = expr;
  switch (exprKind.case) {
    case 'constExpr': {
      const { constantKind: of } = exprKind.value;
      const text = of.case === 'stringValue' || of.case === 'bytesValue' ? of.value.length : 1;
      return { cost: 0, size: { count: text, each: null } };
    }
    case 'identExpr':
      return { cost: 1, size: scope.sizes.get(exprKind.value.name) ?? sizeOf(scope.types.get(expr.id)) };
    case 'selectExpr': {
      const of = exprKind.value.operand === undefined ? null : estimate(exprKind.value.operand, scope);
      const isEntry = scope.types.get(exprKind.value.operand?.id ?? 0n)?.kind === 'map' ? (of?.size.each ?? null) : null;
      return { cost: (of?.cost ?? 0) + 1, size: exprKind.value.testOnly ? scalar : (isEntry ?? sizeOf(scope.types.get(expr.id))) };
    }
    case 'callExpr':
      return callEstimate(expr, exprKind.value, scope);
    case 'comprehensionExpr':
      return loopEstimate(expr, exprKind.value, scope);
    case 'listExpr':
      return together(exprKind.value.elements.map((element) => estimate(element, scope)));
    case 'structExpr': {
      const entries = exprKind.value.entries;
      const keys = entries.flatMap(({ keyKind }) => (keyKind.case === 'mapKey' ? [estimate(keyKind.value, scope)] : []));
      const values = entries.flatMap(({ value }) => (value === undefined ? [] : [estimate(value, scope)]));
      return { cost: together(keys).cost + together(values).cost, size: together(values).size };
    }
    default:
      return { cost: 0, size: scalar };
  }
}

/** A list of these. */
function together(parts: readonly Estimate[]): Estimate {
  const each = parts.reduce<Size | null>((all, { size }) => (all === null ? size : longest(all, size)), null);
  return { cost: 1 + sum(parts), size: { count: parts.length, each } };
}

function callEstimate(expr: Expr, { function: name, target, args }: Expr_Call, scope: Scope): Estimate {
  const given = [...(target === undefined ? [] : [target]), ...args];
  const parts = given.map((arg) => estimate(arg, scope));
  const [a = scalar, b = scalar, c = scalar] = parts.map(({ size }) => size);
  const result = (own: number, size: Size = resultSize(scope.types.get(expr.id))): Estimate => ({ cost: sum(parts) + 1 + own, size });
  switch (name) {
    case '_?_:_':
      return { cost: 1 + (parts[0]?.cost ?? 0) + Math.max(parts[1]?.cost ?? 0, parts[2]?.cost ?? 0), size: longest(b, c) };
    case '_==_':
    case '_!=_':
      return result(compared(a, b));
    case '_<_':
    case '_<=_':
    case '_>_':
    case '_>=_':
      return result((orderCost / charCost) * compared(a, b));
    case '@in':
      return result(
        b.each === null || scope.types.get(given[1]?.id ?? 0n)?.kind === 'map' ? looked(a) : b.count * (1 + compared(a, b.each)),
      );
    case '_[_]':
      return result(0, a.each ?? undefined);
    case '_+_':
      return a.count + b.count === 2
        ? result(0)
        : result(charCost * (a.count + b.count), { count: a.count + b.count, each: longest(a.each, b.each) });
    case 'contains':
      return result(looked(a) * Math.max(1, looked(b)));
    case 'startsWith':
    case 'endsWith':
      return result(looked(b));
    case 'matches':
      return result(a.count * patternCost * patternCount(constantString(given[1])));
    case 'string':
      return result(looked(a), longest(a, shortText));
    default:
      return result(parts.reduce((all, { size }) => all + (size.each === null && size.count > 1 ? looked(size) : 0), 0));
  }
}

function loopEstimate(expr: Expr, loop: Expr_Comprehension, scope: Scope): Estimate {
  const range = loop.iterRange === undefined ? { cost: 0, size: scalar } : estimate(loop.iterRange, scope);
  const isMap = scope.types.get(loop.iterRange?.id ?? 0n)?.kind === 'map';
  const inner = { ...scope, sizes: new Map([...scope.sizes, [loop.iterVar, isMap ? long : (range.size.each ?? scalar)]]) };
  const { conditions, value } = writtenParts(scope.macros.get(expr.id) ?? '', loop);
  const collected = value === null ? null : estimate(value, inner);
  const body = sum(conditions.map((condition) => estimate(condition, inner))) + (collected?.cost ?? 0);
  return {
    cost: range.cost + 1 + range.size.count * (1 + body),
    size: collected === null ? scalar : { count: range.size.count, each: collected.size },
  };
}

function sizeOf(type: CelType | undefined): Size {
  switch (type?.kind) {
    case 'string':
    case 'bytes':
      return long;
    case 'list':
      return { count: celElementsAssumed, each: sizeOf(type.of) };
    case 'map':
      return { count: celElementsAssumed, each: sizeOf(type.value) };
    case 'dyn':
    case undefined:
      return { count: celCharsAssumed, each: long };
    case 'ip':
    case 'cidr':
      return shortText;
    default:
      return scalar;
  }
}

/** Of a pattern that is only known when it runs: as many as one may have. */
const patternCount = (pattern: string | null): number =>
  pattern === null ? celPatternStepsMax : patternSteps(pattern, celPatternStepsMax);

/** Text that a function makes is short. */
const resultSize = (type: CelType | undefined): Size => (type?.kind === 'string' ? shortText : sizeOf(type));

const looked = ({ count }: Size): number => charCost * count;

function compared(a: Size, b: Size): number {
  const count = Math.min(a.count, b.count);
  return a.each !== null && b.each !== null ? count * (1 + compared(a.each, b.each)) : count === 1 ? 0 : charCost * count;
}

function longest(a: Size, b: Size): Size;
function longest(a: Size | null, b: Size | null): Size | null;
function longest(a: Size | null, b: Size | null): Size | null {
  if (a === null || b === null) return a ?? b;
  return { count: Math.max(a.count, b.count), each: longest(a.each, b.each) };
}

const sum = (parts: readonly Estimate[]): number => parts.reduce((all, { cost }) => all + cost, 0);
