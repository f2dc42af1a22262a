import type { Expr, Expr_Call, Expr_Select } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { bool, double, int, map, nothing, string } from '../kinds.ts';
import { symbolOf } from '../operators.ts';
import { constantString, dottedName } from '../tree.ts';
import type { CelType } from '../types.ts';
import { NotCompiled, literal, strict } from './code.ts';
import type { Code, Scope } from './code.ts';
import { call } from './functions.ts';
import { both, choose, not } from './logic.ts';
import { loop } from './macros.ts';
import { negate, operate } from './operators.ts';

/** Code for an expression that the checker has accepted. Throws NotCompiled for an int constant beyond 2^53. */
export function emit(expr: Expr, scope: Scope): Code {
  const { exprKind } = expr;
  const aggregate = scope.checked.aggregates.findIndex(({ id }) => id === expr.id);
  if (aggregate >= 0) return scope.names(`@${aggregate}`);
  switch (exprKind.case) {
    case 'constExpr':
      return constantOf(expr, scope);
    case 'identExpr':
      return scope.variables.get(exprKind.value.name) ?? scope.names(plain(exprKind.value.name));
    case 'selectExpr':
      return select(expr, exprKind.value, scope);
    case 'callExpr':
      return callOf(expr, exprKind.value, scope);
    case 'comprehensionExpr':
      return loop(expr, exprKind.value, scope, emit);
    case 'listExpr':
      return listOf(expr, exprKind.value.elements.map((element) => emit(element, scope)), scope); // prettier-ignore
    case 'structExpr':
      return mapOf(expr, scope);
    default:
      throw broken('an expression of no kind');
  }
}

const broken = (what: string): Error => new Error(`flyball: broken invariant: ${what} was accepted by the checker`);

const typeOf = (expr: Expr, scope: Scope): CelType => {
  const type = scope.checked.types.get(expr.id);
  if (type === undefined) throw broken('a node without a type');
  return type;
};

/** `.now` is `now` from the root. */
const plain = (path: string): string => path.replace(/^\./, '');

function constantOf(expr: Expr, scope: Scope): Code {
  const kind = expr.exprKind.case === 'constExpr' ? expr.exprKind.value.constantKind : undefined;
  const code = (type: CelType, constant: string | number | boolean): Code => {
    const range = type === int ? ([Number(constant), Number(constant)] as const) : null;
    const js = scope.shares && typeof constant !== 'boolean' ? scope.constant(constant) : literal(constant);
    return { js, type, fails: false, range, constant };
  };
  switch (kind?.case) {
    case 'boolValue':
      return code(bool, kind.value);
    case 'stringValue':
      return code(string, kind.value);
    case 'doubleValue':
      return code(double, kind.value);
    case 'int64Value':
      if (!Number.isSafeInteger(Number(kind.value))) throw new NotCompiled('an int constant beyond 2^53');
      return code(int, Number(kind.value));
    case 'nullValue':
      return { js: 'null', type: nothing, fails: false, range: null };
    default:
      throw broken('a constant of another type');
  }
}

function select(expr: Expr, { operand, field, testOnly }: Expr_Select, scope: Scope): Code {
  if (operand === undefined) throw broken('a field of nothing');
  const path = dottedName(operand);
  if (typeOf(operand, scope).kind === 'struct') {
    const code = scope.names(plain(`${path}.${field}`));
    if (!testOnly) return code;
    return { js: code.fails ? `(${code.js} !== undefined)` : 'true', type: bool, fails: false, range: null };
  }
  const column = columnEntry(path, field, scope);
  if (column !== null) return testOnly ? { js: 'true', type: bool, fails: false, range: null } : column;
  const of = emit(operand, scope);
  const name = literal(field);
  if (testOnly) return strict(scope, [of], (m) => `${m}.has(${name})`, { type: bool });
  return strict(scope, [of], (m) => `${m}.get(${name})`, { type: typeOf(expr, scope), fails: true });
}

/** key.request.headers["x"] is a column of its own. */
function columnEntry(path: string | null, entry: string, scope: Scope): Code | null {
  const of = plain(path ?? '');
  return of.startsWith('key.') && !scope.variables.has('key') ? scope.names(`${of}[${JSON.stringify(entry)}]`) : null;
}

function callOf(expr: Expr, { function: name, target, args }: Expr_Call, scope: Scope): Code {
  const given = [...(target === undefined ? [] : [target]), ...args];
  if (name === '_[_]') return index(expr, args, scope);
  const codes = given.map((arg) => emit(arg, scope));
  const [first, second, third] = codes;
  if (first === undefined) throw broken(`${name}()`);
  if (name === '!_') return not(scope, first);
  if (name === '-_') return negate(scope, first);
  if (second !== undefined) {
    if (name === '_&&_' || name === '_||_') return both(scope, first, second, name === '_&&_' ? '&&' : '||');
    if (name === '_?_:_' && third !== undefined) return choose(scope, first, [second, third], typeOf(expr, scope));
    if (name === '@in') return isIn(scope, first, second);
    const symbol = symbolOf(name);
    const operated = symbol === undefined ? null : operate(scope, symbol, first, second);
    if (operated !== null) return operated;
  }
  const called = call(scope, name, codes);
  if (called === null) throw broken(`${name}(${codes.map(({ type }) => type.kind).join(', ')})`);
  return called;
}

function index(expr: Expr, [of, by]: readonly Expr[], scope: Scope): Code {
  if (of === undefined || by === undefined) throw broken('[]');
  const entry = constantString(by);
  const column = entry === null ? null : columnEntry(dottedName(of), entry, scope);
  if (column !== null) return column;
  const [whole, at] = [emit(of, scope), emit(by, scope)];
  const isList = whole.type.kind === 'list';
  return strict(scope, [whole, at], (x, y) => (isList ? `${x}[${y}]` : `${x}.get(${y})`), { type: typeOf(expr, scope), fails: true });
}

/** More constants than this are looked up in a set. */
const chainMax = 8;

function isIn(scope: Scope, value: Code, of: Code): Code {
  if (of.type.kind === 'map') return strict(scope, [value, of], (x, m) => `${m}.has(${x})`, { type: bool });
  const constants = (of.elements ?? []).flatMap(({ constant }) => (constant === undefined ? [] : [constant]));
  if (of.elements === undefined || constants.length < of.elements.length)
    return strict(scope, [value, of], (x, list) => `rt.among(${list}, ${x})`, { type: bool });
  if (constants.length > chainMax && value.type !== double) {
    const set = scope.constant(new Set(constants));
    return strict(scope, [value], (x) => `${set}.has(${x})`, { type: bool });
  }
  const name = scope.temporary();
  const tests = constants.map((constant) => `${name} === ${literal(constant)}`).join(' || ');
  return strict(scope, [value], (x) => `(${name} = ${x}, ${tests === '' ? 'false' : tests})`, { type: bool });
}

function listOf(expr: Expr, elements: readonly Code[], scope: Scope): Code {
  const type = typeOf(expr, scope);
  const inside = elements.map(({ js }) => js).join(', ');
  if (elements.some(({ fails }) => fails)) return { js: `rt.list([${inside}])`, type, fails: true, range: null };
  return { js: `[${inside}]`, type, fails: false, range: null, elements };
}

function mapOf(expr: Expr, scope: Scope): Code {
  const entries = expr.exprKind.case === 'structExpr' ? expr.exprKind.value.entries : [];
  const pairs = entries.map(({ keyKind, value }) => {
    if (keyKind.case !== 'mapKey' || value === undefined) throw broken('a message');
    return `[${emit(keyKind.value, scope).js}, ${emit(value, scope).js}]`;
  });
  const type = typeOf(expr, scope);
  return {
    js: `rt.map([${pairs.join(', ')}])`,
    type: type.kind === 'map' ? type : map(string, string),
    fails: pairs.length > 0,
    range: null,
  };
}
